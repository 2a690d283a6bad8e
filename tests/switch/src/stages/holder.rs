//! A shaper: holds frames of random flows on random legs and releases them later, in order within a flow.
//!
//! Once it holds a frame of a flow (and destination) it holds all that follow until it has let the flow go; what it
//! lets go in a call it does not let later frames of the same batch overtake. It also logs what it sees.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use heddle_switch_core::call::{Call, Refusal};
use heddle_switch_core::port_id::PortId;
use heddle_switch_core::stage::{CallEnd, Leg, Stage};

use crate::cases::Rng;
use crate::frames::Mark;
use crate::sim::{Event, Log};

type Flow = (Leg, u32, u16, u32);

/// The extension.
pub struct Holder {
    tag: u8,
    log: Log,
    rng: Rng,
    /// Holds one flow in so many.
    one_in: usize,
    held: BTreeMap<Flow, VecDeque<u64>>,
}

impl Holder {
    pub fn new(tag: u8, log: &Log, seed: u64, one_in: usize) -> Holder {
        Holder { tag, log: Log::clone(log), rng: Rng::new(seed), one_in, held: BTreeMap::new() }
    }

    fn release(&mut self, call: &mut Call<'_>, one_in: usize) -> BTreeSet<Flow> {
        let flows: Vec<Flow> = self.held.keys().copied().filter(|_| self.rng.one_in(one_in)).collect();
        for flow in &flows {
            for handle in self.held.remove(flow).unwrap_or_default() {
                match call.release(handle) {
                    // Its port may have been deleted meanwhile.
                    Ok(()) | Err(Refusal::Gone) => {}
                    Err(refusal) => panic!("release refused: {refusal}"),
                }
            }
        }
        flows.into_iter().collect()
    }
}

impl Stage for Holder {
    fn process(&mut self, call: &mut Call<'_>) -> CallEnd {
        let leg = call.leg();
        let released = self.release(call, 6);
        for index in 0..call.len() {
            let Some(mark) = Mark::find(call.frame(index)) else { continue };
            let packet = call.packets_mut()[index];
            let port = PortId::from_raw(packet.destination).slot() as u16;
            self.log.lock().unwrap().push(Event::Seen { number: mark.number, tag: self.tag, leg, port });
            let destination = if leg == Leg::Egress { packet.destination } else { 0 };
            let flow = (leg, packet.source_port, mark.flow, destination);
            let behind = released.contains(&flow) || self.held.contains_key(&flow);
            if behind || self.rng.one_in(self.one_in) {
                let handle = call.hold(index).expect("room to hold");
                self.held.entry(flow).or_default().push_back(handle);
            }
        }
        CallEnd::Returned
    }

    fn tick(&mut self, call: &mut Call<'_>) -> CallEnd {
        self.release(call, 3);
        CallEnd::Returned
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any + Send> {
        self
    }
}
