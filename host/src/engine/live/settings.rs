//! The configuration of extensions that run: what they publish, what is in effect, and changing it.

use heddle_switch_core::stage::OnFailure;

use super::extensions::{Enabled, config_text};
use super::{LiveSwitch, State};
use crate::control::error::ControlError;
use crate::control::model::{
    ConfigChange, ExtensionConfig, ExtensionId, ExtensionSettings, FailPolicy, SettingKind, SettingView,
};
use crate::control::plane::ControlResult;
use crate::engine::command::Command;
use crate::loader::{Library, Setting};

/// Refuses keys and values an extension does not have, when it publishes which it has.
pub(super) fn check(library: &Library, config: &ExtensionConfig) -> ControlResult<()> {
    let Some(settings) = library.settings() else { return Ok(()) };
    let wrong = config.iter().find_map(|(key, value)| settings.check(key, value).err());
    match wrong {
        None => Ok(()),
        Some(error) => {
            Err(ControlError::ExtensionRejected { extension: library.facts().id.clone(), reason: error.to_string() })
        }
    }
}

impl LiveSwitch {
    /// The configuration of an enabled extension.
    pub(crate) fn settings(&self, state: &State, id: &ExtensionId) -> ControlResult<ExtensionSettings> {
        let found = state.enabled.iter().find(|one| one.library.facts().id == id.as_str());
        let one = found.ok_or_else(|| self.not_enabled(state, id))?;
        let published = one.library.settings();
        let changeable = published.is_some_and(|settings| settings.changeable);
        let known = |setting: &Setting| {
            let given = one.config.get(&setting.name);
            view(&setting.name, Some(setting), given, changeable)
        };
        let mut settings: Vec<SettingView> =
            published.into_iter().flat_map(|settings| &settings.keys).map(known).collect();
        // Keys of a common beginning, and all keys of an extension that publishes none.
        for (key, value) in one.config.iter() {
            if settings.iter().all(|setting| setting.key != key) {
                let setting = published.and_then(|settings| settings.find(key).ok());
                settings.push(view(key, setting, Some(value), changeable));
            }
        }
        let (switch, id) = (self.spec.name().clone(), one.library.facts().id.clone());
        Ok(ExtensionSettings { switch, id, published: published.is_some(), settings })
    }

    /// Changes the configuration of an extension while it runs; when anything is refused, nothing has changed.
    pub(crate) fn configure(&self, state: &mut State, id: &ExtensionId, change: &ConfigChange) -> ControlResult<()> {
        let found = state.enabled.iter().position(|one| one.library.facts().id == id.as_str());
        let Some(one) = found.and_then(|at| state.enabled.get_mut(at)) else {
            return Err(self.not_enabled(state, id));
        };
        if let Some(policy) = change.fail_policy().filter(|_| !change.has_keys()) {
            one.config = change.apply(&one.config)?;
            return self.set_fail_policy(state, id, policy);
        }
        let thing = || format!("extension '{id}' on switch '{}'", self.spec.name());
        let refused = |reason: &str| {
            let fix = "disable it and enable it with the new configuration".to_owned();
            Err(ControlError::Refused { thing: thing(), reason: reason.to_owned(), fix })
        };
        let library = std::sync::Arc::clone(&one.library);
        let Some(settings) = library.settings().filter(|settings| settings.changeable) else {
            return refused("takes no new configuration while it runs");
        };
        for (key, value) in change.set() {
            settings.check(key, value)?;
        }
        for key in change.set().map(|(key, _)| key).chain(change.unset()) {
            if settings.find(key)?.fixed {
                return refused(&format!("reads '{key}' only when it is enabled"));
            }
        }
        let Enabled { instance: Some(instance), config, .. } = one else {
            return refused("does not run");
        };
        let new = change.apply(config)?;
        instance.configure(&config_text(&new)).map_err(|reason| ControlError::ExtensionVeto {
            extension: id.to_string(),
            request: "its new configuration".to_owned(),
            reason,
        })?;
        if let Some(former) = one.generations.former_instance() {
            // What it refuses it would have refused as the one that runs: it keeps what it has.
            let _ = former.configure(&config_text(&new));
        }
        one.config = new;
        if let Some(stage) = one.stage.filter(|_| instance.sampling_header().is_some()) {
            state.workers.iter().try_for_each(|worker| worker.send(Command::Resample(stage)))?;
        }
        change.fail_policy().map_or(Ok(()), |policy| self.set_fail_policy(state, id, policy))
    }

    /// What becomes of frames while an extension fails, or what stands in for it does.
    fn set_fail_policy(&self, state: &mut State, id: &ExtensionId, policy: FailPolicy) -> ControlResult<()> {
        let found = state.enabled.iter().find(|one| one.library.facts().id == id.as_str());
        let Some(stage) = found.and_then(|one| one.stage) else { return Ok(()) };
        state.switch.set_on_failure(stage, on_failure(policy));
        self.publish(state, Vec::new())
    }
}

/// A fail policy of an extension, as the core has it.
pub(super) fn on_failure(policy: FailPolicy) -> OnFailure {
    if policy == FailPolicy::Closed { OnFailure::Closed } else { OnFailure::Open }
}

pub(super) fn view(key: &str, setting: Option<&Setting>, given: Option<&str>, changeable: bool) -> SettingView {
    let default = setting.and_then(|setting| setting.default.clone());
    let kind = setting.map_or(SettingKind::Text, |setting| setting.kind);
    SettingView {
        key: key.to_owned(),
        kind,
        unit: setting.map(|setting| setting.unit.clone()).unwrap_or_default(),
        value: given.map(str::to_owned).or_else(|| default.clone()),
        default,
        range: setting.filter(|_| kind == SettingKind::Integer).map(|setting| setting.range),
        choices: setting.map(|setting| setting.choices.clone()).unwrap_or_default(),
        description: setting.map(|setting| setting.text.clone()).unwrap_or_default(),
        changeable: changeable && setting.is_some_and(|setting| !setting.fixed),
        given: given.is_some(),
    }
}
