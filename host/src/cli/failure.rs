//! Why a command did not succeed: one sentence and the class that decides the exit code.

use crate::control::convert::UnreadableAnswer;
use crate::control::error::ErrorClass;
use crate::control::status::{CLASS_KEY, NAME_KEY, class_of};
use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::time::Duration;
use tonic::{Code, Status};

/// A command that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What it means to a program; its row in the table has the exit code.
    pub class: ErrorClass,
    /// The daemon's name for it, as in `no-such-switch`; `None` when heddle itself says no.
    pub name: Option<String>,
    /// One sentence that names the thing, the reason and the fix.
    pub message: String,
}

impl Failure {
    pub(super) fn new(class: ErrorClass, message: impl Into<String>) -> Self {
        Self { class, name: None, message: message.into() }
    }

    /// Something on this side, unrelated to the daemon.
    pub(super) fn other(step: &str, error: &dyn std::error::Error) -> Self {
        Self::new(ErrorClass::Other, format!("heddle cannot {step}: {error}"))
    }

    /// A file of the operator's that could not be read or written.
    pub(super) fn file(step: &str, path: &Path, error: &io::Error) -> Self {
        let class =
            if error.kind() == io::ErrorKind::PermissionDenied { ErrorClass::Permission } else { ErrorClass::Other };
        Self::new(class, format!("cannot {step} {}: {error}; give another path", path.display()))
    }

    /// The connection could not be made.
    pub(super) fn connect(socket: &Path, error: &io::Error) -> Self {
        let socket = socket.display();
        let unreachable = |reason: &str| {
            let message =
                format!("heddled cannot be reached on {socket}: {reason}; start heddled or give another --socket");
            Self::new(ErrorClass::Unreachable, message)
        };
        match error.kind() {
            io::ErrorKind::PermissionDenied => Self::new(
                ErrorClass::Permission,
                format!("you may not connect to {socket}; run the command as root or join the group heddle to read"),
            ),
            io::ErrorKind::NotFound => unreachable("the socket does not exist"),
            io::ErrorKind::ConnectionRefused => unreachable("nothing listens there any more"),
            _ => unreachable(&error.to_string()),
        }
    }

    /// The socket is there and nobody took the connection in time.
    pub(super) fn not_accepted(socket: &Path, waited: Duration) -> Self {
        let message = format!(
            "heddled on {} did not accept the connection within {} s: it is stopped, stuck or being restarted; see its \
             log, restart it if it stays silent, or wait longer with --timeout",
            socket.display(),
            waited.as_secs()
        );
        Self::new(ErrorClass::Unreachable, message)
    }

    /// The daemon took the connection and did not answer in time.
    pub(super) fn silent(socket: &Path, waited: Duration) -> Self {
        let message = format!(
            "heddled on {} did not answer within {} s and may still be working on the request; see its log, or wait \
             longer with --timeout",
            socket.display(),
            waited.as_secs()
        );
        Self::new(ErrorClass::Unreachable, message)
    }

    /// Whether the daemon had too much to do and did nothing of the request.
    pub(super) fn is_occupied(&self) -> bool {
        self.name.as_deref() == Some("occupied")
    }

    /// What `heddle` prints on stderr.
    #[must_use]
    pub fn render(&self, json: bool) -> String {
        let row = self.class.row();
        if json {
            let error = serde_json::json!({
                "class": row.name,
                "name": self.name,
                "exit_code": row.exit,
                "message": self.message,
            });
            serde_json::json!({ "error": error }).to_string()
        } else {
            format!("heddle: {}", super::render::plain(&self.message))
        }
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        if status.metadata().contains_key(CLASS_KEY) {
            let name = status.metadata().get(NAME_KEY).and_then(|name| name.to_str().ok()).map(str::to_owned);
            return Self { name, ..Self::new(class_of(&status), status.message()) };
        }
        // Without our class the status was made by the transport: the daemon is gone, or is another version.
        if status.code() == Code::Unimplemented {
            return Self::new(ErrorClass::Other, "heddled does not know this request; use the heddle of its version");
        }
        let message =
            format!("the connection to heddled broke ({}); it may be restarting, try again", status.message());
        Self::new(ErrorClass::Unreachable, message)
    }
}

impl From<UnreadableAnswer> for Failure {
    fn from(error: UnreadableAnswer) -> Self {
        Self::new(ErrorClass::Other, error.to_string())
    }
}

/// The table of exit codes for `heddle --help`.
pub(super) fn exit_code_help() -> String {
    let mut help = "Exit codes:\n   0  done\n".to_owned();
    let mut rows = ErrorClass::TABLE;
    rows.sort_by_key(|row| row.exit);
    for row in rows {
        let _ = writeln!(help, "  {:>2}  {}", row.exit, row.meaning);
    }
    help.push_str("\nEach command has examples in its own --help.");
    help
}
