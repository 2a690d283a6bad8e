//! The agent's settings: `key=value` text parsed once into typed values with their units.
//!
//! One setting a line, or several in a line separated by blanks or commas; `#` starts a comment. Every fault names the key, the
//! reason and what would be right; nothing is adjusted silently.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;

use crate::sampler::RATE_MAX;

/// UDP port of collectors (IANA, section 5).
pub const DEFAULT_COLLECTOR_PORT: u16 = 6343;
/// Every key, for messages and the README.
pub const KEYS: [&str; 6] = ["collector", "sampling", "polling", "header", "agent", "sub_agent"];

const HEADER_MIN: u32 = 14;
const HEADER_MAX: u32 = 256;
const POLLING_MAX: u32 = 86_400;

/// Validated settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where datagrams go.
    pub collector: SocketAddr,
    /// One frame in so many is sampled; 0 = none.
    pub sampling: u32,
    /// Seconds between two counters samples of a port; 0 = none.
    pub polling: u32,
    /// Bytes kept of a sampled frame.
    pub header: u32,
    /// Address that names this agent.
    pub agent: IpAddr,
    /// Number that tells agents of the same address apart.
    pub sub_agent: u32,
}

/// Why a configuration is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigError {
    /// A setting without `=`.
    NotKeyValue {
        /// The text.
        text: String,
    },
    /// No such key.
    UnknownKey {
        /// The key given.
        key: String,
        /// The valid key most like it.
        nearest: &'static str,
    },
    /// A key given twice.
    DuplicateKey {
        /// The key.
        key: &'static str,
    },
    /// A required key is not there.
    MissingKey {
        /// The key.
        key: &'static str,
        /// What to write.
        form: &'static str,
    },
    /// A value that cannot be used.
    BadValue {
        /// The key.
        key: &'static str,
        /// The value given.
        value: String,
        /// What would be right.
        expected: String,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotKeyValue { text } => write!(f, "`{text}` is not a setting: write key=value"),
            Self::UnknownKey { key, nearest } => {
                write!(f, "no key `{key}`: did you mean `{nearest}`? (keys: {})", KEYS.join(", "))
            }
            Self::DuplicateKey { key } => write!(f, "`{key}` is given twice: keep one"),
            Self::MissingKey { key, form } => write!(f, "`{key}` is missing: give {form}"),
            Self::BadValue { key, value, expected } => write!(f, "`{key}={value}` cannot be used: give {expected}"),
        }
    }
}

impl std::error::Error for ConfigError {}

impl FromStr for Config {
    type Err = ConfigError;

    fn from_str(text: &str) -> Result<Self, ConfigError> {
        let mut values: [Option<&str>; KEYS.len()] = [None; KEYS.len()];
        for line in text.lines() {
            let line = line.split_once('#').map_or(line, |(before, _)| before);
            for setting in line.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty()) {
                let (name, value) =
                    setting.split_once('=').ok_or_else(|| ConfigError::NotKeyValue { text: setting.to_owned() })?;
                let (key, slot) = KEYS
                    .iter()
                    .zip(values.iter_mut())
                    .find(|(key, _)| **key == name)
                    .ok_or_else(|| ConfigError::UnknownKey { key: name.to_owned(), nearest: nearest_key(name) })?;
                if slot.replace(value).is_some() {
                    return Err(ConfigError::DuplicateKey { key });
                }
            }
        }
        let [collector, sampling, polling, header, agent, sub_agent] = values;
        let collector = collector.ok_or(ConfigError::MissingKey {
            key: "collector",
            form: "collector=ADDR[:PORT], such as 192.0.2.1:6343",
        })?;
        Ok(Self {
            collector: parse_collector(collector)?,
            sampling: number("sampling", sampling, 400, 0, RATE_MAX, "frames, 0 = off")?,
            polling: number("polling", polling, 30, 0, POLLING_MAX, "seconds, 0 = off")?,
            header: number("header", header, 128, HEADER_MIN, HEADER_MAX, "bytes")?,
            agent: agent.map_or(Ok(IpAddr::V4(Ipv4Addr::LOCALHOST)), parse_agent)?,
            sub_agent: number("sub_agent", sub_agent, 0, 0, u32::MAX, "a plain number")?,
        })
    }
}

fn number(
    key: &'static str,
    value: Option<&str>,
    default: u32,
    min: u32,
    max: u32,
    unit: &str,
) -> Result<u32, ConfigError> {
    let Some(value) = value else { return Ok(default) };
    value.parse().ok().filter(|number| (min..=max).contains(number)).ok_or_else(|| ConfigError::BadValue {
        key,
        value: value.to_owned(),
        expected: format!("a whole number from {min} to {max} ({unit})"),
    })
}

fn parse_collector(value: &str) -> Result<SocketAddr, ConfigError> {
    let bare = value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let address = match (SocketAddr::from_str(value), bare) {
        (Ok(address), _) => Some(address),
        // Brackets around an IPv4 address, or an IPv6 one without them, are refused: a colon must mean one thing.
        (_, Some(bare)) => bare.parse().ok().map(|ip| SocketAddr::new(IpAddr::V6(ip), DEFAULT_COLLECTOR_PORT)),
        (_, None) => value.parse().ok().map(|ip| SocketAddr::new(IpAddr::V4(ip), DEFAULT_COLLECTOR_PORT)),
    };
    address.filter(|address| !address.ip().is_unspecified() && address.port() != 0).ok_or_else(|| {
        ConfigError::BadValue {
            key: "collector",
            value: value.to_owned(),
            expected: "ADDR or ADDR:PORT of one host, IPv6 in brackets, such as 192.0.2.1:6343 or [2001:db8::1]:6343; \
                       names are not looked up"
                .to_owned(),
        }
    })
}

fn parse_agent(value: &str) -> Result<IpAddr, ConfigError> {
    value.parse().ok().filter(|address: &IpAddr| !address.is_unspecified()).ok_or_else(|| ConfigError::BadValue {
        key: "agent",
        value: value.to_owned(),
        expected: "an IPv4 or IPv6 address that is this host's alone, without port or brackets".to_owned(),
    })
}

/// The valid key with the smallest edit distance (Levenshtein) to `name`.
fn nearest_key(name: &str) -> &'static str {
    let mut nearest = (usize::MAX, KEYS[0]);
    for key in KEYS {
        let distance = edit_distance(name, key);
        if distance < nearest.0 {
            nearest = (distance, key);
        }
    }
    nearest.1
}

fn edit_distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut left = i + 1;
        let mut diagonal = i;
        for (y, cell) in b.chars().zip(1..) {
            let Some(above) = row.get(cell).copied() else { break };
            let best = (above + 1).min(left + 1).min(diagonal + usize::from(!x.eq_ignore_ascii_case(&y)));
            diagonal = above;
            if let Some(previous) = row.get_mut(cell - 1) {
                *previous = left;
            }
            left = best;
        }
        if let Some(last) = row.last_mut() {
            *last = left;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{edit_distance, Config, ConfigError};

    fn refusal(text: &str) -> String {
        match text.parse::<Config>() {
            Ok(config) => panic!("`{text}` was accepted as {config:?}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn defaults_are_the_documented_ones() {
        let config: Config = "collector=192.0.2.1".parse().unwrap();
        assert_eq!(config.collector.to_string(), "192.0.2.1:6343");
        assert_eq!((config.sampling, config.polling, config.header, config.sub_agent), (400, 30, 128, 0));
        assert_eq!(config.agent.to_string(), "127.0.0.1");
    }

    #[test]
    fn every_key_is_read_from_lines_blanks_commas_and_around_comments() {
        let lines = "# to the lab\ncollector=[2001:db8::1]:9999 # collector\r\n\nsampling=1\npolling=0\nheader=256\nagent=2001:db8::2\nsub_agent=7\n";
        let words = "collector=[2001:db8::1]:9999,sampling=1 polling=0, header=256 agent=2001:db8::2\tsub_agent=7";
        let config: Config = lines.parse().unwrap();
        assert_eq!(config.collector.to_string(), "[2001:db8::1]:9999");
        assert_eq!((config.sampling, config.polling, config.header, config.sub_agent), (1, 0, 256, 7));
        assert_eq!(config.agent.to_string(), "2001:db8::2");
        assert_eq!(words.parse(), Ok(config));
    }

    #[test]
    fn collector_forms() {
        for (text, address) in [
            ("10.0.0.1:1", "10.0.0.1:1"),
            ("[::1]", "[::1]:6343"),
            ("[fe80::1]:7", "[fe80::1]:7"),
            ("255.255.255.255:65535", "255.255.255.255:65535"),
        ] {
            let config: Config = format!("collector={text}").parse().unwrap();
            assert_eq!(config.collector.to_string(), address);
        }
        for text in
            ["", "::1", "[10.0.0.1]", "10.0.0.1:", "10.0.0.1:0", "10.0.0.1:65536", "0.0.0.0", "[::]", "host", "[::1"]
        {
            let error = refusal(&format!("collector={text}"));
            assert!(
                error.starts_with(&format!("`collector={text}` cannot be used: give ADDR or ADDR:PORT")),
                "{error}"
            );
        }
    }

    #[test]
    fn refusals_name_the_key_the_reason_and_the_fix() {
        assert_eq!(refusal(""), "`collector` is missing: give collector=ADDR[:PORT], such as 192.0.2.1:6343");
        assert_eq!(refusal("collector"), "`collector` is not a setting: write key=value");
        assert_eq!(
            refusal("collector=10.0.0.1 poling=5"),
            "no key `poling`: did you mean `polling`? (keys: collector, sampling, polling, header, agent, sub_agent)"
        );
        assert_eq!(refusal("polling=5 polling=6"), "`polling` is given twice: keep one");
        for (setting, range) in [
            ("header=13", "14 to 256 (bytes)"),
            ("header=257", "14 to 256 (bytes)"),
            ("sampling=-1", "0 to 1000000000 (frames, 0 = off)"),
            ("polling=86401", "0 to 86400 (seconds, 0 = off)"),
            ("polling=1.5", "0 to 86400 (seconds, 0 = off)"),
            ("sub_agent=4294967296", "0 to 4294967295 (a plain number)"),
        ] {
            assert_eq!(
                refusal(&format!("collector=10.0.0.1 {setting}")),
                format!("`{setting}` cannot be used: give a whole number from {range}")
            );
        }
        for agent in ["0.0.0.0", "::", "[::1]", "10.0.0.1:1", "x"] {
            let error = refusal(&format!("collector=10.0.0.1 agent={agent}"));
            assert!(error.contains("an IPv4 or IPv6 address"), "{error}");
        }
    }

    #[test]
    fn the_nearest_key_is_offered() {
        for (typed, nearest) in [
            ("Collector", "collector"),
            ("samplng", "sampling"),
            ("subagent", "sub_agent"),
            ("hdr", "header"),
            ("agnet", "agent"),
        ] {
            let error = format!("collector=10.0.0.1 {typed}=1").parse::<Config>();
            assert_eq!(error, Err(ConfigError::UnknownKey { key: typed.to_owned(), nearest }), "{typed}");
        }
        assert_eq!(edit_distance("kitten", "sitting"), 3);
        assert_eq!(edit_distance("", "abc"), 3);
        assert_eq!(edit_distance("abc", ""), 3);
    }
}
