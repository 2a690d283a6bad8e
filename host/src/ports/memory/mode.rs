//! What is at the far side of a memory port: parsed once from the device string, for the operator's request and again
//! where the port is opened. The head of [`memory`](super) describes the modes.

use std::fmt;
use std::str::FromStr;

use super::source::SourceSettings;

/// Longest name of a cable, in bytes.
const CABLE_NAME_MAX: usize = 64;
/// How the modes are written.
const FORMS: &str = "use sink, source:PPS:SIZE:FLOWS[:FROM:TO], loop:NAME or nothing";

/// The far side of a memory port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mode {
    /// An end to take with [`take_end`](super::take_end): for programs that play the other side themselves.
    FarEnd,
    /// Takes everything and sends nothing.
    Sink,
    /// Sends numbered frames and takes everything.
    Source(SourceSettings),
    /// A cable to the other port with the same name.
    Loop(String),
}

/// Why a device string names no mode: the reason and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModeError {
    /// What is wrong, as the rest of a sentence about the text.
    pub reason: String,
    /// What to write instead.
    pub fix: &'static str,
}

impl fmt::Display for ModeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.reason, self.fix)
    }
}

impl std::error::Error for ModeError {}

impl FromStr for Mode {
    type Err = ModeError;

    fn from_str(text: &str) -> Result<Mode, ModeError> {
        let wrong = |reason: String| ModeError { reason, fix: FORMS };
        let (mode, argument) = text.split_once(':').unwrap_or((text, ""));
        match (mode, argument) {
            ("", "") if text.is_empty() => Ok(Mode::FarEnd),
            ("sink", "") => Ok(Mode::Sink),
            ("source", settings) => SourceSettings::parse(settings)
                .map(Mode::Source)
                .map_err(|reason| ModeError { reason, fix: "for example source:1000:64:4" }),
            ("loop", name) if is_cable_name(name) => Ok(Mode::Loop(name.to_owned())),
            ("loop", _) => Err(wrong("NAME has 1 to 64 characters of A-Z a-z 0-9 . _ -".to_owned())),
            _ => Err(wrong("is no far side of a memory port".to_owned())),
        }
    }
}

fn is_cable_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=CABLE_NAME_MAX).contains(&name.len()) && name.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mode_is_written_as_the_help_says() {
        assert_eq!("".parse(), Ok(Mode::FarEnd));
        assert_eq!("sink".parse(), Ok(Mode::Sink));
        assert_eq!("loop:a-b".parse(), Ok(Mode::Loop("a-b".to_owned())));
        assert!(matches!("source:1000:64:4".parse(), Ok(Mode::Source(_))));
        assert!(matches!("source:1000:64:4:7:8".parse(), Ok(Mode::Source(_))));
    }

    #[test]
    fn what_is_no_mode_is_answered_with_the_reason_and_the_fix() {
        for (text, expected) in [
            ("eth0", "is no far side of a memory port; use sink"),
            (":", "is no far side"),
            ("sink:1", "is no far side"),
            ("loop:", "NAME has 1 to 64"),
            ("loop:a b", "NAME has 1 to 64"),
            ("source:0:64:4", "PPS must be 1 to"),
            ("source:1000:60:4", "SIZE must be 64 to 9022 bytes; for example source:1000:64:4"),
            ("source:1000:64", "write source:PPS:SIZE:FLOWS"),
        ] {
            let message = text.parse::<Mode>().err().map(|error| error.to_string()).unwrap_or_default();
            assert!(message.contains(expected), "{text}: {message}");
        }
    }
}
