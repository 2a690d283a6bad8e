//! The device string of a pcap port, parsed once for the operator's request and again where the port is opened. The head of
//! [`pcap`](super) describes the parts.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// How the parts are written.
const FORM: &str =
    "write in=FILE,out=FILE,pace=file|flat|PPS,loops=N,limit=MIB,drops=on|off with at least one of the files";
/// Longest device string, in bytes.
const LENGTH_MAX: usize = 1_024;
/// Most frames a second that can be asked for.
const PPS_MAX: u64 = 10_000_000;
/// Largest recording, in MiB.
const LIMIT_MAX: u64 = 1 << 20;
/// Size of a recording when none is given, in MiB.
const LIMIT_DEFAULT: u64 = 1_024;

/// When frames are replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// With the file's own timing.
    File,
    /// As fast as the switch takes them.
    Flat,
    /// This many a second.
    Rate(u64),
}

/// What a pcap port does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PcapSettings {
    replay: Option<PathBuf>,
    record: Option<PathBuf>,
    pace: Pace,
    loops: u64,
    limit: u64,
    drops: bool,
}

/// Why a device string names no files: the reason and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsError {
    /// What is wrong, as the rest of a sentence about the text.
    pub reason: String,
    /// What to write instead.
    pub fix: &'static str,
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.reason, self.fix)
    }
}

impl std::error::Error for SettingsError {}

fn wrong(reason: impl Into<String>, fix: &'static str) -> SettingsError {
    SettingsError { reason: reason.into(), fix }
}

fn path(key: &str, value: &str) -> Result<PathBuf, SettingsError> {
    let fix = "give the absolute path of a file: heddled does not run where you do";
    if !value.starts_with('/') || value.ends_with('/') || value.chars().any(char::is_control) {
        return Err(wrong(format!("{key}={} is no absolute path of a file", value.escape_debug()), fix));
    }
    Ok(PathBuf::from(value))
}

fn number(key: &'static str, value: &str, most: u64, fix: &'static str) -> Result<u64, SettingsError> {
    let parsed = value.parse().ok().filter(|number| *number <= most);
    parsed.ok_or_else(|| wrong(format!("{key}={} is not a number up to {most}", value.escape_debug()), fix))
}

impl FromStr for PcapSettings {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<PcapSettings, SettingsError> {
        if text.len() > LENGTH_MAX {
            return Err(wrong(format!("is longer than {LENGTH_MAX} bytes"), "use shorter paths"));
        }
        let mut settings =
            PcapSettings { replay: None, record: None, pace: Pace::File, loops: 1, limit: LIMIT_DEFAULT, drops: false };
        let mut seen = Vec::new();
        for part in text.split(',') {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            if seen.contains(&key) {
                return Err(wrong(format!("{key}= is given twice"), FORM));
            }
            seen.push(key);
            match key {
                "in" => settings.replay = Some(path(key, value)?),
                "out" => settings.record = Some(path(key, value)?),
                "pace" => settings.pace = pace(value)?,
                "loops" => settings.loops = number("loops", value, u32::MAX.into(), "0 is for ever")?,
                "limit" => settings.limit = limit(value)?,
                "drops" if matches!(value, "on" | "off") => settings.drops = value == "on",
                "drops" => {
                    return Err(wrong(format!("drops={} is neither on nor off", value.escape_debug()), "use drops=on"));
                }
                _ => return Err(wrong(format!("has a part '{}' that means nothing", key.escape_debug()), FORM)),
            }
        }
        match (&settings.replay, &settings.record) {
            (None, None) => Err(wrong("names no file", FORM)),
            (Some(one), Some(other)) if one == other => {
                Err(wrong("would replay the file it records", "give two different files"))
            }
            (None, Some(_)) if seen.contains(&"pace") || seen.contains(&"loops") => {
                Err(wrong("has a pace or loops but replays nothing", "add in=FILE or leave them out"))
            }
            (Some(_), None) if seen.contains(&"limit") => {
                Err(wrong("limits a recording but records nothing", "add out=FILE or leave limit= out"))
            }
            (Some(_), None) if seen.contains(&"drops") => {
                Err(wrong("records drops but records nothing", "add out=FILE or leave drops= out"))
            }
            _ => Ok(settings),
        }
    }
}

fn limit(value: &str) -> Result<u64, SettingsError> {
    let fix = "give mebibytes, at least 1";
    let limit = number("limit", value, LIMIT_MAX, fix)?;
    if limit == 0 { Err(wrong("limit=0 records nothing", fix)) } else { Ok(limit) }
}

fn pace(value: &str) -> Result<Pace, SettingsError> {
    match value {
        "file" => Ok(Pace::File),
        "flat" => Ok(Pace::Flat),
        rate => {
            let fix = "use pace=file, pace=flat or frames a second, at least 1";
            let rate = number("pace", rate, PPS_MAX, fix)?;
            if rate == 0 { Err(wrong("pace=0 sends nothing", fix)) } else { Ok(Pace::Rate(rate)) }
        }
    }
}

impl PcapSettings {
    /// The file to replay.
    pub fn replay(&self) -> Option<&Path> {
        self.replay.as_deref()
    }

    /// The file to record to.
    pub fn record(&self) -> Option<&Path> {
        self.record.as_deref()
    }

    /// When frames are replayed.
    pub fn pace(&self) -> Pace {
        self.pace
    }

    /// How often; `None` is for ever.
    pub fn loops(&self) -> Option<u64> {
        (self.loops > 0).then_some(self.loops)
    }

    /// Largest recording in bytes.
    pub fn limit(&self) -> u64 {
        self.limit << 20
    }

    /// Whether dropped frames are recorded.
    #[must_use]
    pub fn drops(&self) -> bool {
        self.drops
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_may_come_in_any_order_and_have_defaults() {
        let settings: PcapSettings = "out=/tmp/o.pcapng,pace=2500,in=/tmp/i.pcap,loops=0,limit=2".parse().unwrap();
        assert_eq!(
            (settings.replay(), settings.record()),
            (Some("/tmp/i.pcap".as_ref()), Some("/tmp/o.pcapng".as_ref()))
        );
        assert_eq!((settings.pace(), settings.loops(), settings.limit()), (Pace::Rate(2_500), None, 2 << 20));
        let settings: PcapSettings = "in=/tmp/a=b.pcap".parse().unwrap();
        assert_eq!((settings.replay(), settings.record()), (Some("/tmp/a=b.pcap".as_ref()), None));
        assert_eq!((settings.pace(), settings.loops(), settings.limit()), (Pace::File, Some(1), 1 << 30));
        assert_eq!("in=/i,pace=flat".parse::<PcapSettings>().unwrap().pace(), Pace::Flat);
    }

    #[test]
    fn what_names_no_files_is_answered_with_the_reason_and_the_fix() {
        for (text, expected) in [
            ("", "has a part '' that means nothing; write in=FILE"),
            ("capture.pcap", "has a part 'capture.pcap' that means nothing"),
            ("in=capture.pcap", "in=capture.pcap is no absolute path of a file; give the absolute path"),
            ("in=/tmp/", "is no absolute path of a file"),
            ("in=/a,in=/b", "in= is given twice"),
            ("in=/a,out=/a", "would replay the file it records; give two different files"),
            ("out=/a,pace=flat", "has a pace or loops but replays nothing; add in=FILE"),
            ("in=/a,limit=1", "limits a recording but records nothing"),
            ("pace=flat", "names no file; write in=FILE"),
            ("in=/a,pace=0", "pace=0 sends nothing; use pace=file, pace=flat or frames a second"),
            ("in=/a,pace=fast", "pace=fast is not a number up to 10000000; use pace=file"),
            ("in=/a,loops=-1", "loops=-1 is not a number up to 4294967295; 0 is for ever"),
            ("in=/a,drops=on", "records drops but records nothing; add out=FILE"),
            ("out=/a,drops=yes", "drops=yes is neither on nor off; use drops=on"),
            ("out=/a,limit=0", "limit=0 records nothing; give mebibytes, at least 1"),
            ("out=/a,limit=9999999", "limit=9999999 is not a number up to 1048576"),
        ] {
            let message = text.parse::<PcapSettings>().err().map(|error| error.to_string()).unwrap_or_default();
            assert!(message.contains(expected), "{text}: {message}");
        }
        assert!(format!("in=/{}", "x".repeat(2_000)).parse::<PcapSettings>().is_err());
    }
}
