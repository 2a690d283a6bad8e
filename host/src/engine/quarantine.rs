//! Who is in quarantine on this host.
//!
//! Kept in memory here; whoever keeps the desired state stores it (`state/durable/quarantine.rs`) and brings it back, so
//! that neither a restart nor a reboot lets anybody out. At most [`RECORDS_MAX`] records: the oldest makes room.

use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use super::lock;
use crate::control::model::{QuarantineCause, QuarantineView, SwitchName};

/// Records kept.
const RECORDS_MAX: usize = 1_024;

/// The records.
#[derive(Default)]
pub(crate) struct Quarantines {
    records: Mutex<Vec<QuarantineView>>,
}

impl Quarantines {
    /// Takes up records from before this process; the ones that are there stay.
    pub(crate) fn restore(&self, records: Vec<QuarantineView>) {
        let mut known = lock(&self.records);
        let is_there =
            |record: &QuarantineView| known.iter().any(|one| one.switch == record.switch && one.id == record.id);
        let new: Vec<QuarantineView> = records.into_iter().filter(|record| !is_there(record)).collect();
        known.splice(..0, new);
        let too_many = known.len().saturating_sub(RECORDS_MAX);
        known.drain(..too_many);
    }

    /// Whether an extension is in quarantine on a switch.
    pub(crate) fn find(&self, switch: &SwitchName, id: &str) -> Option<QuarantineView> {
        lock(&self.records).iter().find(|record| record.switch == *switch && record.id == id).cloned()
    }

    /// Everybody, on one switch or on all, oldest first.
    pub(crate) fn all(&self, switch: Option<&SwitchName>) -> Vec<QuarantineView> {
        let wanted = |record: &&QuarantineView| switch.is_none_or(|switch| record.switch == *switch);
        lock(&self.records).iter().filter(wanted).cloned().collect()
    }

    /// Puts an extension in.
    pub(crate) fn put(&self, switch: &SwitchName, id: &str, cause: QuarantineCause, reason: String) -> QuarantineView {
        let since_unix_seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let record = QuarantineView {
            switch: switch.clone(),
            id: id.to_owned(),
            cause,
            reason,
            since_unix_seconds,
            crash: None,
        };
        let mut records = lock(&self.records);
        records.retain(|known| known.switch != record.switch || known.id != record.id);
        if records.len() >= RECORDS_MAX {
            records.remove(0);
        }
        records.push(record.clone());
        record
    }

    /// Lets an extension out.
    pub(crate) fn remove(&self, switch: &SwitchName, id: &str) {
        self.keep(|record| record.switch != *switch || record.id != id);
    }

    /// Lets everybody out that was in on a switch that is gone.
    pub(crate) fn remove_switch(&self, switch: &SwitchName) {
        self.keep(|record| record.switch != *switch);
    }

    fn keep(&self, stays: impl Fn(&QuarantineView) -> bool) {
        lock(&self.records).retain(stays);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_outlive_the_process_and_are_bounded() -> Result<(), Box<dyn std::error::Error>> {
        let (lab, edge) = (SwitchName::new("lab")?, SwitchName::new("edge")?);
        let records = Quarantines::default();
        for number in 0..=RECORDS_MAX {
            records.put(&lab, &format!("org.example.{number}"), QuarantineCause::Panics, "it panicked".to_owned());
        }
        records.put(&edge, "org.example.9", QuarantineCause::Violations, "it broke rules".to_owned());
        let again = Quarantines::default();
        again.put(&lab, "org.example.9", QuarantineCause::Crash, "it crashed".to_owned());
        again.restore(records.all(None));
        assert_eq!(again.all(None).len(), RECORDS_MAX);
        assert_eq!((again.find(&lab, "org.example.0"), again.find(&lab, "org.example.1")), (None, None));
        assert_eq!(again.find(&lab, "org.example.9").map(|record| record.cause), Some(QuarantineCause::Crash));
        assert_eq!(again.find(&edge, "org.example.9").map(|record| record.cause), Some(QuarantineCause::Violations));
        again.remove(&lab, "org.example.9");
        assert_eq!((again.find(&lab, "org.example.9"), again.all(Some(&edge)).len()), (None, 1));
        again.remove_switch(&lab);
        assert_eq!(again.all(None).len(), 1);
        Ok(())
    }
}
