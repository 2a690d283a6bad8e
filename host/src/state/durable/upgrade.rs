//! Which version of an extension is desired: the new one once it has passed its probation, the former one until then.
//!
//! An upgrade is stored with the version before it. While it is on probation, a process that ended without being asked to
//! comes back with the former version: the new one may be why it ended. A restart that was asked for keeps the new one.

use std::path::Path;

use super::ledger::{self, Part};
use super::turn::Turn;
use super::{Inner, lock};
use crate::control::model::{ExtensionId, ExtensionView, Probation, SwitchName, UpgradeStage, UpgradeView};
use crate::control::plane::ControlResult;
use crate::state::record::ExtensionRecord;
use crate::state::store::Edit;

impl Inner {
    pub(super) fn upgrade_extension(
        &self,
        switch: &SwitchName,
        extension: &ExtensionId,
        file: &Path,
        probation: Probation,
    ) -> ControlResult<ExtensionView> {
        let mut store = self.turn(switch);
        let view = self.plane.upgrade_extension(switch, extension, file, probation)?;
        let Some(part) = self.kept_extension(switch, extension) else { return Ok(view) };
        let record = ExtensionRecord {
            extension: file.display().to_string(),
            former: Some(part.record.extension.clone()),
            sha256: self.plane.fingerprint(switch, extension),
            former_sha256: part.record.sha256.clone(),
            on_probation: !probation.duration().is_zero(),
            ..part.record.clone()
        };
        self.keep(&mut store, &[Edit::PutExtension(switch, part.order, &part.key, &record)], || {
            self.plane.rollback_extension(switch, extension).map(drop)
        })?;
        self.remember_extension(switch, Part { record, ..part });
        Ok(view)
    }

    pub(super) fn rollback_extension(
        &self,
        switch: &SwitchName,
        extension: &ExtensionId,
    ) -> ControlResult<ExtensionView> {
        let mut store = self.turn(switch);
        let part = self.kept_extension(switch, extension);
        let Some((part, former)) = part.and_then(|part| Some((part.clone(), went_back(&part.record)?))) else {
            return self.plane.rollback_extension(switch, extension);
        };
        // There is no way to undo it: it is stored first, and put back when the plane refuses.
        store
            .commit(&[Edit::PutExtension(switch, part.order, &part.key, &former)])
            .map_err(|error| super::changes::not_stored(&error))?;
        let answer = self.plane.rollback_extension(switch, extension);
        match answer {
            Ok(_) => self.remember_extension(switch, Part { record: former, ..part }),
            Err(_) => self.put_back(&mut store, &[Edit::PutExtension(switch, part.order, &part.key, &part.record)]),
        }
        answer
    }

    /// Takes note of upgrades that have passed their probation, and of those that were undone.
    pub(super) fn follow_probations(&self) {
        for (switch, part) in self.on_probation() {
            let mut store = self.turn(&switch);
            let Ok(id) = ExtensionId::new(&part.key) else { continue };
            let upgrade = self.plane.extension(&switch, &id).ok().and_then(|view| view.upgrade);
            // It may have changed before the store was ours.
            let same = self.kept_extension(&switch, &id).filter(|now| now.record == part.record);
            if let (Some(part), Some(now)) = (same, upgrade.and_then(|upgrade| judged(&part.record, &upgrade))) {
                self.settle_probation(&mut store, &switch, part, now);
            }
        }
    }

    /// A heddled that is asked to end has not crashed: what is on probation is what is desired.
    pub(super) fn end_probations(&self) {
        self.follow_probations();
        for (switch, part) in self.on_probation() {
            let mut store = self.turn(&switch);
            // It may have been changed before the turn was ours.
            let same = self.kept_extension_by(&switch, &part.key).is_some_and(|now| now.record == part.record);
            if !same {
                continue;
            }
            let passed = ExtensionRecord { on_probation: false, ..part.record.clone() };
            self.settle_probation(&mut store, &switch, part, passed);
        }
    }

    /// At the start: what was on probation when the process ended is not trusted.
    pub(super) fn return_from_probation(&self) {
        for (switch, part) in self.on_probation() {
            let mut store = self.turn(&switch);
            let Some(former) = went_back(&part.record) else { continue };
            let (new, former_name) = (&part.record.extension, &former.extension);
            tracing::warn!(
                %switch, extension = part.key, %new, former = %former_name,
                "heddled ended within the probation of an upgrade: the former version is restored"
            );
            self.settle_probation(&mut store, &switch, part, former);
        }
    }

    fn settle_probation(
        &self,
        store: &mut Turn<'_>,
        switch: &SwitchName,
        part: Part<ExtensionRecord>,
        record: ExtensionRecord,
    ) {
        match store.commit(&[Edit::PutExtension(switch, part.order, &part.key, &record)]) {
            Ok(()) => self.remember_extension(switch, Part { record, ..part }),
            // It stays on probation and is looked at again.
            Err(error) => tracing::warn!(%error, "the end of a probation is not stored"),
        }
    }

    fn on_probation(&self) -> Vec<(SwitchName, Part<ExtensionRecord>)> {
        let ledger = lock(&self.ledger);
        let of = |(name, kept): (&SwitchName, &ledger::Kept)| {
            let parts = kept.extensions.iter().filter(|part| part.record.on_probation);
            parts.map(|part| (name.clone(), part.clone())).collect::<Vec<_>>()
        };
        ledger.switches.iter().flat_map(of).collect()
    }

    fn kept_extension(&self, switch: &SwitchName, extension: &ExtensionId) -> Option<Part<ExtensionRecord>> {
        self.kept_extension_by(switch, extension.as_str())
    }

    fn kept_extension_by(&self, switch: &SwitchName, key: &str) -> Option<Part<ExtensionRecord>> {
        let ledger = lock(&self.ledger);
        ledger::find(&ledger.switches.get(switch)?.extensions, key).cloned()
    }

    fn remember_extension(&self, switch: &SwitchName, part: Part<ExtensionRecord>) {
        if let Some(kept) = lock(&self.ledger).switches.get_mut(switch) {
            ledger::put(&mut kept.extensions, part);
        }
    }
}

/// The record of the former version; `None` when there is none.
fn went_back(record: &ExtensionRecord) -> Option<ExtensionRecord> {
    let extension = record.former.clone()?;
    let sha256 = record.former_sha256.clone();
    Some(ExtensionRecord {
        extension,
        sha256,
        former: None,
        former_sha256: None,
        on_probation: false,
        ..record.clone()
    })
}

/// What is desired after a probation has ended; `None` while it goes on.
fn judged(record: &ExtensionRecord, upgrade: &UpgradeView) -> Option<ExtensionRecord> {
    match (upgrade.stage, upgrade.probation_seconds_left) {
        (UpgradeStage::RolledBack, _) => went_back(record),
        (UpgradeStage::Upgraded, None) => Some(ExtensionRecord { on_probation: false, ..record.clone() }),
        (UpgradeStage::Upgraded, Some(_)) => None,
    }
}
