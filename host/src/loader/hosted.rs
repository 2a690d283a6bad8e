//! An instance of an extension, wherever it runs: in this process or in a child of its own. Same calls, same answers.

use std::sync::Arc;

use heddle_switch_core::counters::PortCounters;
use heddle_switch_core::switch::ControlEvent;

use super::isolation::{Guest, port_bytes};
use super::{Instance, InstanceShared, Library, Objection, port_info, told};

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
        let port = event.port.map_or(0, |port| port.id.raw());
        let told = guest.event(told::code(event.kind), port, info.as_deref().unwrap_or_default(), switch);
        // What is only for now is told as final by a child: its status stays behind.
        told.map_err(|reason| Objection { reason, for_now: false })
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
