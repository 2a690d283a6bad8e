//! What became of frames: delivered where with which bytes, dropped why, held, ended on purpose.
//!
//! Numbers come from the conservation law's own counters and are exact. Drops are listed one by one with their first
//! bytes, at most 64 of one burst; [`Outcome::dropped`] has the number of all.

use heddle_switch_core::counters::Law;
use heddle_switch_core::drop_reason::DropReason;
use heddle_switch_core::dropped::Dropped;
use heddle_switch_core::offload::Offload;
use heddle_switch_core::port_id::PortId;

use crate::loader::Reasons;

/// A frame that a port was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Slot of the port: [`PortId::slot`].
    pub slot: usize,
    /// Worker that delivered it.
    pub worker: u16,
    /// Its bytes, without the tag.
    pub bytes: Vec<u8>,
    /// The tag it wears on the wire.
    pub tag: Option<u16>,
    /// What the device still had to do; nothing unless the port has such capabilities.
    pub offload: Offload,
}

/// A dropped frame, or a dropped delivery of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drop {
    /// Code of the reason.
    pub code: u16,
    /// Its name: `no-destination`, or `EXTENSION/ID` for one that an extension registered.
    pub reason: String,
    /// What it means, in a sentence.
    pub text: String,
    /// Where the frame came from; none for one that an extension originated.
    pub source: PortId,
    /// Where it would have gone; none when that was not decided.
    pub destination: PortId,
    /// Its first bytes, tag included.
    pub header: Vec<u8>,
}

impl Drop {
    pub(super) fn of(dropped: &Dropped, reasons: &Reasons) -> Drop {
        let (reason, text) = describe(reasons, dropped.code);
        let header = dropped.header.get(..dropped.header_length).unwrap_or_default().to_vec();
        let (source, destination) = (dropped.source, dropped.destination);
        Drop { code: dropped.code, reason, text, source, destination, header }
    }
}

/// Name and text of a drop code.
pub(super) fn describe(reasons: &Reasons, code: u16) -> (String, String) {
    match DropReason::from_code(code) {
        Some(own) => (own.name().to_owned(), own.description().to_owned()),
        None => {
            reasons.describe(code).unwrap_or_else(|| (format!("unknown-{code}"), "nobody registered it".to_owned()))
        }
    }
}

/// What happened in one step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Deliveries, by worker, in the order of each.
    pub deliveries: Vec<Delivery>,
    /// Drops, in order.
    pub drops: Vec<Drop>,
    /// Frames that entered.
    pub received: u64,
    /// Drops in all.
    pub dropped: u64,
    /// Frames and deliveries ended on purpose.
    pub consumed: u64,
    /// Frames that extensions originated.
    pub originated: u64,
    /// Extra copies: floods, groups, clones, segments.
    pub replicated: u64,
    /// Frames held when it began.
    pub held_before: u64,
    /// Frames held when it ended.
    pub held: u64,
    /// What the conservation law lacks: 0, or the switch is wrong.
    pub imbalance: i128,
}

impl Outcome {
    pub(super) fn new(deliveries: Vec<Delivery>, drops: Vec<Drop>, was: &Law, is: &Law) -> Outcome {
        Outcome {
            deliveries,
            drops,
            received: is.rx - was.rx,
            dropped: is.dropped - was.dropped,
            consumed: is.consumed - was.consumed,
            originated: is.originated - was.originated,
            replicated: is.replicated - was.replicated,
            held_before: was.held,
            held: is.held,
            imbalance: is.balance(),
        }
    }

    /// What a port was given, in order.
    pub fn to(&self, port: PortId) -> impl Iterator<Item = &Delivery> {
        self.deliveries.iter().filter(move |delivery| delivery.slot == port.slot())
    }
}
