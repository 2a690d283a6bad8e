//! Quarantine over restarts: records of the plane are kept in the store, and crashes become records.
//!
//! At start, crashes on record are made quarantines and stored before anything is restored, so that no crash can undo
//! them. Later ones are stored by the thread that also tries what is absent, within half a second: the plane puts
//! extensions in under locks that a change waits for.

use std::path::{Path, PathBuf};

use super::{Inner, lock};
use crate::contain::{CrashCause, CrashRecord};
use crate::control::model::{CrashView, Isolation, QuarantineCause, QuarantineView, SwitchName};
use crate::state::record::ExtensionRecord;
use crate::state::store::{Edit, Store, StoreError, StoredSwitch};

/// Crashes on record, and the file they are in.
#[derive(Debug, Default)]
pub struct Crashes {
    /// The records, in order.
    pub records: Vec<CrashRecord>,
    /// Emptied once they are stored.
    pub file: PathBuf,
}

impl Crashes {
    /// The crashes in a file.
    #[must_use]
    pub fn read(file: &Path) -> Self {
        Self { records: CrashRecord::read_all(file), file: file.to_owned() }
    }
}

/// What is in quarantine at this start.
pub(super) fn adopt(
    store: &mut Store,
    stored: &[StoredSwitch],
    crashes: &Crashes,
) -> Result<Vec<QuarantineView>, StoreError> {
    let mut records = store.quarantines()?;
    if crashes.records.is_empty() {
        return Ok(records);
    }
    for crash in &crashes.records {
        for record in quarantines_of(crash, stored) {
            tracing::error!(switch = %record.switch, extension = record.id, reason = record.reason, "the extension is quarantined");
            records.retain(|known| known.switch != record.switch || known.id != record.id);
            records.push(record);
        }
    }
    match store.commit(&[Edit::Quarantines(&records)]) {
        // One that stays is read again, to the same end.
        Ok(()) => drop(std::fs::write(&crashes.file, b"")),
        Err(error) => tracing::error!(%error, "the quarantine is not stored"),
    }
    Ok(records)
}

/// A crash puts its extension into quarantine on its switch; one that happened on behalf of none, wherever it is desired.
fn quarantines_of(crash: &CrashRecord, stored: &[StoredSwitch]) -> Vec<QuarantineView> {
    let Some(id) = &crash.extension else { return everybody(crash, stored) };
    let record_on = |one: &StoredSwitch| -> Option<ExtensionRecord> {
        let is_it = |record: &ExtensionRecord, key: &str| key == id || record.shown_id() == *id;
        one.extensions.iter().find(|((_, record), key)| is_it(record, key)).map(|((_, record), _)| record.clone())
    };
    let mut switches: Vec<SwitchName> = match SwitchName::new(&crash.switch) {
        Ok(switch) => vec![switch],
        Err(_) => stored.iter().filter(|one| record_on(one).is_some()).map(|one| one.switch.name.clone()).collect(),
    };
    // One on probation gives way to its former version, which did nothing.
    switches.retain(|switch| {
        let known = stored.iter().find(|one| one.switch.name == *switch).and_then(record_on);
        !known.is_some_and(|record| record.on_probation)
    });
    let cause = match crash.cause {
        CrashCause::Limit(_) => QuarantineCause::Hang,
        CrashCause::Signal | CrashCause::Exit | CrashCause::Left(_) | CrashCause::Repeated(_) => QuarantineCause::Crash,
    };
    let reason = match crash.cause {
        CrashCause::Repeated(times) => {
            format!("it was being called as the switch process died, {times} times in a row")
        }
        _ => format!("it ended the switch process: {}", crash.what()),
    };
    let record = |switch| quarantine(crash, switch, id.clone(), cause, reason.clone());
    switches.into_iter().map(record).collect()
}

/// When nobody knows who ends the switch process again and again, all are kept out that run in it.
fn everybody(crash: &CrashRecord, stored: &[StoredSwitch]) -> Vec<QuarantineView> {
    let CrashCause::Repeated(times) = crash.cause else { return Vec::new() };
    let reason = format!(
        "the switch process died {times} times in a row and nobody knows why, so all extensions in it are kept out; \
         clear them one by one, or run them with --isolation process"
    );
    let on_switch = |one: &StoredSwitch| -> Vec<QuarantineView> {
        let inside = one.extensions.iter().filter(|((_, record), _)| record.isolation != Isolation::Process);
        let switch = &one.switch.name;
        inside
            .map(|((_, record), _)| {
                quarantine(crash, switch.clone(), record.shown_id(), QuarantineCause::Crash, reason.clone())
            })
            .collect()
    };
    stored.iter().flat_map(on_switch).collect()
}

fn quarantine(
    crash: &CrashRecord,
    switch: SwitchName,
    id: String,
    cause: QuarantineCause,
    reason: String,
) -> QuarantineView {
    let since_unix_seconds = crash.unix_seconds;
    QuarantineView { switch, id, cause, reason, since_unix_seconds, crash: Some(CrashView::from(crash)) }
}

impl Inner {
    /// Stores who is in quarantine, when that has changed.
    pub(super) fn keep_quarantines(&self) {
        let Ok(now) = self.plane.quarantines(None) else { return };
        let mut kept = lock(&self.quarantined);
        if *kept == now {
            return;
        }
        match lock(&self.store).commit(&[Edit::Quarantines(&now)]) {
            Ok(()) => *kept = now,
            Err(error) => tracing::warn!(%error, "the quarantine is not stored yet"),
        }
    }

    /// Why an extension is kept from running, if it is.
    pub(super) fn quarantine_of(&self, switch: &SwitchName, id: &str) -> Option<QuarantineView> {
        let records = self.plane.quarantines(Some(switch)).ok()?;
        records.into_iter().find(|record| record.id == id)
    }
}
