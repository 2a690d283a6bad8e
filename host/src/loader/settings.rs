//! The configuration keys an extension publishes (`heddle.config/1`), and whether a value is one of its kind.
//!
//! Rows are copied once, when the library is loaded; an extension whose rows break a limit is treated as one that
//! publishes nothing, and the log says why. Checks are about words and numbers; what fits together is the extension's
//! own question, asked by calling it.

use crate::control::model::{InvalidValue, SettingKind, nearest};

/// A key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Its name; with `prefix` the beginning of its names.
    pub name: String,
    /// Unit of the value; may be empty.
    pub unit: String,
    /// Value when it is not given.
    pub default: Option<String>,
    /// What it does.
    pub text: String,
    /// What values there are.
    pub kind: SettingKind,
    /// Smallest and largest integer.
    pub range: (i64, i64),
    /// Words of a choice.
    pub choices: Vec<String>,
    /// Read at creation only.
    pub fixed: bool,
    /// Stands for every longer name that begins so.
    pub prefix: bool,
}

impl Setting {
    pub(crate) fn is_named(&self, key: &str) -> bool {
        if self.prefix { key.len() > self.name.len() && key.starts_with(&self.name) } else { key == self.name }
    }

    /// Why a value is none of this key.
    fn objection(&self, value: &str) -> Option<(String, String)> {
        let unit = if self.unit.is_empty() { String::new() } else { format!(" {}", self.unit) };
        match self.kind {
            SettingKind::Text => None,
            SettingKind::Boolean => {
                let fix = "give true or false".to_owned();
                (!matches!(value, "true" | "false")).then(|| ("is neither true nor false".to_owned(), fix))
            }
            SettingKind::Integer => {
                let (least, most) = self.range;
                let fix = format!("give a whole number from {least} to {most}{unit}");
                match value.parse::<i64>() {
                    Err(_) => Some(("is no whole number".to_owned(), fix)),
                    Ok(number) if number < least || number > most => Some(("is out of range".to_owned(), fix)),
                    Ok(_) => None,
                }
            }
            SettingKind::Choice => {
                let known = self.choices.iter().any(|word| word == value);
                (!known).then(|| ("is not known".to_owned(), format!("give one of: {}", self.choices.join(", "))))
            }
        }
    }
}

/// The keys of an extension.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// In the order in which it lists them.
    pub keys: Vec<Setting>,
    /// Whether it takes a new configuration while it runs.
    pub changeable: bool,
}

impl Settings {
    /// The key of this name; an unknown one is refused with the nearest.
    pub fn find(&self, key: &str) -> Result<&Setting, InvalidValue> {
        self.keys.iter().find(|setting| setting.is_named(key)).ok_or_else(|| {
            let names: Vec<&str> = self.keys.iter().map(|setting| setting.name.as_str()).collect();
            let hint =
                nearest(key, names.iter().copied()).map_or_else(String::new, |name| format!(", nearest is '{name}'"));
            let fix =
                if names.is_empty() { "it has none".to_owned() } else { format!("use one of: {}", names.join(", ")) };
            InvalidValue::new("config", key.escape_debug(), format!("is no key of this extension{hint}"), fix)
        })
    }

    /// Checks one pair.
    pub fn check(&self, key: &str, value: &str) -> Result<(), InvalidValue> {
        match self.find(key)?.objection(value) {
            None => Ok(()),
            Some((reason, fix)) => {
                Err(InvalidValue::new("config", format!("{key}={}", value.escape_debug()), reason, fix))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(name: &str, kind: SettingKind) -> Setting {
        Setting {
            name: name.to_owned(),
            unit: "ms".to_owned(),
            default: None,
            text: String::new(),
            kind,
            range: (1, 500),
            choices: vec!["ingress".to_owned(), "both".to_owned()],
            fixed: false,
            prefix: name.ends_with('.'),
        }
    }

    #[test]
    fn each_kind_says_what_it_takes() {
        let keys = vec![
            setting("delay", SettingKind::Integer),
            setting("leg", SettingKind::Choice),
            setting("strict", SettingKind::Boolean),
            setting("rate.", SettingKind::Text),
        ];
        let settings = Settings { keys, changeable: true };
        let said = |key: &str, value: &str| settings.check(key, value).err().map(|error| error.to_string());
        for (key, value) in [("delay", "1"), ("delay", "500"), ("leg", "both"), ("strict", "false"), ("rate.web", "x")]
        {
            assert_eq!(said(key, value), None, "{key}={value}");
        }
        let fix = "give a whole number from 1 to 500 ms";
        for (value, reason) in [("0", "is out of range"), ("501", "is out of range"), ("1s", "is no whole number")] {
            assert_eq!(said("delay", value), Some(format!("config 'delay={value}' {reason}; {fix}")));
        }
        assert_eq!(
            said("leg", "egres"),
            Some("config 'leg=egres' is not known; give one of: ingress, both".to_owned())
        );
        assert_eq!(
            said("strict", "1").as_deref(),
            Some("config 'strict=1' is neither true nor false; give true or false")
        );
        let unknown =
            "config 'delya' is no key of this extension, nearest is 'delay'; use one of: delay, leg, strict, rate.";
        assert_eq!(said("delya", "1").as_deref(), Some(unknown));
        assert!(said("rate.", "x").is_some(), "the bare beginning is no key");
    }
}
