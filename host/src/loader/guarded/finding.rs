//! What the debug mode found, in words and with the stack.

use std::sync::{Mutex, PoisonError};

use heddle_switch_core::violation::Rule;

use crate::contain::modules;

/// Findings kept of an extension; more are only counted, by rule.
pub const FINDINGS_MAX: usize = 32;

/// A finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule.
    pub rule: Rule,
    /// The function of the extension that was called.
    pub function: &'static str,
    /// What was done, and where.
    pub text: String,
    /// The port of the frame it is about.
    pub port: Option<String>,
    /// First byte it is about, counted from the first byte of what was lent; negative in front of it.
    pub offset: Option<i64>,
    /// Who did it, innermost first: `MODULE+OFFSET`, and the exported symbol. Empty when it was noticed after the call.
    pub stack: Vec<String>,
}

impl Finding {
    /// In one line.
    #[must_use]
    pub fn line(&self) -> String {
        let port = self.port.as_ref().map_or_else(String::new, |port| format!(" from port {port}"));
        let stack = match self.stack.as_slice() {
            [] => "noticed after the call".to_owned(),
            stack => format!("at {}", stack.join(" < ")),
        };
        format!("{}: {}{port}, in {}; {stack}", self.rule.name(), self.text, self.function)
    }
}

/// The findings of one instance.
#[derive(Debug, Default)]
pub struct Findings(Mutex<Vec<Finding>>);

impl Findings {
    /// Keeps a finding, unless there are enough; whether it did.
    pub(super) fn keep(&self, finding: &Finding) -> bool {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = kept.len() < FINDINGS_MAX;
        if room {
            kept.push(finding.clone());
        }
        room
    }

    /// All that were kept, oldest first.
    #[must_use]
    pub fn all(&self) -> Vec<Finding> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Return addresses as people and `addr2line` read them, up to where the host called.
pub(super) fn stack(addresses: &[usize]) -> Vec<String> {
    let own = modules::find(stack as fn(&[usize]) -> Vec<String> as usize).map(|(module, _)| module);
    let known = addresses.iter().filter_map(|address| modules::find(*address));
    known
        .take_while(|(module, _)| Some(*module) != own)
        .map(|(module, offset)| format!("{module}+{offset:#x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_are_bounded_and_say_all_they_know() {
        let one = Finding {
            rule: Rule::FrameWritten,
            function: "ingress",
            text: "stored at byte 3 of frame 0".to_owned(),
            port: Some("uplink".to_owned()),
            offset: Some(3),
            stack: vec!["libx.so+0x10".to_owned(), "libx.so+0x20".to_owned()],
        };
        let line =
            "frame-written: stored at byte 3 of frame 0 from port uplink, in ingress; at libx.so+0x10 < libx.so+0x20";
        assert_eq!(one.line(), line);
        let findings = Findings::default();
        let kept = (0..2 * FINDINGS_MAX).filter(|_| findings.keep(&one)).count();
        assert_eq!((kept, findings.all().len()), (FINDINGS_MAX, FINDINGS_MAX));
        modules::refresh();
        assert_eq!(stack(&[stack as fn(&[usize]) -> Vec<String> as usize, 8]), Vec::<String>::new());
    }
}
