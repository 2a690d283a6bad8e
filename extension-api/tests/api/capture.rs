//! The capture role: observing, originating, sampling.

use std::ffi::CString;

use heddle_extension_api::abi::packet::{Packet, LEG_EGRESS, LEG_INGRESS};
use heddle_extension_api::abi::sampling::{Sample as AbiSample, SamplingV1};
use heddle_extension_api::abi::status::{E_FULL, E_INVALID, E_PANIC, OK};
use heddle_extension_api::*;

use crate::fake_host::FakeHost;
use crate::instance::Instance;

struct Observe {
    bytes: Counter,
    handle: HostHandle,
}

struct Worker {
    bytes: Counter,
    handle: HostHandle,
}

impl CaptureExtension for Observe {
    type Worker = Worker;

    fn create(host: &Control<'_, rights::Capture>, _: &Config<'_>) -> Result<Self, CreateError> {
        Ok(Observe { bytes: host.register_counter("bytes", "bytes")?, handle: host.handle() })
    }

    fn worker(&mut self, _: WorkerId) -> Result<Worker, CreateError> {
        Ok(Worker { bytes: self.bytes, handle: self.handle.clone() })
    }

    fn tick(&mut self, host: &Control<'_, rights::Capture>, now_ns: u64) {
        let info = host.port(PortId::new(1).unwrap()).unwrap();
        host.log(Level::Info, &format!("{now_ns} {} {} {}", info.name(), info.mtu(), info.counters().rx_packets));
    }
}

impl CaptureWorker for Worker {
    fn ingress(&mut self, batch: &mut Observed<'_>) {
        let total = batch.packets().map(|frame| u64::from(frame.length())).sum();
        batch.count(self.bytes, total);
        assert!(batch.packets().all(|frame| frame.destination().is_none()));
        if let Ok(mut draft) = batch.originate(60) {
            assert_eq!(draft.length(), 60);
            draft.bytes_mut().fill(b'o');
            let _ = draft.inject_trusted();
        }
    }

    fn egress(&mut self, batch: &mut Observed<'_>) {
        assert_eq!(batch.leg(), Leg::Egress);
        assert_eq!(batch.packet(0).and_then(|frame| frame.destination()), PortId::new(8));
        // Made and thought better of.
        drop(batch.originate(60));
    }
}

impl Sampling for Worker {
    const HEADER_BYTES: u32 = 4096;

    fn sampled(&mut self, sample: &Sample<'_>) {
        let outputs: Vec<u32> = sample.outputs().map(PortId::get).collect();
        assert!(sample.frame_length() != 13, "thirteen");
        let line = format!(
            "{:?} {} {:?} {:?} {:?} {} {:?}",
            sample.source_port().map(PortId::get),
            sample.frame_length(),
            sample.header(),
            outputs,
            sample.drop_reason(),
            sample.pool(),
            sample.source_tag().and_then(VlanTag::vid).map(Vid::get),
        );
        let address: DatagramAddress = "192.0.2.1:6343".parse().unwrap();
        self.handle.send_datagram(&address, line.as_bytes()).unwrap();
    }

    fn next_skip(&mut self) -> u32 {
        400
    }
}

export_extension!(built_in capture Observe {
    id: "org.heddle.test.observe", name: "Observe", vendor: "Tests", version: "1.0.0",
    capabilities: Capabilities::INJECT, interfaces: [sampling],
});

#[test]
fn frames_are_counted_and_unchanged() {
    let host = FakeHost::new();
    let instance = Instance::new(EXPORTED, &host, "");
    let mut lent = host.lend(&[(&[1; 60], Packet::default()), (&[2; 100], Packet::default())], LEG_INGRESS, true);
    let before = format!("{:?}", host.state().packets());
    assert_eq!(instance.ingress(&mut lent.batch), OK);
    assert_eq!(host.state().counters[0].2, 160);
    assert_eq!(format!("{:?}", host.state().packets()), before);
    instance.end();
}

#[test]
fn drafts_are_written_through_the_writable_base() {
    let host = FakeHost::new();
    let instance = Instance::new(EXPORTED, &host, "");
    let mut lent = host.lend(&[(&[1; 60], Packet::default())], LEG_INGRESS, true);
    let untouched = lent.read_only.clone();
    assert_eq!(instance.ingress(&mut lent.batch), OK);
    assert_eq!(host.state().injected, [(vec![b'o'; 60], 0)]);
    assert_eq!(lent.read_only, untouched);
    instance.end();
}

#[test]
fn drafts_that_are_not_injected_go_back() {
    let host = FakeHost::new();
    let instance = Instance::new(EXPORTED, &host, "");
    let delivery = Packet { destination: 8, ..Packet::default() };
    let mut lent = host.lend(&[(&[1; 60], delivery)], LEG_EGRESS, true);
    assert_eq!(instance.egress(&mut lent.batch), OK);
    assert_eq!(host.state().discarded.len(), 1);
    assert_eq!(host.state().discarded[0].1, 0);

    host.refuse("inject", E_INVALID);
    let mut lent = host.lend(&[(&[1; 60], Packet::default())], LEG_INGRESS, true);
    assert_eq!(instance.ingress(&mut lent.batch), OK);
    assert_eq!(host.state().discarded.len(), 2);
    assert_eq!(host.state().open_drafts(), 0);

    host.refuse("originate", E_FULL);
    assert_eq!(instance.ingress(&mut lent.batch), OK);
    assert_eq!(host.state().discarded.len(), 2);
    instance.end();
}

#[test]
fn control_calls_query_ports() {
    let host = FakeHost::new();
    let instance = Instance::new(EXPORTED, &host, "");
    assert_eq!(instance.tick(), OK);
    assert_eq!(host.state().log, [(3, "99 p1 1500 7".to_owned())]);
    instance.end();
}

fn sampling() -> &'static SamplingV1 {
    let id = CString::new("heddle.sampling/1").unwrap();
    // SAFETY: a zero-terminated string; the table found under this id is a static one.
    unsafe { &*EXPORTED.entry.interface.unwrap()(id.as_ptr()).cast() }
}

fn sample(header: &[u8]) -> AbiSample {
    AbiSample {
        struct_size: std::mem::size_of::<AbiSample>() as u32,
        source_port: 1,
        frame_length: 1518,
        header_length: header.len() as u32,
        header: header.as_ptr(),
        output_count: 2,
        drop_reason: 0,
        source_vlan: 100,
        destination_vlan: 0,
        reserved: 0,
        lost: 0,
        pool: 5000,
        outputs: [2, 3, 0, 0, 0, 0, 0, 0],
    }
}

#[test]
fn samples_arrive_with_their_fate() {
    let host = FakeHost::new();
    let instance = Instance::new(EXPORTED, &host, "");
    let table = sampling();
    assert_eq!(table.header_bytes, 256, "what the worker wants, capped");
    let call = std::ptr::null_mut();
    // SAFETY: a live context, and a sample that lives until the call returns.
    unsafe {
        assert_eq!(table.next_skip.unwrap()(instance.context), 400);
        assert_eq!(table.sampled.unwrap()(instance.context, call, &sample(&[1, 2, 3])), OK);
        let dropped = AbiSample { output_count: 0, drop_reason: 9, ..sample(&[]) };
        assert_eq!(table.sampled.unwrap()(instance.context, call, &dropped), OK);
        let panics = AbiSample { frame_length: 13, ..sample(&[]) };
        assert_eq!(table.sampled.unwrap()(instance.context, call, &panics), E_PANIC);
        assert_eq!(table.sampled.unwrap()(instance.context, call, std::ptr::null()), E_INVALID);
        assert_eq!(table.sampled.unwrap()(std::ptr::null_mut(), call, &panics), E_INVALID);
        assert_eq!(table.next_skip.unwrap()(std::ptr::null_mut()), u32::MAX);
    }
    let datagrams: Vec<String> =
        host.state().datagrams.iter().map(|(_, payload)| String::from_utf8(payload.clone()).unwrap()).collect();
    assert_eq!(
        datagrams,
        ["Some(1) 1518 [1, 2, 3] [2, 3] None 5000 Some(100)", "Some(1) 1518 [] [] Some(9) 5000 Some(100)"]
    );
    assert_eq!(host.state().datagrams[0].0, "192.0.2.1:6343");
    instance.end();
}

#[test]
fn unknown_interfaces_are_not_offered() {
    let find = EXPORTED.entry.interface.unwrap();
    let id = CString::new("heddle.sampling/2").unwrap();
    // SAFETY: null, or a zero-terminated string.
    unsafe {
        assert!(find(id.as_ptr()).is_null());
        assert!(find(std::ptr::null()).is_null());
    }
}
