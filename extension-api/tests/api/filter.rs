//! The filter role on both legs.

use heddle_extension_api::abi::control::{EVENT_NIC_CREATE, EVENT_PORT_CREATE, EVENT_PORT_DELETE};
use heddle_extension_api::abi::packet::{
    Packet, LEG_EGRESS, LEG_INGRESS, PACKET_FRAGMENT, PACKET_VLAN, VERDICT_DROP, VERDICT_HOLD, VERDICT_PASS,
};
use heddle_extension_api::abi::status::{E_FORBIDDEN, E_FULL, E_VETO, OK};
use heddle_extension_api::*;

use crate::fake_host::FakeHost;
use crate::instance::Instance;

/// Does to a frame what its first byte says.
struct Filter {
    reason: DropReason,
    refusals: Counter,
}

struct Worker {
    reason: DropReason,
    refusals: Counter,
    held: Vec<HeldFrame>,
}

impl FilterExtension for Filter {
    type Worker = Worker;

    fn create(host: &Control<'_, rights::Filter>, _: &Config<'_>) -> Result<Self, CreateError> {
        Ok(Filter {
            reason: host.register_drop_reason("test-drop", "the first byte is D")?,
            refusals: host.register_counter("refused", "frames")?,
        })
    }

    fn worker(&mut self, worker: WorkerId) -> Result<Worker, CreateError> {
        assert_eq!(worker.get(), 3);
        Ok(Worker { reason: self.reason, refusals: self.refusals, held: Vec::new() })
    }

    fn event(&mut self, _: &Control<'_, rights::Filter>, event: &Event<'_>) -> Result<(), Veto> {
        assert_eq!(event.switch_name(), "lab");
        match event.kind() {
            EventKind::PortCreate if event.port() == PortId::new(13) => Err(Veto::new("port 13: not here")),
            _ => Ok(()),
        }
    }
}

impl FilterWorker for Worker {
    fn ingress(&mut self, batch: &mut FilterIngress<'_>) {
        assert_eq!((batch.now_ns(), batch.worker().get(), batch.leg()), (42, 3, Leg::Ingress));
        let (call, packets) = batch.parts();
        for mut frame in packets {
            match frame.bytes().first() {
                Some(b'D') => frame.drop(self.reason),
                Some(b'M') => frame.set_mark(0x4d4d_4d4d),
                Some(b'H') => match frame.hold() {
                    Ok(held) => self.held.push(held),
                    Err(refused) => {
                        call.count(self.refusals, 1);
                        refused.frame.drop(self.reason);
                    }
                },
                Some(b'C') => {
                    let mut draft = frame.clone_packet().unwrap();
                    draft.bytes_mut()[0] = b'c';
                    draft.inject_from(frame.source_port().unwrap()).unwrap();
                }
                Some(b'W') => match frame.make_writable() {
                    Ok(mut frame) => {
                        frame.bytes_mut()[12..14].copy_from_slice(&[0x86, 0xdd]);
                        assert_eq!(frame.reparse().unwrap().ethertype(), 0x86dd);
                    }
                    Err(refused) => refused.frame.drop(self.reason),
                },
                _ => {}
            }
        }
    }

    fn egress(&mut self, batch: &mut FilterEgress<'_>) {
        for frame in batch.packets() {
            if frame.destination() == PortId::new(2) {
                frame.drop(self.reason);
            }
        }
    }

    fn worker_tick(&mut self, call: &Call<'_, rights::FilterIn>) {
        for (at, held) in self.held.drain(..).enumerate() {
            if at == 0 {
                call.release(held).unwrap();
            } else {
                call.discard(held, self.reason).unwrap();
            }
        }
    }
}

export_extension!(built_in filter Filter {
    id: "org.heddle.test.filter", name: "Filter", vendor: "Tests", version: "1.0.0",
    capabilities: Capabilities::HOLD.and(Capabilities::INJECT),
});

fn frame(first: u8) -> Vec<u8> {
    let mut bytes = vec![0; 64];
    bytes[0] = first;
    bytes
}

fn run_ingress(host: &FakeHost, instance: &Instance, firsts: &[u8]) -> Vec<Packet> {
    let frames: Vec<Vec<u8>> = firsts.iter().map(|first| frame(*first)).collect();
    let facts = Packet { source_port: 1, ..Packet::default() };
    let frames: Vec<(&[u8], Packet)> = frames.iter().map(|bytes| (&bytes[..], facts)).collect();
    let mut lent = host.lend(&frames, LEG_INGRESS, false);
    assert_eq!(instance.ingress(&mut lent.batch), OK);
    host.state().packets().to_vec()
}

#[test]
fn verdicts_reach_the_descriptors() {
    let host = FakeHost::new();
    let instance = Instance::new(EXPORTED, &host, "");
    let packets = run_ingress(&host, &instance, b"PDMHHP");
    let verdicts: Vec<u8> = packets.iter().map(|packet| packet.verdict).collect();
    assert_eq!(verdicts, [VERDICT_PASS, VERDICT_DROP, VERDICT_PASS, VERDICT_HOLD, VERDICT_HOLD, VERDICT_PASS]);
    assert_eq!((packets[1].drop_reason, packets[2].mark), (1001, 0x4d4d_4d4d));
    assert_eq!(host.state().drop_reasons, [("test-drop".to_owned(), "the first byte is D".to_owned())]);
    instance.end();
}

#[test]
fn held_frames_are_released_and_discarded_in_order() {
    let host = FakeHost::new();
    let instance = Instance::new(EXPORTED, &host, "");
    run_ingress(&host, &instance, b"HH");
    let held = host.state().held.clone();
    let mut lent = host.lend(&[], LEG_INGRESS, false);
    assert_eq!(instance.worker_tick(&mut lent.batch), OK);
    assert_eq!(host.state().released, [held[0]]);
    assert_eq!(host.state().discarded, [(held[1], 1001)]);
    assert!(host.state().held.is_empty());
    instance.end();
}

#[test]
fn a_refused_hold_gives_the_frame_back() {
    let host = FakeHost::new();
    let instance = Instance::new(EXPORTED, &host, "");
    host.refuse("hold", E_FULL);
    let packets = run_ingress(&host, &instance, b"H");
    assert_eq!(packets[0].verdict, VERDICT_DROP);
    assert_eq!(host.state().counters, [("refused".to_owned(), "frames".to_owned(), 1)]);
    instance.end();
}

#[test]
fn clones_are_changed_and_injected_the_frame_passes() {
    let host = FakeHost::new();
    let instance = Instance::new(EXPORTED, &host, "");
    let packets = run_ingress(&host, &instance, b"C");
    assert_eq!(packets[0].verdict, VERDICT_PASS);
    assert_eq!(host.state().injected, [(frame(b'c'), 1)]);
    assert_eq!(host.state().bytes_of(&packets[0]), frame(b'C'));
    assert_eq!(host.state().open_drafts(), 0);
    assert!(host.state().stale.is_empty(), "an injected draft is not discarded");
    instance.end();
}

#[test]
fn frames_are_written_after_make_writable_only() {
    let host = FakeHost::new();
    let instance = Instance::new(EXPORTED, &host, "");
    let packets = run_ingress(&host, &instance, b"PW");
    assert_eq!(host.state().writable, [1]);
    assert_eq!(host.state().reparsed, [1]);
    assert_eq!(packets[1].ethertype, 0x86dd);
    host.refuse("make_writable", E_FORBIDDEN);
    let packets = run_ingress(&host, &instance, b"W");
    assert_eq!(packets[0].verdict, VERDICT_DROP);
    instance.end();
}

#[test]
fn egress_excludes_single_deliveries() {
    let host = FakeHost::new();
    let instance = Instance::new(EXPORTED, &host, "");
    let to = |destination| Packet { destination, ..Packet::default() };
    let bytes = frame(b'P');
    let mut lent = host.lend(&[(&bytes, to(1)), (&bytes, to(2)), (&bytes, to(3))], LEG_EGRESS, false);
    assert_eq!(instance.egress(&mut lent.batch), OK);
    let verdicts: Vec<u8> = host.state().packets().iter().map(|packet| packet.verdict).collect();
    assert_eq!(verdicts, [VERDICT_PASS, VERDICT_DROP, VERDICT_PASS]);
    instance.end();
}

#[test]
fn vetoes_carry_their_text() {
    let host = FakeHost::new();
    let instance = Instance::new(EXPORTED, &host, "");
    assert_eq!(instance.event(EVENT_PORT_CREATE, 13, std::ptr::null()), (E_VETO, "port 13: not here".to_owned()));
    assert_eq!(instance.event(EVENT_PORT_CREATE, 12, std::ptr::null()), (OK, String::new()));
    assert_eq!(instance.event(EVENT_NIC_CREATE, 13, std::ptr::null()).0, OK);
    assert_eq!(instance.event(EVENT_PORT_DELETE, 13, std::ptr::null()).0, OK);
    assert_eq!(instance.event(4711, 13, std::ptr::null()).0, OK);
    instance.end();
}

mod facts {
    //! A filter that checks the facts of the one frame it is given.

    use super::*;

    struct Facts;
    struct Worker;

    impl FilterExtension for Facts {
        type Worker = Worker;
        fn create(_: &Control<'_, rights::Filter>, _: &Config<'_>) -> Result<Self, CreateError> {
            Ok(Facts)
        }
        fn worker(&mut self, _: WorkerId) -> Result<Worker, CreateError> {
            Ok(Worker)
        }
    }

    impl FilterWorker for Worker {
        fn ingress(&mut self, batch: &mut FilterIngress<'_>) {
            assert_eq!((batch.len(), batch.is_empty(), batch.packets().len()), (2, false, 2));
            assert!(batch.packet(2).is_none());
            let mut frame = batch.packet(1).unwrap();
            assert_eq!((frame.index(), frame.length(), frame.bytes().len()), (1, 64, 64));
            assert_eq!((frame.ethertype(), frame.ip_protocol(), frame.flow_hash()), (0x0800, 17, 0xdead_beef));
            assert_eq!((frame.source_port(), frame.source_nic().get()), (PortId::new(9), 32));
            assert_eq!(frame.tag().and_then(VlanTag::vid).map(Vid::get), Some(100));
            assert_eq!((frame.traffic_class(), frame.virtual_subnet(), frame.mark()), (5, 4096, 77));
            assert_eq!(frame.layer3().map(<[u8]>::len), Some(50));
            assert_eq!(frame.layer4().map(<[u8]>::len), Some(30));
            assert!(frame.flags().contains(FrameFlags::FRAGMENT) && !frame.flags().contains(FrameFlags::CLONE));
            assert_eq!(frame.offload().map(|facts| (facts.segments(), facts.kind())), Some((2, OffloadKind::None)));
            frame.set_user(0x0123_4567_89ab_cdef);
            assert_eq!(frame.user(), 0x0123_4567_89ab_cdef);
            let bare = batch.packet(0).unwrap();
            assert_eq!((bare.source_port(), bare.tag(), bare.layer3(), bare.layer4()), (None, None, None, None));
            assert_eq!(MacAddress::destination_of(bare.bytes()), Some(MacAddress::new([1; 6])));
        }
    }

    export_extension!(built_in filter Facts { id: "org.heddle.test.facts", name: "Facts", vendor: "Tests", version: "1" });

    #[test]
    fn every_fact_is_read_from_its_field() {
        let host = FakeHost::new();
        let instance = Instance::new(EXPORTED, &host, "");
        let full = Packet {
            l3: 14,
            l4: 34,
            ethertype: 0x0800,
            source_port: 9,
            flow_hash: 0xdead_beef,
            vlan_tci: 0xa064,
            source_nic: 32,
            flags: PACKET_VLAN | PACKET_FRAGMENT,
            traffic_class: 5,
            virtual_subnet: 4096,
            mark: 77,
            ip_protocol: 17,
            ..Packet::default()
        };
        let mut lent = host.lend(&[(&[1; 20], Packet::default()), (&[2; 64], full)], LEG_INGRESS, false);
        assert_eq!(instance.ingress(&mut lent.batch), OK, "{:?}", host.state().log);
        instance.end();
    }
}
