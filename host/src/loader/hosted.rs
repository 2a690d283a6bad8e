//! An instance of an extension, wherever it runs: in this process or in a child of its own. Same calls, same answers.

use std::sync::Arc;

use heddle_switch_core::counters::PortCounters;
use heddle_switch_core::switch::{ControlEvent, Veto};

use super::isolation::{Guest, port_bytes};
use super::state::{Blob, Scope, StateFacts, StateRefusal};
use super::{Instance, InstanceShared, Library, Objection, Offer, port_info, told};

/// The instance.
#[derive(Clone)]
pub enum Hosted {
    /// In this process.
    Here(Arc<Instance>),
    /// In a child process.
    Child(Arc<Guest>),
}

impl Hosted {
    /// Its library.
    pub fn library(&self) -> &Arc<Library> {
        match self {
            Hosted::Here(instance) => instance.library(),
            Hosted::Child(guest) => guest.library(),
        }
    }

    /// What it shares with the host.
    pub fn shared(&self) -> &Arc<InstanceShared> {
        match self {
            Hosted::Here(instance) => instance.shared(),
            Hosted::Child(guest) => guest.shared(),
        }
    }

    /// Name, unit and value of its counters, now.
    pub fn counters(&self) -> Vec<(String, String, u64)> {
        if let Hosted::Child(guest) = self {
            guest.count();
        }
        self.shared().counters()
    }

    /// Adds what another version of the extension has counted under the same names.
    pub fn count_on_from(&self, former: &Hosted) {
        // What it counts is brought up to date.
        drop(former.counters());
        match self {
            Hosted::Here(instance) => instance.shared().count_on_from(former.shared()),
            Hosted::Child(guest) => guest.count_on_from(former.shared()),
        }
    }

    /// Counts from where another version has stopped that counted on from here.
    pub fn count_like(&self, newer: &Hosted) {
        drop(newer.counters());
        match self {
            Hosted::Here(instance) => instance.shared().count_like(newer.shared()),
            Hosted::Child(guest) => guest.count_like(newer.shared()),
        }
    }

    /// The instance in this process, if it is there.
    pub fn here(&self) -> Option<&Arc<Instance>> {
        match self {
            Hosted::Here(instance) => Some(instance),
            Hosted::Child(_) => None,
        }
    }

    /// The instance in a child, if it is there.
    pub fn child(&self) -> Option<&Arc<Guest>> {
        match self {
            Hosted::Here(_) => None,
            Hosted::Child(guest) => Some(guest),
        }
    }

    /// Periodic control call; false when it panicked.
    pub fn tick(&self, now_ns: u64) -> bool {
        match self {
            Hosted::Here(instance) => instance.tick(now_ns),
            Hosted::Child(guest) => guest.tick(now_ns),
        }
    }

    /// Tells the extension of an event; its refusal comes back in its own words.
    pub fn tell(&self, event: &ControlEvent<'_>, switch: &str) -> Result<(), Objection> {
        let guest = match self {
            Hosted::Here(instance) => return instance.tell(event, switch),
            Hosted::Child(guest) => guest,
        };
        let info = event.port.map(|port| port_bytes(&port_info(port, &PortCounters::default())));
        guest.event(told::subject(event), info.as_deref().unwrap_or_default(), switch)
    }

    /// Tells the extension how an event ended that it had accepted.
    pub fn tell_completed(&self, event: &ControlEvent<'_>, switch: &str, outcome: Result<(), &Veto>) {
        let guest = match self {
            Hosted::Here(instance) => return instance.tell_completed(event, switch, outcome),
            Hosted::Child(guest) => guest,
        };
        let info = event.port.map(|port| port_bytes(&port_info(port, &PortCounters::default())));
        let status = told::outcome_code(outcome);
        guest.completed(told::subject(event), info.as_deref().unwrap_or_default(), switch, status);
    }

    /// Offers a property; its refusal in the extension's words.
    pub fn property(&self, offer: &Offer<'_>) -> Result<(), Objection> {
        match self {
            Hosted::Here(instance) => instance.property(offer),
            Hosted::Child(guest) => guest.property(offer),
        }
    }

    /// How a property ended that it had accepted.
    pub fn property_done(&self, offer: &Offer<'_>, outcome: Result<(), &Objection>) {
        match self {
            Hosted::Here(instance) => instance.property_done(offer, outcome),
            Hosted::Child(guest) => guest.property_done(offer, outcome),
        }
    }

    /// Runtime data of a feature as `key=value` lines; `Ok(None)` when it knows nothing of the port.
    pub fn status(&self, feature: &str, port: u32) -> Result<Option<String>, String> {
        match self {
            Hosted::Here(instance) => instance.status(feature, port),
            Hosted::Child(guest) => guest.status(feature, port),
        }
    }

    /// What its state is; `None` when it has none.
    pub fn state_facts(&self) -> Option<&StateFacts> {
        match self {
            Hosted::Here(instance) => instance.state_facts(),
            Hosted::Child(guest) => guest.state_facts(),
        }
    }

    /// Says that its state is about to be saved.
    pub fn begin_saving(&self) -> Result<(), StateRefusal> {
        match self {
            Hosted::Here(instance) => instance.begin_saving(),
            Hosted::Child(guest) => guest.begin_saving(),
        }
    }

    /// Says that no more is saved, and whether it goes on.
    pub fn end_saving(&self, goes_on: bool) {
        match self {
            Hosted::Here(instance) => instance.end_saving(goes_on),
            Hosted::Child(guest) => guest.end_saving(goes_on),
        }
    }

    /// Saves a scope whole.
    pub fn save(&self, scope: Scope) -> Result<Vec<Blob>, StateRefusal> {
        match self {
            Hosted::Here(instance) => instance.save(scope),
            Hosted::Child(guest) => guest.save(scope),
        }
    }

    /// Takes up the pieces of a scope, all or as far as the first that it refuses.
    pub fn restore(&self, scope: Scope, blobs: &[Blob]) -> Result<(), StateRefusal> {
        match self {
            Hosted::Here(instance) => instance.restore(scope, blobs),
            Hosted::Child(guest) => guest.restore(scope, blobs),
        }
    }

    /// Hands over a new configuration; its refusal in the extension's words.
    pub fn configure(&self, config: &str) -> Result<(), String> {
        match self {
            Hosted::Here(instance) => instance.configure(config),
            Hosted::Child(guest) => guest.configure(config),
        }
    }

    /// Whether it panicked, or its process is gone: no more calls are made.
    pub fn has_panicked(&self) -> bool {
        match self {
            Hosted::Here(instance) => instance.has_panicked(),
            Hosted::Child(guest) => guest.has_failed(),
        }
    }

    /// Why its process is gone; `None` of one that panicked.
    pub fn failure(&self) -> Option<String> {
        self.child().and_then(|guest| guest.failure())
    }

    /// Header bytes it wants of samples; `None` when it does not sample.
    pub fn sampling_header(&self) -> Option<u16> {
        match self {
            Hosted::Here(instance) => instance.sampling_header(),
            Hosted::Child(guest) => guest.sampling_header(),
        }
    }
}
