//! The agent's settings: the instance's `key=value` lines parsed once into typed values with their units.
//!
//! Every fault names the key, the reason and what would be right; nothing is adjusted silently. As everywhere in the
//! switch, a later line of the same key wins.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::str::FromStr;

use heddle_extension_api::{Config as Lines, ConfigError};

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

impl TryFrom<&Lines<'_>> for Config {
    type Error = ConfigError;

    fn try_from(lines: &Lines<'_>) -> Result<Self, ConfigError> {
        if let Some((key, _)) = lines.pairs().find(|(key, _)| !KEYS.contains(key)) {
            let known = format!("{}; did you mean `{}`?", KEYS.join(", "), nearest_key(key));
            return Err(ConfigError::UnknownKey { key: key.to_owned(), known });
        }
        let collector = lines.get("collector").ok_or(ConfigError::Missing { key: "collector".to_owned() })?;
        Ok(Self {
            collector: parse_collector(collector)?,
            sampling: number(lines, "sampling", 400, 0..=RATE_MAX, "frames, 0 = off")?,
            polling: number(lines, "polling", 30, 0..=POLLING_MAX, "seconds, 0 = off")?,
            header: number(lines, "header", 128, HEADER_MIN..=HEADER_MAX, "bytes")?,
            agent: lines.get("agent").map_or(Ok(IpAddr::V4(Ipv4Addr::LOCALHOST)), parse_agent)?,
            sub_agent: number(lines, "sub_agent", 0, 0..=u32::MAX, "a plain number")?,
        })
    }
}

impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { collector, sampling, polling, header, agent, sub_agent } = self;
        write!(
            f,
            "collector={collector} sampling={sampling} polling={polling} header={header} agent={agent} \
             sub_agent={sub_agent}"
        )
    }
}

fn refuse(key: &str, value: &str, expected: &str) -> ConfigError {
    ConfigError::BadValue { key: key.to_owned(), value: value.to_owned(), reason: format!("give {expected}") }
}

fn number(
    lines: &Lines<'_>,
    key: &str,
    default: u32,
    range: RangeInclusive<u32>,
    unit: &str,
) -> Result<u32, ConfigError> {
    let Some(value) = lines.get(key) else { return Ok(default) };
    let in_range = value.parse().ok().filter(|number| range.contains(number));
    in_range.ok_or_else(|| {
        let (min, max) = range.into_inner();
        refuse(key, value, &format!("a whole number from {min} to {max} ({unit})"))
    })
}

fn parse_collector(value: &str) -> Result<SocketAddr, ConfigError> {
    let bare = value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    // Brackets around an IPv4 address, or an IPv6 one without them, are refused: a colon must mean one thing.
    let address = match (SocketAddr::from_str(value), bare) {
        (Ok(address), _) => Some(address),
        (_, Some(bare)) => bare.parse().ok().map(|ip| SocketAddr::new(IpAddr::V6(ip), DEFAULT_COLLECTOR_PORT)),
        (_, None) => value.parse().ok().map(|ip| SocketAddr::new(IpAddr::V4(ip), DEFAULT_COLLECTOR_PORT)),
    };
    let expected = "ADDR or ADDR:PORT of one host, IPv6 in brackets, such as 192.0.2.1:6343 or [2001:db8::1]:6343; \
                    names are not looked up";
    address
        .filter(|address| !address.ip().is_unspecified() && address.port() != 0)
        .ok_or_else(|| refuse("collector", value, expected))
}

fn parse_agent(value: &str) -> Result<IpAddr, ConfigError> {
    let expected = "an IPv4 or IPv6 address that is this host's alone, without port or brackets";
    let address = value.parse().ok().filter(|address: &IpAddr| !address.is_unspecified());
    address.ok_or_else(|| refuse("agent", value, expected))
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
    use super::{edit_distance, Config, ConfigError, Lines};

    fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::try_from(&Lines::new(text)?)
    }

    fn refusal(text: &str) -> String {
        match parse(text) {
            Ok(config) => panic!("`{text}` was accepted as {config:?}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn defaults_are_the_documented_ones() {
        let config = parse("collector=192.0.2.1").unwrap();
        assert_eq!(config.collector.to_string(), "192.0.2.1:6343");
        assert_eq!((config.sampling, config.polling, config.header, config.sub_agent), (400, 30, 128, 0));
        assert_eq!(config.agent.to_string(), "127.0.0.1");
    }

    #[test]
    fn every_key_is_read() {
        let config = parse(
            "# to the lab\ncollector = [2001:db8::1]:9999\r\n\nsampling=5\nsampling=1\npolling=0\nheader=256\n\
             agent=2001:db8::2\nsub_agent=7\n",
        )
        .unwrap();
        assert_eq!(config.collector.to_string(), "[2001:db8::1]:9999");
        assert_eq!((config.sampling, config.polling, config.header, config.sub_agent), (1, 0, 256, 7));
        assert_eq!(config.agent.to_string(), "2001:db8::2");
    }

    #[test]
    fn collector_forms() {
        for (text, address) in [
            ("10.0.0.1:1", "10.0.0.1:1"),
            ("[::1]", "[::1]:6343"),
            ("[fe80::1]:7", "[fe80::1]:7"),
            ("255.255.255.255:65535", "255.255.255.255:65535"),
        ] {
            assert_eq!(parse(&format!("collector={text}")).unwrap().collector.to_string(), address);
        }
        for text in
            ["", "::1", "[10.0.0.1]", "10.0.0.1:", "10.0.0.1:0", "10.0.0.1:65536", "0.0.0.0", "[::]", "host", "[::1"]
        {
            let error = refusal(&format!("collector={text}"));
            assert!(error.starts_with(&format!("collector={text}: give ADDR or ADDR:PORT")), "{error}");
        }
    }

    #[test]
    fn refusals_name_the_key_the_reason_and_the_fix() {
        assert_eq!(refusal(""), "`collector` is missing; add a line collector=VALUE");
        for (setting, range) in [
            ("header=13", "14 to 256 (bytes)"),
            ("header=257", "14 to 256 (bytes)"),
            ("sampling=-1", "0 to 1000000000 (frames, 0 = off)"),
            ("polling=86401", "0 to 86400 (seconds, 0 = off)"),
            ("polling=1.5", "0 to 86400 (seconds, 0 = off)"),
            ("sub_agent=4294967296", "0 to 4294967295 (a plain number)"),
        ] {
            let expected = format!("{setting}: give a whole number from {range}");
            assert_eq!(refusal(&format!("collector=10.0.0.1\n{setting}")), expected);
        }
        for agent in ["0.0.0.0", "::", "[::1]", "10.0.0.1:1", "x"] {
            let error = refusal(&format!("collector=10.0.0.1\nagent={agent}"));
            assert!(error.contains("an IPv4 or IPv6 address"), "{error}");
        }
    }

    #[test]
    fn a_misspelt_key_is_refused_and_the_nearest_one_offered() {
        for (typed, nearest) in [
            ("poling", "polling"),
            ("Collector", "collector"),
            ("subagent", "sub_agent"),
            ("hdr", "header"),
            ("agnet", "agent"),
        ] {
            let expected = format!(
                "unknown key `{typed}`; the keys are collector, sampling, polling, header, agent, sub_agent; \
                 did you mean `{nearest}`?"
            );
            assert_eq!(refusal(&format!("collector=10.0.0.1\n{typed}=1")), expected);
        }
        assert_eq!(edit_distance("kitten", "sitting"), 3);
        assert_eq!(edit_distance("", "abc"), 3);
        assert_eq!(edit_distance("abc", ""), 3);
    }
}
