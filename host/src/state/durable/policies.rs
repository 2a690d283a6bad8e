//! Policies: kept in the record of their switch, in the order in which they were put.

use super::{Inner, lock};
use crate::control::model::{PolicyChange, PolicyKey, PolicySpec, PolicyView, PortName, SwitchName};
use crate::control::plane::ControlResult;
use crate::state::record::{PolicyRecord, SwitchRecord};
use crate::state::store::Edit;

/// What a switch's record says of one property.
fn find(record: &SwitchRecord, key: &PolicyKey) -> Option<PolicySpec> {
    record.policy_specs().into_iter().find(|spec| spec.key == *key)
}

/// The record after a change.
fn changed(record: &SwitchRecord, change: &PolicyChange) -> SwitchRecord {
    let mut specs = record.policy_specs();
    let key = change.key();
    match (change, specs.iter_mut().find(|spec| spec.key == *key)) {
        (PolicyChange::Remove(_), _) => specs.retain(|spec| spec.key != *key),
        (_, Some(spec)) => spec.values = change.applied(&spec.values),
        (_, None) => specs.push(PolicySpec { key: key.clone(), values: change.applied(&Default::default()) }),
    }
    SwitchRecord { policies: specs.iter().map(PolicyRecord::of).collect(), ..record.clone() }
}

/// The record without the policies of a port.
pub(super) fn without_port(record: &SwitchRecord, port: &PortName) -> SwitchRecord {
    let mut after = record.clone();
    after.policies.retain(|policy| policy.port.as_ref() != Some(port));
    after
}

impl Inner {
    pub(super) fn change_policy(&self, switch: &SwitchName, change: &PolicyChange) -> ControlResult<PolicyView> {
        let mut store = self.turn(switch);
        let before = lock(&self.ledger).switches.get(switch).map(|kept| kept.record.clone());
        let view = self.plane.change_policy(switch, change)?;
        let Some(before) = before else { return Ok(view) };
        let after = changed(&before, change);
        self.keep(&mut store, &[Edit::PutSwitch(&after)], || {
            let back = match (find(&before, change.key()), change) {
                (None, _) => PolicyChange::Remove(change.key().clone()),
                (Some(spec), PolicyChange::Remove(_)) => PolicyChange::Add(spec),
                (Some(spec), PolicyChange::Add(new) | PolicyChange::Set(new, _)) => {
                    let unset = new.values.keys().filter(|key| !spec.values.contains_key(*key)).cloned().collect();
                    PolicyChange::Set(spec, unset)
                }
            };
            self.plane.change_policy(switch, &back).map(drop)
        })?;
        if let Some(kept) = lock(&self.ledger).switches.get_mut(switch) {
            kept.record = after;
        }
        Ok(view)
    }
}
