//! A site: whom a thread calls, and in which function, for whoever has to say so when the call does not come back.

use std::cell::RefCell;

use super::note::Place;
use super::strikes::Strikes;

/// A function of the extension ABI, as crash records name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::FromRepr, strum::EnumIter, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
#[repr(u8)]
pub enum Function {
    /// Opening the file runs its constructors.
    Load,
    /// Making an instance.
    Create,
    /// Ending an instance.
    Destroy,
    /// Making a worker context.
    WorkerInit,
    /// Ending a worker context.
    WorkerFini,
    /// A batch coming in.
    Ingress,
    /// A batch going out.
    Egress,
    /// The periodic call of a worker.
    WorkerTick,
    /// The periodic call of the control side.
    Tick,
    /// A control event.
    Event,
    /// A new configuration.
    Configure,
    /// Asking for an optional interface.
    Interface,
    /// A sampled frame, or the question for the next one.
    Sampling,
    /// A dropped frame, or the question for more.
    Drops,
    /// Saving or taking up the state of an instance or of a NIC.
    State,
    /// Saving or taking up the state of a worker context.
    WorkerState,
}

impl Function {
    /// Its name in the function table.
    pub fn name(self) -> &'static str {
        self.into()
    }

    /// Whether frames wait while it runs.
    pub fn is_worker(self) -> bool {
        matches!(
            self,
            Self::Ingress | Self::Egress | Self::WorkerTick | Self::Sampling | Self::Drops | Self::WorkerState
        )
    }
}

/// One extension on one switch.
#[derive(Debug)]
pub struct Site {
    /// Its identifier.
    pub extension: String,
    /// Its switch; empty when it was called for none.
    pub switch: String,
    /// SHA-256 of its file, in hexadecimal; empty when built in.
    pub sha256: String,
    /// What it did wrong.
    pub strikes: Strikes,
    place: Place,
}

thread_local! {
    static SWITCH: RefCell<String> = const { RefCell::new(String::new()) };
}

/// While it lives, sites made on this thread are of its switch.
#[derive(Debug)]
#[must_use = "sites are of the switch while it lives"]
pub struct OnBehalf {
    before: String,
}

/// What this thread does now, it does for a switch.
pub fn on_behalf_of(switch: &str) -> OnBehalf {
    OnBehalf { before: SWITCH.with_borrow_mut(|now| std::mem::replace(now, switch.to_owned())) }
}

impl Drop for OnBehalf {
    fn drop(&mut self) {
        // A thread that is ending has no use for it.
        let _ = SWITCH.try_with(|now| now.replace(std::mem::take(&mut self.before)));
    }
}

impl Site {
    /// The site of an extension on the switch this thread works for.
    pub fn new(extension: &str, sha256: Option<&str>) -> Site {
        let (switch, sha256) = (SWITCH.with_borrow(String::clone), sha256.unwrap_or_default().to_owned());
        let place = Place::take(extension, &switch, &sha256);
        Site { extension: extension.to_owned(), switch, sha256, strikes: Strikes::default(), place }
    }

    /// Where the supervisor reads of it.
    #[inline]
    pub(super) fn place(&self) -> &Place {
        &self.place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_is_of_the_switch_the_thread_works_for() {
        let outer = on_behalf_of("lab");
        {
            let _inner = on_behalf_of("edge");
            assert_eq!(Site::new("org.example.a", None).switch, "edge");
        }
        assert_eq!(Site::new("org.example.a", Some("ab")).switch, "lab");
        drop(outer);
        assert_eq!(Site::new("org.example.a", None).switch, "");
        assert_eq!((Function::WorkerTick.name(), Function::WorkerTick.is_worker()), ("worker_tick", true));
        assert!(!Function::Create.is_worker());
    }
}
