//! Who is offered a property, in which order, and what is undone after a veto.
//!
//! From the protocol edge inwards; a standard policy to the forwarding extension that enforces it alone. Everyone who
//! accepted is told of the end, lowest first.

use std::collections::BTreeMap;

use heddle_switch_core::port_id::PortId;
use heddle_switch_core::stage::Role;
use heddle_switch_core::switch::{Port, PortError};

use super::super::extensions::{Enabled, Sink};
use super::super::{LiveSwitch, State};
use super::{VLAN, feature_of, lines, standard};
use crate::control::error::ControlError;
use crate::control::model::{ONLY_INSTANCE, PolicyKey, PolicySpec, PortCheck, PortName, PortSpec, VlanSettings};
use crate::control::plane::ControlResult;
use crate::loader::{Act, Hosted, Objection, Offer, is_standard};

/// A running extension that takes a property.
pub(super) struct Taker {
    pub(super) id: String,
    pub(super) instance: Hosted,
}

/// The VLAN options of a port as a property; `None` for a port without.
fn vlan_values(settings: &VlanSettings) -> Option<BTreeMap<String, String>> {
    let pairs: Vec<(&str, String)> = match settings {
        VlanSettings::Untagged => return None,
        VlanSettings::Access { vlan } => vec![("mode", "access".to_owned()), ("vlan", vlan.to_string())],
        VlanSettings::Trunk { allowed, native } => {
            let native = native.as_ref().map_or("0".to_owned(), ToString::to_string);
            vec![("mode", "trunk".to_owned()), ("allowed", allowed.to_string()), ("native", native)]
        }
    };
    Some(pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

/// The forwarding extension, when one runs.
pub(super) fn forwarder(state: &State) -> Option<&Enabled> {
    state
        .enabled
        .iter()
        .find(|one| one.instance.is_some() && one.library.facts().data_path_role() == Some(Role::Forwarding))
}

/// Running extensions that publish a feature, in ingress order.
pub(super) fn takers(state: &State, feature: &str) -> Vec<Taker> {
    let takes = |one: &Enabled| {
        let role = one.library.facts().data_path_role();
        let may = if is_standard(feature) { role == Some(Role::Forwarding) } else { role != Some(Role::Capture) };
        let takes = may && one.library.features().is_some_and(|features| features.take(feature));
        let instance = one.instance.as_ref().filter(|instance| takes && !instance.has_panicked())?;
        Some(Taker { id: one.library.facts().id.clone(), instance: instance.clone() })
    };
    state.enabled.iter().filter_map(takes).collect()
}

/// Offers a property to all who take it; when one refuses, the others are told of the opposite, and all of the end.
pub(super) fn offer(takers: &[Taker], property: &Offer<'_>, former: &str) -> Result<(), (String, Objection)> {
    for (told, taker) in takers.iter().enumerate() {
        let answer = taker.instance.property(property);
        let Err(objection) = answer else { continue };
        let final_word = property.act != Act::Delete && !(property.validation && objection.for_now);
        if !final_word {
            continue;
        }
        let undo = match property.act {
            Act::Update => Offer { values: former, ..*property },
            _ => Offer { act: Act::Delete, values: "", ..*property },
        };
        for accepted in takers.iter().take(told) {
            // Undoing cannot be refused.
            let _ = accepted.instance.property(&undo);
        }
        takers.iter().take(told).rev().for_each(|accepted| accepted.instance.property_done(property, Err(&objection)));
        return Err((taker.id.clone(), objection));
    }
    takers.iter().rev().for_each(|taker| taker.instance.property_done(property, Ok(())));
    Ok(())
}

/// What the operator is told of an objection.
pub(super) fn refusal((extension, objection): (String, Objection), request: String) -> ControlError {
    let reason = objection.reason;
    match objection.for_now {
        true => ControlError::ExtensionNotNow { extension, request, reason },
        false => ControlError::ExtensionVeto { extension, request, reason },
    }
}

impl LiveSwitch {
    /// Offers an extension that is being enabled what is on a port, or on the switch.
    pub(in super::super) fn offer_to_newcomer(
        &self,
        kept: &[Kept],
        instance: &Hosted,
        port: Option<&Port>,
    ) -> Result<(), Objection> {
        let Some(features) = instance.library().features().filter(|features| features.takes) else { return Ok(()) };
        let is_forwarder = instance.library().facts().data_path_role() == Some(Role::Forwarding);
        let name = port.map(|port| port.name.as_str());
        for one in kept.iter().filter(|one| one.spec.key.port.as_ref().map(PortName::as_str) == name) {
            let feature = one.spec.key.feature.as_str();
            if is_standard(feature) && is_forwarder && !features.take(feature) {
                let reason = format!("it does not enforce {}, which is set; remove it, or use another", one.spec.key);
                return Err(Objection { reason, for_now: false });
            }
            let known = features.all.iter().chain(standard()).find(|known| known.id == feature);
            if !features.take(feature) || (is_standard(feature) && !is_forwarder) {
                continue;
            }
            let property = Offer {
                act: Act::Add,
                port: port.map_or(0, |port| port.id.raw()),
                validation: false,
                feature,
                instance: &one.spec.key.instance,
                values: &lines(known, &one.spec.values),
            };
            instance.property(&property).map_err(|objection| Objection {
                reason: format!("{}: {}", one.spec.key, objection.reason),
                ..objection
            })?;
            instance.property_done(&property, Ok(()));
        }
        Ok(())
    }

    /// Everything a newcomer may be offered: what operators put, and the VLAN options of ports.
    pub(in super::super) fn kept_policies(&self, state: &State) -> Vec<Kept> {
        let put = state.policies.iter().map(|spec| Kept { spec: spec.clone() });
        let vlan = state.ports.values().filter_map(|plugged| {
            let values = vlan_values(plugged.settings.vlan())?;
            let key = PolicyKey {
                feature: VLAN.to_owned(),
                port: Some(plugged.spec.name().clone()),
                instance: ONLY_INSTANCE.to_owned(),
            };
            Some(Kept { spec: PolicySpec { key, values } })
        });
        put.chain(vlan).collect()
    }

    /// Offers what is on a new port, between its creation and that of its NIC; the first refusal undoes the rest.
    pub(in super::super) fn offer_port(
        &self,
        state: &State,
        (id, name, validation): (u32, &PortName, bool),
        vlan: &VlanSettings,
    ) -> ControlResult<()> {
        let mut specs: Vec<PolicySpec> =
            state.policies.iter().filter(|spec| spec.key.port.as_ref() == Some(name)).cloned().collect();
        if let Some(values) = vlan_values(vlan) {
            self.refuse_vlan(state, name)?;
            let key =
                PolicyKey { feature: VLAN.to_owned(), port: Some(name.clone()), instance: ONLY_INSTANCE.to_owned() };
            specs.push(PolicySpec { key, values });
        }
        let mut accepted: Vec<&PolicySpec> = Vec::new();
        for spec in &specs {
            let outcome = self.offer_one(state, spec, (id, validation), Act::Add, "");
            if let Err(error) = outcome {
                for spec in accepted {
                    // A deletion cannot be refused.
                    let _ = self.offer_one(state, spec, (id, validation), Act::Delete, "");
                }
                return Err(error);
            }
            accepted.push(spec);
        }
        if validation {
            for spec in accepted {
                let _ = self.offer_one(state, spec, (id, true), Act::Delete, "");
            }
        }
        Ok(())
    }

    fn offer_one(
        &self,
        state: &State,
        spec: &PolicySpec,
        (port, validation): (u32, bool),
        act: Act,
        former: &str,
    ) -> ControlResult<()> {
        let key = &spec.key;
        let values = match act {
            Act::Delete => String::new(),
            _ => lines(feature_of(state, &key.feature), &spec.values),
        };
        let property = Offer { act, port, validation, feature: &key.feature, instance: &key.instance, values: &values };
        offer(&takers(state, &key.feature), &property, former).map_err(|refused| refusal(refused, key.to_string()))
    }

    /// Refuses VLAN options when the forwarding extension takes part in policies and does not enforce them.
    fn refuse_vlan(&self, state: &State, port: &PortName) -> ControlResult<()> {
        let Some(one) = forwarder(state) else { return Ok(()) };
        match one.library.features() {
            Some(features) if features.takes && !features.take(VLAN) => Err(ControlError::Refused {
                thing: format!("the VLAN of port '{port}' of switch '{}'", self.spec.name()),
                reason: format!("is not enforced by forwarding extension '{}'", one.library.facts().id),
                fix: "leave the port untagged, or use a forwarding extension that enforces VLANs".to_owned(),
            }),
            _ => Ok(()),
        }
    }

    /// Offers the VLAN options a port is to have instead of those it has.
    pub(in super::super) fn offer_vlan(
        &self,
        state: &State,
        (id, name): (PortId, &PortName),
        (from, to): (&VlanSettings, &VlanSettings),
    ) -> ControlResult<()> {
        let (before, after) = (vlan_values(from), vlan_values(to));
        if before == after {
            return Ok(());
        }
        let act = match (&before, &after) {
            (None, _) => Act::Add,
            (Some(_), Some(_)) => Act::Update,
            (Some(_), None) => Act::Delete,
        };
        if after.is_some() {
            self.refuse_vlan(state, name)?;
        }
        let key = PolicyKey { feature: VLAN.to_owned(), port: Some(name.clone()), instance: ONLY_INSTANCE.to_owned() };
        let former = lines(None, &before.unwrap_or_default());
        self.offer_one(state, &PolicySpec { key, values: after.unwrap_or_default() }, (id.raw(), false), act, &former)
    }

    /// Tells of the end of what is on a port that is being removed, and forgets it.
    pub(in super::super) fn withdraw_policies(&self, state: &mut State, id: PortId, name: &PortName) {
        for one in self.kept_policies(state).iter().filter(|one| one.spec.key.port.as_ref() == Some(name)) {
            // A deletion cannot be refused.
            let _ = self.offer_one(state, &one.spec, (id.raw(), false), Act::Delete, "");
        }
        state.policies.retain(|spec| spec.key.port.as_ref() != Some(name));
    }

    /// Has the extensions judge a port with its policies, and leaves nothing behind.
    pub(crate) fn check_port(
        &self,
        state: &mut State,
        spec: &PortSpec,
        policies: &[PolicySpec],
    ) -> ControlResult<PortCheck> {
        let name = spec.name().clone();
        for policy in policies {
            self.judge_place(state, &policy.key)?;
            if let Some(feature) = feature_of(state, &policy.key.feature) {
                policy.values.iter().try_for_each(|(key, value)| feature.keys.check(key, value))?;
            }
        }
        let core = super::super::ports::core_spec(spec, 0, 0, Default::default());
        let mut sink = Sink::new(self, &state.enabled);
        let mut told = None;
        let judged = state.switch.validate_port(core, &mut sink, |port, _| {
            told = Some(port.id);
            Ok::<(), PortError>(())
        });
        judged.map_err(|error| self.port_error(state, &name, error))?;
        let kept = std::mem::take(&mut state.policies);
        state.policies = policies.to_vec();
        let id = told.map_or(0, PortId::raw);
        let outcome = self.offer_port(state, (id, &name, true), spec.settings().vlan());
        state.policies = kept;
        outcome?;
        let judge =
            |one: &&Enabled| one.instance.is_some() && one.library.facts().data_path_role() != Some(Role::Capture);
        let extensions = state.enabled.iter().filter(judge).map(|one| one.library.facts().id.clone()).collect();
        Ok(PortCheck { switch: self.spec.name().clone(), port: name, extensions })
    }
}

/// What a newcomer is offered.
pub(in super::super) struct Kept {
    spec: PolicySpec,
}
