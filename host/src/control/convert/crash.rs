//! Messages about crashes and broken rules.

use crate::control::{model, wire};

impl From<model::CrashView> for wire::Crash {
    fn from(view: model::CrashView) -> Self {
        let model::CrashView { unix_seconds, what, extension, switch, sha256, pid, thread, stack } = view;
        Self { unix_seconds, what, extension, switch, sha256, pid, thread, stack }
    }
}

impl From<wire::Crash> for model::CrashView {
    fn from(crash: wire::Crash) -> Self {
        let wire::Crash { unix_seconds, what, extension, switch, sha256, pid, thread, stack } = crash;
        Self { unix_seconds, what, extension, switch, sha256, pid, thread, stack }
    }
}

impl From<model::ViolationView> for wire::Violation {
    fn from(view: model::ViolationView) -> Self {
        let model::ViolationView { rule, count, port } = view;
        Self { rule, count, port }
    }
}

impl From<wire::Violation> for model::ViolationView {
    fn from(violation: wire::Violation) -> Self {
        let wire::Violation { rule, count, port } = violation;
        Self { rule, count, port }
    }
}
