//! An extension that logs every frame it sees and does what the frame's mark asks of it.

use std::any::Any;
use std::collections::BTreeSet;

use heddle_extension_api::abi::packet::VERDICT_DROP;
use heddle_switch_core::call::Call;
use heddle_switch_core::port_id::PortId;
use heddle_switch_core::stage::{CallEnd, Leg, Stage};

use crate::frames::{Action, Mark};
use crate::memory::write_frame;
use crate::sim::{Event, Log};

/// The extension; `tag` is its name in marks and in the log.
pub struct Scripted {
    tag: u8,
    log: Log,
}

impl Scripted {
    pub fn new(tag: u8, log: &Log) -> Scripted {
        Scripted { tag, log: Log::clone(log) }
    }
}

impl Stage for Scripted {
    fn process(&mut self, call: &mut Call<'_>) -> CallEnd {
        let leg = call.leg();
        let sources: BTreeSet<u32> = call.packets_mut().iter().map(|packet| packet.source_port).collect();
        assert_eq!(call.is_single_source(), sources.len() == 1, "what the batch says of {sources:?}");
        for index in 0..call.len() {
            let Some(mark) = Mark::find(call.frame(index)) else { continue };
            let packet = call.packets_mut()[index];
            let port = PortId::from_raw(packet.destination).slot() as u16;
            self.log.lock().unwrap().push(Event::Seen { number: mark.number, tag: self.tag, leg, port });
            match (mark.action, leg) {
                (Action::DropIngress(tag), Leg::Ingress) if tag == self.tag => {
                    call.packets_mut()[index].verdict = VERDICT_DROP;
                }
                (Action::DropEgress(tag, to), Leg::Egress) if tag == self.tag && to == port => {
                    call.packets_mut()[index].verdict = VERDICT_DROP;
                }
                (Action::Modify(tag), Leg::Ingress) if tag == self.tag => {
                    call.make_writable(index).expect("a private copy");
                    let packet = call.packets_mut()[index];
                    write_frame(call.arena(), &packet, |bytes| {
                        if let Some(last) = bytes.last_mut() {
                            *last ^= 0xff;
                        }
                    });
                }
                _ => {}
            }
        }
        CallEnd::Returned
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any + Send> {
        self
    }
}
