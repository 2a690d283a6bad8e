//! Policies on a running switch: what extensions publish, what operators put, and who is told.
//!
//! A property is offered, from the protocol edge inwards, to every running extension that publishes its feature; a standard
//! one to the forwarding extension that enforces it. A veto undoes what others had accepted, and everyone who accepted is
//! told how it ended, lowest first. Properties outlive extensions: one whose extension is not enabled is kept, and offered when it is.

mod offering;
mod views;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::OnceLock;

use heddle_switch_core::port_id::PortId;

use super::{LiveSwitch, State};
use crate::control::error::ControlError;
use crate::control::model::{
    ONLY_INSTANCE, POLICIES_MAX, PolicyChange, PolicyKey, PolicySpec, PolicyView, SettingKind, nearest,
};
use crate::control::plane::ControlResult;
use crate::loader::{Act, Feature, Offer, Setting, Settings, is_standard};
pub(super) use offering::Kept;
use offering::{forwarder, offer, refusal, takers};

/// The standard policy that comes from a port's VLAN options.
const VLAN: &str = "heddle.vlan";

/// The standard features an operator puts; `heddle.vlan` comes from the options of a port.
fn standard() -> &'static [Feature] {
    static ALL: OnceLock<Vec<Feature>> = OnceLock::new();
    ALL.get_or_init(|| {
        let key = |name: &str, kind, default: &str, range, text: &str| Setting {
            name: name.to_owned(),
            unit: String::new(),
            default: (!default.is_empty()).then(|| default.to_owned()),
            text: text.to_owned(),
            kind,
            range,
            choices: Vec::new(),
            fixed: false,
            prefix: false,
        };
        let truth = |name: &str, text: &str| key(name, SettingKind::Boolean, "false", (0, 0), text);
        let text = |name: &str, text: &str| key(name, SettingKind::Text, "", (0, 0), text);
        let security = vec![
            truth("allow-mac-spoofing", "the guest may send from other addresses than its own"),
            truth("allow-ieee-priority-tag", "the guest may send frames with a priority tag"),
            truth("allow-teaming", "the guest may move its address to another port of its team"),
            key("virtual-subnet", SettingKind::Integer, "0", (0, 16_777_214), "virtual subnet of the port; 0 = none"),
            key("dynamic-ip-limit", SettingKind::Integer, "0", (0, 65_535), "IP addresses the guest may use; 0 = any"),
        ];
        let profile = vec![
            text("name", "name of the profile in the vendor's own store"),
            text("id", "identifier of the profile"),
            text("vendor", "who defines the profile"),
            text("data", "what the vendor's store needs to find it"),
        ];
        let feature = |id: &str, text: &str, keys| Feature {
            id: id.to_owned(),
            text: text.to_owned(),
            keys: Settings { keys, changeable: true },
            status: Vec::new(),
            on_port: true,
            on_switch: false,
            several: false,
            has_status: false,
            version: (1, 0),
        };
        vec![
            feature(
                "heddle.security",
                "what a guest may do to the network; the forwarding extension enforces it",
                security,
            ),
            feature("heddle.profile", "a profile in the store of the forwarding extension's vendor", profile),
        ]
    })
}

/// All fields as `key=value` lines, defaults included.
fn lines(feature: Option<&Feature>, given: &BTreeMap<String, String>) -> String {
    let mut text = String::new();
    for setting in feature.into_iter().flat_map(|feature| &feature.keys.keys) {
        if let (None, Some(default)) = (given.get(&setting.name), &setting.default) {
            // Writing into a text does not fail.
            let _ = writeln!(text, "{}={default}", setting.name);
        }
    }
    for (key, value) in given {
        let _ = writeln!(text, "{key}={value}");
    }
    text
}

/// The feature, as the first enabled extension that publishes it describes it.
fn feature_of<'a>(state: &'a State, id: &str) -> Option<&'a Feature> {
    let published = state.enabled.iter().filter_map(|one| one.library.features());
    standard().iter().chain(published.flat_map(|features| &features.all)).find(|feature| feature.id == id)
}

impl LiveSwitch {
    /// Keeps properties that nobody has been offered: before extensions and ports are there.
    pub(crate) fn load_policies(&self, state: &mut State, specs: Vec<PolicySpec>) {
        state.policies = specs;
    }

    /// Puts, changes or takes away a property.
    pub(crate) fn change_policy(&self, state: &mut State, change: &PolicyChange) -> ControlResult<PolicyView> {
        let key = change.key();
        let port = key.port.as_ref().map(|port| self.port_id(state, port)).transpose()?;
        let at = state.policies.iter().position(|known| known.key == *key);
        let Some(before) = self.judge_change(state, change, at)? else {
            let view = self.policy_view(state, key, &BTreeMap::new());
            return Ok(view);
        };
        let after = change.applied(&before);
        let feature = feature_of(state, &key.feature);
        if let (Some(feature), false) = (feature, matches!(change, PolicyChange::Remove(_))) {
            for (name, value) in &after {
                feature.keys.check(name, value)?;
            }
        }
        let (act, values) = match change {
            PolicyChange::Add(_) => (Act::Add, lines(feature, &after)),
            PolicyChange::Set(..) => (Act::Update, lines(feature, &after)),
            PolicyChange::Remove(_) => (Act::Delete, String::new()),
        };
        let property = Offer {
            act,
            port: port.map_or(0, PortId::raw),
            validation: false,
            feature: &key.feature,
            instance: &key.instance,
            values: &values,
        };
        let former = lines(feature, &before);
        let takers = takers(state, &key.feature);
        offer(&takers, &property, &former).map_err(|refused| refusal(refused, key.to_string()))?;
        let spec = PolicySpec { key: key.clone(), values: after };
        let view = self.policy_view(state, key, &spec.values);
        match (change, at) {
            (PolicyChange::Remove(_), Some(at)) => drop(state.policies.remove(at)),
            (_, Some(at)) => state.policies[at] = spec,
            (_, None) => state.policies.push(spec),
        }
        Ok(view)
    }

    /// Whether a change fits what is there; the values before it.
    fn judge_change(
        &self,
        state: &State,
        change: &PolicyChange,
        at: Option<usize>,
    ) -> ControlResult<Option<BTreeMap<String, String>>> {
        let key = change.key();
        let refused = |reason: String, fix: &str| {
            let thing = format!("{key} of switch '{}'", self.spec.name());
            Err(ControlError::Refused { thing, reason, fix: fix.to_owned() })
        };
        let before = at.and_then(|at| state.policies.get(at)).map(|known| known.values.clone());
        match (change, before) {
            (PolicyChange::Add(_), Some(_)) => {
                refused("is there already".to_owned(), "change it with `heddle policy set`")
            }
            (PolicyChange::Set(..) | PolicyChange::Remove(_), None) => {
                refused("does not exist".to_owned(), "`heddle policy list` shows those that do")
            }
            (_, Some(before)) => Ok(Some(before)),
            (PolicyChange::Add(_), None) => {
                if state.policies.len() >= POLICIES_MAX {
                    let what = format!("policies on switch '{}'", self.spec.name());
                    let fix = "remove one first".to_owned();
                    return Err(ControlError::LimitReached { what, limit: POLICIES_MAX as u64, fix });
                }
                self.judge_place(state, key)?;
                Ok(Some(BTreeMap::new()))
            }
        }
    }

    /// Whether a feature goes where it is put, and somebody takes it.
    fn judge_place(&self, state: &State, key: &PolicyKey) -> ControlResult<()> {
        let refused = |reason: String, fix: &str| {
            let thing = format!("{key} of switch '{}'", self.spec.name());
            Err(ControlError::Refused { thing, reason, fix: fix.to_owned() })
        };
        let Some(feature) = feature_of(state, &key.feature) else {
            let views = self.feature_views(state);
            let hint = nearest(&key.feature, views.iter().map(|view| view.id.as_str()))
                .map_or_else(String::new, |name| format!(", nearest is '{name}'"));
            let reason = format!("is a feature no enabled extension publishes{hint}");
            return refused(reason, "`heddle policy features` shows those that are");
        };
        match (key.port.is_some(), feature.on_port, feature.on_switch) {
            (true, false, _) => return refused("goes on the switch only".to_owned(), "leave --port out"),
            (false, _, false) => return refused("goes on ports only".to_owned(), "name one with --port"),
            _ => {}
        }
        if !feature.several && key.instance != ONLY_INSTANCE {
            return refused("has no instances".to_owned(), "leave --instance out");
        }
        if !takers(state, &key.feature).is_empty() {
            return Ok(());
        }
        match (is_standard(&key.feature), forwarder(state)) {
            (true, Some(one)) => {
                let id = &one.library.facts().id;
                refused(format!("is not enforced by forwarding extension '{id}'"), "use one that enforces it")
            }
            (true, None) => refused(
                "is enforced by forwarding extensions and the switch has none".to_owned(),
                "enable one that enforces it",
            ),
            (false, _) => refused(
                "belongs to an extension that takes no properties now".to_owned(),
                "look at `heddle extension list`",
            ),
        }
    }
}
