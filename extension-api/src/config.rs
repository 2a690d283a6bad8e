//! The configuration of an instance: UTF-8 lines `key=value`, given at `create`.
//!
//! Blank lines and lines that start with `#` say nothing. A later line of the same key wins. Spaces around key and
//! value do not count. Parse it once in `create` into your own types; nothing of it outlives the call.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

/// Borrowed configuration.
#[derive(Clone, Copy, Debug)]
pub struct Config<'a> {
    text: &'a str,
}

impl<'a> Config<'a> {
    /// Checks that every line is blank, a comment or `key=value`.
    pub fn new(text: &'a str) -> Result<Self, ConfigError> {
        match lines(text).find(|(_, line)| !matches!(line.split_once('='), Some((key, _)) if !key.trim().is_empty())) {
            Some((number, line)) => Err(ConfigError::NotAPair { line: number, text: line.to_owned() }),
            None => Ok(Config { text }),
        }
    }

    /// All pairs in the order of the lines.
    pub fn pairs(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        lines(self.text).filter_map(|(_, line)| line.split_once('=')).map(|(key, value)| (key.trim(), value.trim()))
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&'a str> {
        self.pairs().filter(|(name, _)| *name == key).last().map(|(_, value)| value)
    }

    /// The value of a key as a `T`; `None` when the key is not given.
    pub fn parse<T>(&self, key: &str) -> Result<Option<T>, ConfigError>
    where
        T: FromStr,
        T::Err: fmt::Display,
    {
        let parse = |value: &str| {
            value.parse().map_err(|error: T::Err| ConfigError::BadValue {
                key: key.to_owned(),
                value: value.to_owned(),
                reason: error.to_string(),
            })
        };
        self.get(key).map(parse).transpose()
    }

    /// The value of a key that must be given.
    pub fn require<T>(&self, key: &str) -> Result<T, ConfigError>
    where
        T: FromStr,
        T::Err: fmt::Display,
    {
        self.parse(key)?.ok_or_else(|| ConfigError::Missing { key: key.to_owned() })
    }

    /// Refuses every key that is not listed, so that a misspelt key does not pass silently.
    pub fn allow_only(&self, keys: &[&str]) -> Result<(), ConfigError> {
        match self.pairs().find(|(key, _)| !keys.contains(key)) {
            Some((key, _)) => Err(ConfigError::UnknownKey { key: key.to_owned(), known: keys.join(", ") }),
            None => Ok(()),
        }
    }
}

fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let numbered = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
    numbered.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

/// What is wrong with a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// The bytes are not UTF-8.
    NotUtf8,
    /// A line is neither blank, nor a comment, nor `key=value`.
    NotAPair {
        /// Number of the line, from 1.
        line: usize,
        /// The line.
        text: String,
    },
    /// A key that must be given is not.
    Missing {
        /// The key.
        key: String,
    },
    /// A value is not what the key needs.
    BadValue {
        /// The key.
        key: String,
        /// Its value.
        value: String,
        /// Why it cannot be.
        reason: String,
    },
    /// A key nobody knows.
    UnknownKey {
        /// The key.
        key: String,
        /// The keys there are.
        known: String,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConfigError::NotUtf8 => f.write_str("the configuration is not UTF-8; save it as UTF-8"),
            ConfigError::NotAPair { line, text } => write!(f, "line {line}: `{text}` is not of the form key=value"),
            ConfigError::Missing { key } => write!(f, "`{key}` is missing; add a line {key}=VALUE"),
            ConfigError::BadValue { key, value, reason } => write!(f, "{key}={value}: {reason}"),
            ConfigError::UnknownKey { key, known } if known.is_empty() => {
                write!(f, "unknown key `{key}`; this extension has no keys")
            }
            ConfigError::UnknownKey { key, known } => write!(f, "unknown key `{key}`; the keys are {known}"),
        }
    }
}

impl Error for ConfigError {}

#[cfg(test)]
mod tests {
    use super::{Config, ConfigError};

    #[test]
    fn pairs_comments_and_overrides() {
        let config = Config::new("# sampling\nrate = 512\n\ncollector=192.0.2.1:6343\nrate=1024\nname=a=b\n").unwrap();
        assert_eq!(config.parse::<u32>("rate"), Ok(Some(1024)));
        assert_eq!(config.get("collector"), Some("192.0.2.1:6343"));
        assert_eq!(config.get("name"), Some("a=b"));
        assert_eq!(config.parse::<u32>("absent"), Ok(None));
        assert_eq!(config.pairs().count(), 4);
    }

    #[test]
    fn errors_name_key_value_and_fix() {
        assert_eq!(Config::new("a=1\nrate").unwrap_err().to_string(), "line 2: `rate` is not of the form key=value");
        assert!(matches!(Config::new("=1"), Err(ConfigError::NotAPair { line: 1, .. })));
        let config = Config::new("rate=many").unwrap();
        assert_eq!(config.require::<u32>("rate").unwrap_err().to_string(), "rate=many: invalid digit found in string");
        assert_eq!(config.require::<u32>("port").unwrap_err().to_string(), "`port` is missing; add a line port=VALUE");
        assert_eq!(config.allow_only(&["rate"]), Ok(()));
        let unknown = config.allow_only(&["n", "leg"]).unwrap_err();
        assert_eq!(unknown.to_string(), "unknown key `rate`; the keys are n, leg");
        let unknown = config.allow_only(&[]).unwrap_err();
        assert_eq!(unknown.to_string(), "unknown key `rate`; this extension has no keys");
    }
}
