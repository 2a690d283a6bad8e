//! Messages about policies: features, properties, status, and the check of a port.

use super::UnreadableAnswer;
use super::request::port_to_check;
use crate::control::error::ControlError;
use crate::control::model::{
    FeatureStatus, FeatureView, InvalidValue, PolicyChange, PolicyKey, PolicySpec, PolicyView, PortCheck, PortName,
    PortSpec, SettingView, StatusField, SwitchName,
};
use crate::control::wire;

fn bad(field: &'static str, value: String) -> UnreadableAnswer {
    UnreadableAnswer { field, value }
}

fn switch(name: String) -> Result<SwitchName, UnreadableAnswer> {
    name.parse().map_err(|_| bad("switch name", name))
}

fn port(name: Option<String>) -> Result<Option<PortName>, UnreadableAnswer> {
    name.map(|name| PortName::new(&name).map_err(|_| bad("port name", name))).transpose()
}

fn settings(all: Vec<wire::Setting>) -> Result<Vec<SettingView>, UnreadableAnswer> {
    all.into_iter().map(TryInto::try_into).collect()
}

fn policy_key(values: &wire::PolicyValues) -> Result<PolicyKey, InvalidValue> {
    let port = values.port.as_deref().map(PortName::new).transpose()?;
    PolicyKey::new(&values.feature, port, values.instance.as_deref())
}

impl TryFrom<wire::PolicyValues> for PolicySpec {
    type Error = InvalidValue;

    fn try_from(values: wire::PolicyValues) -> Result<Self, InvalidValue> {
        let key = policy_key(&values)?;
        Self::new(key, values.values.into_iter().map(|pair| (pair.key, pair.value)).collect())
    }
}

/// A change, and the switch it is for.
pub(in crate::control) struct ChangePolicy {
    pub(in crate::control) switch: SwitchName,
    pub(in crate::control) change: PolicyChange,
}

impl TryFrom<wire::ChangePolicyRequest> for ChangePolicy {
    type Error = ControlError;

    fn try_from(request: wire::ChangePolicyRequest) -> Result<Self, ControlError> {
        let switch = SwitchName::new(&request.switch)?;
        let values = request.policy.unwrap_or_default();
        let change = match wire::PolicyAction::try_from(request.action) {
            Ok(wire::PolicyAction::Add) => PolicyChange::Add(values.try_into()?),
            Ok(wire::PolicyAction::Remove) => PolicyChange::Remove(policy_key(&values)?),
            Ok(wire::PolicyAction::Set) if values.values.is_empty() && request.unset.is_empty() => {
                let fix = "give KEY=VALUE";
                return Err(
                    InvalidValue::new("policy", values.feature, "is to be changed but no field is given", fix).into()
                );
            }
            Ok(wire::PolicyAction::Set) => PolicyChange::Set(values.try_into()?, request.unset),
            _ => {
                let fix = "use add, set or remove";
                return Err(InvalidValue::new("action", request.action, "is not known", fix).into());
            }
        };
        Ok(Self { switch, change })
    }
}

/// A port to judge, with its policies.
pub(in crate::control) struct CheckPort {
    pub(in crate::control) switch: SwitchName,
    pub(in crate::control) spec: PortSpec,
    pub(in crate::control) policies: Vec<PolicySpec>,
}

impl TryFrom<wire::CheckPortRequest> for CheckPort {
    type Error = ControlError;

    fn try_from(request: wire::CheckPortRequest) -> Result<Self, ControlError> {
        let switch = SwitchName::new(&request.switch)?;
        let spec = port_to_check(&request.port, &request.options.unwrap_or_default())?;
        let own = |values: wire::PolicyValues| wire::PolicyValues { port: Some(request.port.clone()), ..values };
        let policies = request.policies.into_iter().map(|values| own(values).try_into()).collect::<Result<_, _>>()?;
        Ok(Self { switch, spec, policies })
    }
}

impl From<PortCheck> for wire::PortCheck {
    fn from(check: PortCheck) -> Self {
        Self { switch: check.switch.to_string(), port: check.port.to_string(), extensions: check.extensions }
    }
}

impl TryFrom<wire::PortCheck> for PortCheck {
    type Error = UnreadableAnswer;

    fn try_from(check: wire::PortCheck) -> Result<Self, UnreadableAnswer> {
        let port = PortName::new(&check.port).map_err(|_| bad("port name", check.port))?;
        Ok(Self { switch: switch(check.switch)?, port, extensions: check.extensions })
    }
}

impl From<FeatureView> for wire::Feature {
    fn from(view: FeatureView) -> Self {
        Self {
            id: view.id,
            extensions: view.extensions,
            standard: view.standard,
            description: view.description,
            version: view.version,
            on_port: view.on_port,
            on_switch: view.on_switch,
            several: view.several,
            settable: view.settable,
            fields: view.fields.into_iter().map(Into::into).collect(),
            status_fields: view.status_fields.into_iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<wire::Feature> for FeatureView {
    type Error = UnreadableAnswer;

    fn try_from(feature: wire::Feature) -> Result<Self, UnreadableAnswer> {
        Ok(Self {
            id: feature.id,
            extensions: feature.extensions,
            standard: feature.standard,
            description: feature.description,
            version: feature.version,
            on_port: feature.on_port,
            on_switch: feature.on_switch,
            several: feature.several,
            settable: feature.settable,
            fields: settings(feature.fields)?,
            status_fields: settings(feature.status_fields)?,
        })
    }
}

impl From<PolicyView> for wire::Policy {
    fn from(view: PolicyView) -> Self {
        Self {
            switch: view.switch.to_string(),
            feature: view.feature,
            port: view.port.map(|port| port.to_string()),
            instance: view.instance,
            extensions: view.extensions,
            fields: view.fields.into_iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<wire::Policy> for PolicyView {
    type Error = UnreadableAnswer;

    fn try_from(policy: wire::Policy) -> Result<Self, UnreadableAnswer> {
        Ok(Self {
            switch: switch(policy.switch)?,
            feature: policy.feature,
            port: port(policy.port)?,
            instance: policy.instance,
            extensions: policy.extensions,
            fields: settings(policy.fields)?,
        })
    }
}

impl From<(Vec<FeatureView>, Vec<PolicyView>)> for wire::ListPoliciesResponse {
    fn from((features, policies): (Vec<FeatureView>, Vec<PolicyView>)) -> Self {
        Self {
            features: features.into_iter().map(Into::into).collect(),
            policies: policies.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<FeatureStatus> for wire::FeatureStatus {
    fn from(status: FeatureStatus) -> Self {
        let field = |field: StatusField| wire::StatusField {
            key: field.key,
            value: field.value,
            unit: field.unit,
            description: field.description,
        };
        Self {
            switch: status.switch.to_string(),
            extension: status.extension,
            feature: status.feature,
            port: status.port.map(|port| port.to_string()),
            fields: status.fields.into_iter().map(field).collect(),
        }
    }
}

impl From<Vec<FeatureStatus>> for wire::GetFeatureStatusResponse {
    fn from(statuses: Vec<FeatureStatus>) -> Self {
        Self { statuses: statuses.into_iter().map(Into::into).collect() }
    }
}

impl TryFrom<wire::FeatureStatus> for FeatureStatus {
    type Error = UnreadableAnswer;

    fn try_from(status: wire::FeatureStatus) -> Result<Self, UnreadableAnswer> {
        let field = |field: wire::StatusField| StatusField {
            key: field.key,
            value: field.value,
            unit: field.unit,
            description: field.description,
        };
        Ok(Self {
            switch: switch(status.switch)?,
            extension: status.extension,
            feature: status.feature,
            port: port(status.port)?,
            fields: status.fields.into_iter().map(field).collect(),
        })
    }
}
