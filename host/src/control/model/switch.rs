//! Switches: what is fixed when one is created, and what one looks like.

use super::{AgeingTime, SwitchName, WorkerCount, words};
use serde::Serialize;

words!(
    /// Who may be connected to a switch (the three types of the extensible-switch model).
    SwitchType, "type" {
        /// Exactly one external port to a physical network; the host and guests may connect.
        External = "external",
        /// The host and guests, no physical network. The default.
        Internal = "internal",
        /// Guests only; the host cannot send or receive.
        Private = "private",
    }
);

/// A switch to create.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SwitchSpec {
    name: SwitchName,
    switch_type: SwitchType,
    workers: WorkerCount,
    ageing: AgeingTime,
}

impl SwitchSpec {
    /// Every part is valid by itself and no combination is refused.
    #[must_use]
    pub const fn new(name: SwitchName, switch_type: SwitchType, workers: WorkerCount, ageing: AgeingTime) -> Self {
        Self { name, switch_type, workers, ageing }
    }

    /// The name, unique on this host.
    #[must_use]
    pub const fn name(&self) -> &SwitchName {
        &self.name
    }

    /// External, internal or private.
    #[must_use]
    pub const fn switch_type(&self) -> SwitchType {
        self.switch_type
    }

    /// Data-plane threads.
    #[must_use]
    pub const fn workers(&self) -> WorkerCount {
        self.workers
    }

    /// Ageing time of the filtering database.
    #[must_use]
    pub const fn ageing(&self) -> AgeingTime {
        self.ageing
    }
}

/// The conservation law of a switch, in frames since it was created:
/// `rx + originated + replicated = tx + dropped + consumed + held + balance`, where `balance` is 0 unless a frame was
/// lost without a reason or counted twice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct LawView {
    /// Frames received from ports.
    pub rx: u64,
    /// Frames extensions made.
    pub originated: u64,
    /// Additional deliveries of frames with more than one destination.
    pub replicated: u64,
    /// Deliveries transmitted by ports.
    pub tx: u64,
    /// Frames and deliveries dropped, each with a reason.
    pub dropped: u64,
    /// Frames extensions took for good.
    pub consumed: u64,
    /// Frames inside the switch now: parked, held by extensions, queued.
    pub held: u64,
    /// What does not add up. 0, or there is a defect.
    pub balance: i64,
}

/// A switch as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct SwitchView {
    /// Its name.
    pub name: SwitchName,
    /// External, internal or private.
    #[serde(rename = "type")]
    pub switch_type: SwitchType,
    /// Data-plane threads.
    pub workers: u16,
    /// Number of ports.
    pub ports: u32,
    /// Identifiers of the enabled extensions in ingress order.
    pub extensions: Vec<String>,
    /// Ageing time of the filtering database in seconds.
    pub ageing_seconds: u32,
    /// The conservation law.
    pub law: LawView,
    /// What is desired of it and does not run, each with its effect on traffic and the reason.
    pub troubles: Vec<String>,
}
