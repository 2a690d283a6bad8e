//! What an extension publishes, as a child tells it: configuration keys, policy features, its state's schema.
//!
//! The child has read the rows from its extension's memory; here they are only words, and are judged like rows: more of them
//! than the ABI allows, a text that is too long or has control characters, a feature in the switch's own name, and nothing
//! of that table is believed.

use heddle_extension_api::abi::config::CONFIG_KEYS_MAX;
use heddle_extension_api::abi::policy::POLICY_FEATURES_MAX;
use heddle_extension_api::abi::state::STATE_SCHEMA_MAX;
use serde::{Deserialize, Serialize};

use crate::control::model::SettingKind;
use crate::loader::state::StateFacts;
use crate::loader::{Feature, Features, Setting, Settings};

/// All of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Published {
    settings: Option<SettingsText>,
    features: Option<FeaturesText>,
    state: Option<StateText>,
}

impl Published {
    /// What a library publishes that is open here.
    pub(super) fn of(
        settings: Option<&Settings>,
        features: Option<&Features>,
        state: Option<&StateFacts>,
    ) -> Published {
        Published {
            settings: settings.map(SettingsText::of),
            features: features.map(FeaturesText::of),
            state: state.map(StateText::of),
        }
    }

    /// The configuration keys.
    pub(super) fn settings(&self) -> Option<Settings> {
        self.settings.as_ref()?.settings()
    }

    /// The policy features.
    pub(super) fn features(&self) -> Option<Features> {
        self.features.as_ref()?.features()
    }

    /// What its state is.
    pub(super) fn state(&self) -> Option<StateFacts> {
        self.state.as_ref()?.facts()
    }
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct SettingsText {
    changeable: bool,
    keys: Vec<SettingText>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct SettingText {
    name: String,
    unit: String,
    default: Option<String>,
    text: String,
    kind: String,
    range: (i64, i64),
    choices: Vec<String>,
    fixed: bool,
    prefix: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct FeaturesText {
    all: Vec<FeatureText>,
    standard: u32,
    takes: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct FeatureText {
    id: String,
    text: String,
    keys: SettingsText,
    status: SettingsText,
    on_port: bool,
    on_switch: bool,
    several: bool,
    has_status: bool,
    version: (u16, u16),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct StateText {
    schema: String,
    version: u32,
    oldest: u32,
    keeps_held: bool,
}

/// Whether a text is one that a row may have.
fn fits(text: &str, most: usize) -> bool {
    text.len() <= most && !text.chars().any(char::is_control)
}

impl SettingsText {
    fn of(settings: &Settings) -> SettingsText {
        SettingsText { changeable: settings.changeable, keys: settings.keys.iter().map(SettingText::of).collect() }
    }

    fn of_rows(rows: &[Setting]) -> SettingsText {
        SettingsText { changeable: true, keys: rows.iter().map(SettingText::of).collect() }
    }

    fn settings(&self) -> Option<Settings> {
        if self.keys.len() > CONFIG_KEYS_MAX as usize {
            return None;
        }
        let keys: Option<Vec<Setting>> = self.keys.iter().map(SettingText::setting).collect();
        Some(Settings { keys: keys?, changeable: self.changeable })
    }
}

impl SettingText {
    fn of(setting: &Setting) -> SettingText {
        let Setting { name, unit, default, text, kind, range, choices, fixed, prefix } = setting.clone();
        SettingText { name, unit, default, text, kind: kind.as_str().to_owned(), range, choices, fixed, prefix }
    }

    fn setting(&self) -> Option<Setting> {
        let SettingText { name, unit, default, text, kind, range, choices, fixed, prefix } = self.clone();
        let kind = SettingKind::ALL.iter().copied().find(|known| known.as_str() == kind)?;
        let texts = fits(&name, 64) && fits(&unit, 16) && fits(&text, 160);
        let values = default.as_ref().is_none_or(|value| fits(value, 128)) && fits(&choices.concat(), 256);
        let sound = texts && values && !name.is_empty();
        sound.then_some(Setting { name, unit, default, text, kind, range, choices, fixed, prefix })
    }
}

impl FeaturesText {
    fn of(features: &Features) -> FeaturesText {
        let all = features.all.iter().map(FeatureText::of).collect();
        FeaturesText { all, standard: features.standard, takes: features.takes }
    }

    fn features(&self) -> Option<Features> {
        if self.all.len() > POLICY_FEATURES_MAX as usize {
            return None;
        }
        let all: Option<Vec<Feature>> = self.all.iter().map(FeatureText::feature).collect();
        Some(Features { all: all?, standard: self.standard, takes: self.takes })
    }
}

impl FeatureText {
    fn of(feature: &Feature) -> FeatureText {
        let Feature { id, text, keys, status, on_port, on_switch, several, has_status, version } = feature.clone();
        let (keys, status) = (SettingsText::of(&keys), SettingsText::of_rows(&status));
        FeatureText { id, text, keys, status, on_port, on_switch, several, has_status, version }
    }

    fn feature(&self) -> Option<Feature> {
        let FeatureText { id, text, on_port, on_switch, several, has_status, version, .. } = self.clone();
        let (keys, status) = (self.keys.settings()?, self.status.settings()?.keys);
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let named = !id.is_empty() && id.chars().all(allowed) && !id.starts_with("heddle.");
        let sound = named && fits(&id, 64) && fits(&text, 160);
        sound.then_some(Feature { id, text, keys, status, on_port, on_switch, several, has_status, version })
    }
}

impl StateText {
    fn of(facts: &StateFacts) -> StateText {
        let StateFacts { schema, version, oldest, keeps_held } = facts.clone();
        StateText { schema, version, oldest, keeps_held }
    }

    fn facts(&self) -> Option<StateFacts> {
        let StateText { schema, version, oldest, keeps_held } = self.clone();
        let named = !schema.is_empty() && fits(&schema, STATE_SCHEMA_MAX as usize);
        (named && oldest >= 1 && oldest <= version).then_some(StateFacts { schema, version, oldest, keeps_held })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feature(id: &str) -> Feature {
        Feature {
            id: id.to_owned(),
            text: "limits what a port sends".to_owned(),
            keys: Settings { keys: vec![key("rate")], changeable: true },
            status: vec![key("passed")],
            on_port: true,
            on_switch: false,
            several: true,
            has_status: true,
            version: (1, 2),
        }
    }

    fn key(name: &str) -> Setting {
        Setting {
            name: name.to_owned(),
            unit: "kbit/s".to_owned(),
            default: Some("100".to_owned()),
            text: "how much".to_owned(),
            kind: SettingKind::Integer,
            range: (1, 1_000),
            choices: Vec::new(),
            fixed: false,
            prefix: false,
        }
    }

    #[test]
    fn what_is_published_arrives_as_it_is() -> Result<(), serde_json::Error> {
        let features = Features { all: vec![feature("org.example.limit")], standard: 3, takes: true };
        let settings = Settings { keys: vec![key("n")], changeable: true };
        let state = StateFacts { schema: "org.example.table".to_owned(), version: 3, oldest: 2, keeps_held: true };
        let told = Published::of(Some(&settings), Some(&features), Some(&state));
        let told: Published = serde_json::from_slice(&serde_json::to_vec(&told)?)?;
        assert_eq!(told.settings().map(|settings| settings.keys), Some(settings.keys));
        assert_eq!((told.features(), told.state()), (Some(features), Some(state)));
        Ok(())
    }

    #[test]
    fn what_no_row_could_say_is_not_believed() {
        let of = |features: Vec<Feature>| {
            Published::of(None, Some(&Features { all: features, standard: 0, takes: true }), None).features()
        };
        assert!(of(vec![feature("org.example.limit")]).is_some());
        assert!(of(vec![feature("heddle.vlan")]).is_none(), "the switch's own");
        assert!(of(vec![feature("a b")]).is_none() && of(vec![feature("")]).is_none());
        assert!(of(vec![Feature { text: "a\u{1b}[2J".to_owned(), ..feature("x") }]).is_none(), "control characters");
        assert!(of(vec![Feature { text: "long ".repeat(100), ..feature("x") }]).is_none());
        assert!(of((0..65).map(|nth| feature(&format!("org.example.f{nth}"))).collect()).is_none());
        let state = StateFacts { schema: "org.example".to_owned(), version: 1, oldest: 2, keeps_held: false };
        assert!(Published::of(None, None, Some(&state)).state().is_none(), "reads nothing");
    }
}
