//! The agent's settings: the instance's `key=value` lines parsed once into typed values with their units.
//!
//! Every fault names the key, the reason and what would be right; nothing is adjusted silently. As everywhere in the
//! switch, a later line of the same key wins. `sampling` and `header` may be given for one port by its name:
//! `sampling.vm1=100`.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::str::FromStr;

use heddle_extension_api::{Config as Lines, ConfigError};

use crate::sampler::RATE_MAX;

mod nearest;
mod published;

pub use published::PUBLISHED;

/// UDP port of collectors (IANA, section 5).
pub const DEFAULT_COLLECTOR_PORT: u16 = 6343;
/// Collectors, at most.
pub const COLLECTORS_MAX: usize = 8;
/// Every key, for messages and the documentation.
pub const KEYS: [&str; 10] =
    ["collector", "sampling", "polling", "header", "drops", "agent", "sub_agent", "host", "machines", "vlans"];
/// The keys that may be given for one port.
pub const PORT_KEYS: [&str; 2] = ["sampling", "header"];

const HEADER_MIN: u32 = 14;
const HEADER_MAX: u32 = 256;
const POLLING_MAX: u32 = 86_400;
const DROPS_MAX: u32 = 10_000;

/// Validated settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where datagrams go; each gets all. At least one, no two alike.
    pub collectors: Vec<SocketAddr>,
    /// One frame in so many is sampled; 0 = none.
    pub sampling: u32,
    /// Seconds between two counters samples of a port; 0 = none.
    pub polling: u32,
    /// Bytes kept of a sampled frame.
    pub header: u32,
    /// Dropped frames told in a second, at most; 0 = none.
    pub drops: u32,
    /// Address that names this agent.
    pub agent: IpAddr,
    /// Number that tells agents of the same address apart.
    pub sub_agent: u32,
    /// Whether the host is described.
    pub host: bool,
    /// Whether virtual machines are described.
    pub machines: bool,
    /// Whether VLANs are counted.
    pub vlans: bool,
    /// What differs for ports, by name.
    pub ports: BTreeMap<String, PortConfig>,
}

/// What differs for one port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortConfig {
    /// One frame in so many is sampled; 0 = none.
    pub sampling: Option<u32>,
    /// Bytes kept of a sampled frame.
    pub header: Option<u32>,
}

impl Config {
    /// The sampling rate of a port.
    #[must_use]
    pub fn sampling_of(&self, port: &str) -> u32 {
        self.ports.get(port).and_then(|port| port.sampling).unwrap_or(self.sampling)
    }

    /// Bytes kept of a frame of a port.
    #[must_use]
    pub fn header_of(&self, port: &str) -> u32 {
        self.ports.get(port).and_then(|port| port.header).unwrap_or(self.header)
    }
}

impl TryFrom<&Lines<'_>> for Config {
    type Error = ConfigError;

    fn try_from(lines: &Lines<'_>) -> Result<Self, ConfigError> {
        let mut config = Self {
            collectors: Vec::new(),
            sampling: 400,
            polling: 30,
            header: 128,
            drops: 0,
            agent: IpAddr::V4(Ipv4Addr::LOCALHOST),
            sub_agent: 0,
            host: true,
            machines: true,
            vlans: false,
            ports: BTreeMap::new(),
        };
        for (key, value) in lines.pairs() {
            match key.split_once('.') {
                Some((general, port)) if PORT_KEYS.contains(&general) && !port.is_empty() => {
                    config.set_of_port(key, general, port, value)?;
                }
                _ => config.set(key, value)?,
            }
        }
        if config.collectors.is_empty() {
            return Err(ConfigError::Missing { key: "collector".to_owned() });
        }
        Ok(config)
    }
}

impl Config {
    fn set(&mut self, key: &str, value: &str) -> Result<(), ConfigError> {
        match key {
            "collector" => self.collectors = parse_collectors(value)?,
            "sampling" => self.sampling = sampling(key, value)?,
            "polling" => self.polling = number(key, value, 0..=POLLING_MAX, "seconds, 0 = off")?,
            "header" => self.header = header(key, value)?,
            "drops" => self.drops = number(key, value, 0..=DROPS_MAX, "frames a second, 0 = off")?,
            "agent" => self.agent = parse_agent(value)?,
            "sub_agent" => self.sub_agent = number(key, value, 0..=u32::MAX, "a plain number")?,
            "host" => self.host = on_or_off(key, value)?,
            "machines" => self.machines = on_or_off(key, value)?,
            "vlans" => self.vlans = on_or_off(key, value)?,
            _ => return Err(unknown(key)),
        }
        Ok(())
    }

    fn set_of_port(&mut self, key: &str, general: &str, port: &str, value: &str) -> Result<(), ConfigError> {
        let settings = self.ports.entry(port.to_owned()).or_default();
        match general {
            "sampling" => settings.sampling = Some(sampling(key, value)?),
            _ => settings.header = Some(header(key, value)?),
        }
        Ok(())
    }
}

impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let collectors: Vec<String> = self.collectors.iter().map(ToString::to_string).collect();
        let word = |on: bool| if on { "on" } else { "off" };
        let Self { sampling, polling, header, drops, agent, sub_agent, .. } = self;
        write!(
            f,
            "collector={} sampling={sampling} polling={polling} header={header} drops={drops} agent={agent} \
             sub_agent={sub_agent} host={} machines={} vlans={}",
            collectors.join(","),
            word(self.host),
            word(self.machines),
            word(self.vlans),
        )?;
        for (port, settings) in &self.ports {
            if let Some(sampling) = settings.sampling {
                write!(f, " sampling.{port}={sampling}")?;
            }
            if let Some(header) = settings.header {
                write!(f, " header.{port}={header}")?;
            }
        }
        Ok(())
    }
}

fn unknown(key: &str) -> ConfigError {
    let (general, port) = key.split_once('.').map_or((key, ""), |(general, port)| (general, port));
    let suggestion = if port.is_empty() {
        nearest::nearest(general, &KEYS).to_owned()
    } else {
        format!("{}.{port}", nearest::nearest(general, &PORT_KEYS))
    };
    let known = format!("{}, and sampling.PORT and header.PORT; did you mean `{suggestion}`?", KEYS.join(", "));
    ConfigError::UnknownKey { key: key.to_owned(), known }
}

fn refuse(key: &str, value: &str, expected: &str) -> ConfigError {
    ConfigError::BadValue { key: key.to_owned(), value: value.to_owned(), reason: format!("give {expected}") }
}

fn sampling(key: &str, value: &str) -> Result<u32, ConfigError> {
    number(key, value, 0..=RATE_MAX, "frames, 0 = off")
}

fn header(key: &str, value: &str) -> Result<u32, ConfigError> {
    number(key, value, HEADER_MIN..=HEADER_MAX, "bytes")
}

fn number(key: &str, value: &str, range: RangeInclusive<u32>, unit: &str) -> Result<u32, ConfigError> {
    let in_range = value.parse().ok().filter(|number| range.contains(number));
    in_range.ok_or_else(|| {
        let (min, max) = range.into_inner();
        refuse(key, value, &format!("a whole number from {min} to {max} ({unit})"))
    })
}

fn on_or_off(key: &str, value: &str) -> Result<bool, ConfigError> {
    match value {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(refuse(key, value, "`on` or `off`")),
    }
}

fn parse_collectors(value: &str) -> Result<Vec<SocketAddr>, ConfigError> {
    let mut collectors = Vec::new();
    for word in value.split(',').map(str::trim) {
        let collector = parse_collector(word)?;
        if collectors.contains(&collector) {
            return Err(refuse("collector", value, &format!("each collector once; {collector} is there twice")));
        }
        collectors.push(collector);
    }
    if collectors.len() > COLLECTORS_MAX {
        return Err(refuse("collector", value, &format!("at most {COLLECTORS_MAX} collectors")));
    }
    Ok(collectors)
}

fn parse_collector(value: &str) -> Result<SocketAddr, ConfigError> {
    let bare = value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    // Brackets around an IPv4 address, or an IPv6 one without them, are refused: a colon must mean one thing.
    let address = match (SocketAddr::from_str(value), bare) {
        (Ok(address), _) => Some(address),
        (_, Some(bare)) => bare.parse().ok().map(|ip| SocketAddr::new(IpAddr::V6(ip), DEFAULT_COLLECTOR_PORT)),
        (_, None) => value.parse().ok().map(|ip| SocketAddr::new(IpAddr::V4(ip), DEFAULT_COLLECTOR_PORT)),
    };
    let expected =
        "ADDR or ADDR:PORT of one host or of several with commas, IPv6 in brackets, such as 192.0.2.1:6343 or \
                    [2001:db8::1]:6343; names are not looked up";
    address
        .filter(|address| !address.ip().is_unspecified() && address.port() != 0)
        .ok_or_else(|| refuse("collector", value, expected))
}

fn parse_agent(value: &str) -> Result<IpAddr, ConfigError> {
    let expected = "an IPv4 or IPv6 address that is this host's alone, without port or brackets";
    let address = value.parse().ok().filter(|address: &IpAddr| !address.is_unspecified());
    address.ok_or_else(|| refuse("agent", value, expected))
}

#[cfg(test)]
mod tests;
