//! Features, properties and their status, as operators see them.

use std::collections::BTreeMap;

use heddle_switch_core::port_id::PortId;

use super::super::settings::view;
use super::super::{LiveSwitch, State};
use super::offering::takers;
use super::{feature_of, standard};
use crate::control::error::ControlError;
use crate::control::model::{
    ExtensionId, FeatureStatus, FeatureView, PolicyKey, PolicyView, PortName, SettingView, StatusField,
};
use crate::control::plane::ControlResult;
use crate::loader::{Feature, Setting};

impl LiveSwitch {
    /// The features that can be used on this switch.
    pub(crate) fn feature_views(&self, state: &State) -> Vec<FeatureView> {
        let mut views: Vec<FeatureView> = Vec::new();
        for feature in standard() {
            let extensions = takers(state, &feature.id).into_iter().map(|taker| taker.id).collect();
            views.push(feature_view(feature, extensions, true, true));
        }
        for one in state.enabled.iter() {
            let Some(features) = one.library.features() else { continue };
            for feature in &features.all {
                let id = one.library.facts().id.clone();
                match views.iter_mut().find(|view| view.id == feature.id) {
                    Some(view) => view.extensions.push(id),
                    None => views.push(feature_view(feature, vec![id], false, features.takes)),
                }
            }
        }
        views
    }

    /// The properties on this switch and its ports.
    pub(crate) fn policy_views(&self, state: &State) -> Vec<PolicyView> {
        state.policies.iter().map(|spec| self.policy_view(state, &spec.key, &spec.values)).collect()
    }

    pub(super) fn policy_view(&self, state: &State, key: &PolicyKey, given: &BTreeMap<String, String>) -> PolicyView {
        let feature = feature_of(state, &key.feature);
        let known = feature.into_iter().flat_map(|feature| &feature.keys.keys);
        let mut fields: Vec<SettingView> = known
            .filter(|setting| !setting.prefix)
            .map(|setting| view(&setting.name, Some(setting), given.get(&setting.name).map(String::as_str), true))
            .collect();
        for (name, value) in given {
            if fields.iter().all(|field| field.key != *name) {
                let setting = feature.and_then(|feature| feature.keys.find(name).ok());
                fields.push(view(name, setting, Some(value), true));
            }
        }
        PolicyView {
            switch: self.spec.name().clone(),
            feature: key.feature.clone(),
            port: key.port.clone(),
            instance: key.instance.clone(),
            extensions: takers(state, &key.feature).into_iter().map(|taker| taker.id).collect(),
            fields,
        }
    }

    /// What the features of an extension tell of a port, or of the switch.
    pub(crate) fn feature_status(
        &self,
        state: &State,
        id: &ExtensionId,
        port: Option<&PortName>,
    ) -> ControlResult<Vec<FeatureStatus>> {
        let found = state.enabled.iter().find(|one| one.library.facts().id == id.as_str());
        let one = found.ok_or_else(|| self.not_enabled(state, id))?;
        let number = port.map(|port| self.port_id(state, port)).transpose()?.map_or(0, PortId::raw);
        let thing = || format!("extension '{id}' on switch '{}'", self.spec.name());
        let refused = |reason: String, fix: &str| ControlError::Refused { thing: thing(), reason, fix: fix.to_owned() };
        let Some(instance) = one.instance.as_ref().filter(|instance| !instance.has_panicked()) else {
            return Err(refused("does not run".to_owned(), "look at its last error in `heddle extension show`"));
        };
        let features = one.library.features().into_iter().flat_map(|features| &features.all);
        let mut told = Vec::new();
        for feature in features.filter(|feature| feature.has_status) {
            let text = instance.status(&feature.id, number).map_err(|reason| {
                refused(format!("failed to tell the status of '{}': {reason}", feature.id), "report it to its vendor")
            })?;
            let Some(text) = text else { continue };
            told.push(FeatureStatus {
                switch: self.spec.name().clone(),
                extension: id.to_string(),
                feature: feature.id.clone(),
                port: port.cloned(),
                fields: text.lines().filter_map(|line| status_field(feature, line)).collect(),
            });
        }
        Ok(told)
    }
}

fn status_field(feature: &Feature, line: &str) -> Option<StatusField> {
    let (key, value) = line.split_once('=')?;
    let setting = feature.status.iter().find(|setting| setting.is_named(key));
    Some(StatusField {
        key: key.to_owned(),
        value: value.to_owned(),
        unit: setting.map(|setting| setting.unit.clone()).unwrap_or_default(),
        description: setting.map(|setting| setting.text.clone()).unwrap_or_default(),
    })
}

fn feature_view(feature: &Feature, extensions: Vec<String>, standard: bool, settable: bool) -> FeatureView {
    let views = |settings: &[Setting]| settings.iter().map(|one| view(&one.name, Some(one), None, true)).collect();
    FeatureView {
        id: feature.id.clone(),
        extensions,
        standard,
        description: feature.text.clone(),
        version: format!("{}.{}", feature.version.0, feature.version.1),
        on_port: feature.on_port,
        on_switch: feature.on_switch,
        several: feature.several,
        settable,
        fields: views(&feature.keys.keys),
        status_fields: views(&feature.status),
    }
}
