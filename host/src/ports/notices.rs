//! What a port has to say to its operator beside its counters: a replay that ended, a recording that stopped.
//!
//! A notice is a sentence under a topic; a new one of the same topic takes the place of the old. Written by backends off the
//! path of frames, read when somebody looks at the port. At most one per topic, and the topics are in the code.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The notices of a port, shared by whoever writes them.
#[derive(Clone, Debug, Default)]
pub struct Notices(Arc<Mutex<BTreeMap<&'static str, String>>>);

impl Notices {
    fn all(&self) -> MutexGuard<'_, BTreeMap<&'static str, String>> {
        // A panic elsewhere cannot leave a map half-changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says something about `topic`; whether that is news.
    pub fn say(&self, topic: &'static str, text: String) -> bool {
        self.all().insert(topic, text.clone()) != Some(text)
    }

    /// There is nothing more to say about `topic`; whether there was.
    pub fn withdraw(&self, topic: &'static str) -> bool {
        self.all().remove(topic).is_some()
    }

    /// All that is to be said, by topic.
    pub fn sentences(&self) -> Vec<String> {
        self.all().values().cloned().collect()
    }
}
