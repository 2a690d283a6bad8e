//! Who is in quarantine on this host: a file in the run directory, so that a restart of heddled lets nobody out.
//!
//! The file is JSON, written whole beside its place and renamed. What cannot be written is logged and holds for this
//! process. A reboot clears the run directory, and with it the quarantine. At most [`RECORDS_MAX`] records: the oldest
//! makes room.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use super::lock;
use crate::control::model::{QuarantineCause, QuarantineView, SwitchName};

/// Records kept.
const RECORDS_MAX: usize = 1_024;

/// The records.
pub(crate) struct Quarantines {
    path: PathBuf,
    records: Mutex<Vec<QuarantineView>>,
}

impl Quarantines {
    /// The records of a run directory.
    pub(crate) fn open(run_dir: &Path) -> Quarantines {
        let path = run_dir.join("quarantine.json");
        let records = match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|error| {
                tracing::warn!(file = %path.display(), %error, "the quarantine cannot be read; nobody is in it");
                Vec::new()
            }),
            // There is none yet.
            Err(_) => Vec::new(),
        };
        Quarantines { path, records: Mutex::new(records) }
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
        self.store(&records);
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
        let mut records = lock(&self.records);
        let before = records.len();
        records.retain(stays);
        if records.len() != before {
            self.store(&records);
        }
    }

    fn store(&self, records: &[QuarantineView]) {
        let beside = self.path.with_extension("json.new");
        let written = serde_json::to_vec_pretty(records)
            .map_err(std::io::Error::from)
            .and_then(|bytes| std::fs::write(&beside, bytes))
            .and_then(|()| std::fs::rename(&beside, &self.path));
        if let Err(error) = written {
            tracing::error!(file = %self.path.display(), %error, "the quarantine is not stored and ends with this process");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_outlive_the_process_and_are_bounded() -> Result<(), Box<dyn std::error::Error>> {
        let directory = std::env::temp_dir().join(format!("heddle-quarantine-{}", std::process::id()));
        std::fs::create_dir_all(&directory)?;
        let (lab, edge) = (SwitchName::new("lab")?, SwitchName::new("edge")?);
        let records = Quarantines::open(&directory);
        for number in 0..=RECORDS_MAX {
            records.put(&lab, &format!("org.example.{number}"), QuarantineCause::Panics, "it panicked".to_owned());
        }
        records.put(&edge, "org.example.9", QuarantineCause::Violations, "it broke rules".to_owned());
        let again = Quarantines::open(&directory);
        assert_eq!(again.all(None).len(), RECORDS_MAX);
        assert_eq!((again.find(&lab, "org.example.0"), again.find(&lab, "org.example.1")), (None, None));
        assert_eq!(again.find(&edge, "org.example.9").map(|record| record.cause), Some(QuarantineCause::Violations));
        again.remove(&lab, "org.example.9");
        assert_eq!((again.find(&lab, "org.example.9"), again.all(Some(&edge)).len()), (None, 1));
        again.remove_switch(&lab);
        assert_eq!(Quarantines::open(&directory).all(None).len(), 1);
        std::fs::write(directory.join("quarantine.json"), "{ half")?;
        assert_eq!(Quarantines::open(&directory).all(None), []);
        std::fs::remove_dir_all(&directory)?;
        Ok(())
    }
}
