//! The test kit itself: it shows what an extension did, and says so when one breaks the contract.

#![forbid(unsafe_code)]

use heddle_extension_api::abi::status::{E_FULL, E_GONE};
use heddle_extension_api::{
    export_extension, rights, Call, Capabilities, Config, ConfigKey, Configurable, Control, CreateError,
    DatagramAddress, DropReason, Event, EventKind, FilterExtension, FilterIngress, FilterWorker, ForwardIngress,
    ForwardingExtension, ForwardingWorker, HeldFrame, HostHandle, Level, PortId, Veto, WorkerId,
};
use heddle_extension_testing::{Fate, Frame, HostCall, TestSwitch};

/// Does to a frame what the first byte of its payload says.
struct Obedient {
    reason: DropReason,
    host: HostHandle,
}

struct Worker {
    reason: DropReason,
    held: Vec<(u64, HeldFrame)>,
}

impl FilterExtension for Obedient {
    type Worker = Worker;

    fn create(host: &Control<'_, rights::Filter>, config: &Config<'_>) -> Result<Self, CreateError> {
        config.allow_only(&["greeting"])?;
        if let Some(greeting) = config.get("greeting") {
            host.log(Level::Info, greeting);
        }
        Ok(Obedient { reason: host.register_drop_reason("told-to", "its payload says D")?, host: host.handle() })
    }

    fn worker(&mut self, _: WorkerId) -> Result<Worker, CreateError> {
        Ok(Worker { reason: self.reason, held: Vec::new() })
    }

    fn event(&mut self, _: &Control<'_, rights::Filter>, event: &Event<'_>) -> Result<(), Veto> {
        match event.kind() {
            EventKind::PortCreate if event.info().map_or(false, |info| info.name() == "unwanted") => {
                Err(Veto::new("this port is unwanted"))
            }
            _ => Ok(()),
        }
    }

    fn tick(&mut self, _: &Control<'_, rights::Filter>, now_ns: u64) {
        let to: DatagramAddress = "192.0.2.1:9".parse().unwrap();
        self.host.send_datagram(&to, &now_ns.to_be_bytes()).unwrap();
    }
}

impl FilterWorker for Worker {
    const HAS_EGRESS: bool = false;

    fn ingress(&mut self, batch: &mut FilterIngress<'_>) {
        let now_ns = batch.now_ns();
        for mut frame in batch.packets() {
            match frame.bytes().get(42) {
                Some(b'D') => frame.drop(self.reason),
                Some(b'M') => frame.set_mark(7),
                Some(b'P') => panic!("told to"),
                Some(b'H') => match frame.hold() {
                    Ok(held) => self.held.push((now_ns + 20_000_000, held)),
                    Err(refused) => refused.frame.drop(self.reason),
                },
                Some(b'C') => frame.clone_packet().unwrap().inject_from(frame.source_port().unwrap()).unwrap(),
                Some(b'W') => {
                    let mut frame = frame.make_writable().unwrap();
                    frame.bytes_mut()[12..14].copy_from_slice(&[0x86, 0xdd]);
                    assert_eq!(frame.reparse().unwrap().ethertype(), 0x86dd);
                }
                _ => {}
            }
        }
    }

    fn worker_tick(&mut self, call: &Call<'_, rights::FilterIn>) {
        let due = self.held.iter().take_while(|(due, _)| *due <= call.now_ns()).count();
        for (_, held) in self.held.drain(..due) {
            call.release(held).unwrap();
        }
    }
}

export_extension!(built_in filter Obedient {
    id: "org.example.obedient", name: "Obedient", vendor: "Example Org", version: "1.0.0",
    capabilities: Capabilities::HOLD.and(Capabilities::MODIFY).and(Capabilities::INJECT),
});

fn switch() -> TestSwitch {
    TestSwitch::new(&EXPORTED).port(1, "web").port(2, "db").start().unwrap()
}

fn told(what: &str) -> Frame {
    Frame::udp().payload(what.as_bytes())
}

#[test]
fn every_verdict_is_seen_with_its_reason() {
    let mut switch = switch();
    let outcomes = switch.ingress(&[told("x"), told("D"), told("M"), told("C"), told("W")]);
    assert_eq!(outcomes[0].fate, Fate::Passed);
    assert_eq!(outcomes[1].fate, Fate::Dropped("told-to".to_owned()));
    assert_eq!((outcomes[2].mark, outcomes[3].changed, outcomes[4].changed), (7, false, true));
    let injected = switch.take_injected();
    assert_eq!((injected.len(), injected[0].source_port, injected[0].to.len()), (1, 1, 0));
    assert_eq!(injected[0].bytes, told("C").bytes());
    assert_eq!(switch.drop_reasons(), [("told-to".to_owned(), "its payload says D".to_owned())]);
    switch.stop().unwrap();
}

#[test]
fn time_passes_when_the_test_says_so() {
    let mut switch = switch();
    assert_eq!(switch.ingress(&[told("H")])[0].fate, Fate::Held);
    switch.advance_ms(19);
    assert_eq!((switch.held(), switch.take_released().len()), (1, 0));
    switch.advance_ms(1);
    assert_eq!((switch.held(), switch.take_released()), (0, vec![told("H").bytes()]));
    assert_eq!(switch.take_datagrams().len(), 2);
    switch.stop().unwrap();
}

#[test]
fn a_frame_that_is_still_held_at_the_end_is_told() {
    let mut switch = switch();
    switch.ingress(&[told("H")]);
    assert_eq!(switch.stop(), Err("1 frames are still held; release or discard them".to_owned()));
}

#[test]
fn a_refusal_of_the_host_is_the_extensions_to_handle() {
    let mut switch = switch();
    switch.refuse(HostCall::Hold, E_FULL);
    assert_eq!(switch.ingress(&[told("H")])[0].fate, Fate::Dropped("told-to".to_owned()));
    switch.stop().unwrap();
    let refusal = TestSwitch::new(&EXPORTED).refuse(HostCall::DropReasonRegister, E_GONE).start().err().unwrap();
    assert!(refusal.contains("drop_reason_register"), "{refusal}");
}

#[test]
fn configuration_ports_and_vetoes_reach_both_sides() {
    let mut switch = TestSwitch::new(&EXPORTED).config("greeting", "hello").start().unwrap();
    assert_eq!(switch.log()[0].text, "hello");
    switch.add_port(1, "web").unwrap();
    assert_eq!(switch.add_port(2, "unwanted"), Err("this port is unwanted".to_owned()));
    switch.remove_port(1).unwrap();
    assert!(switch.remove_port(2).unwrap_err().contains("there is no port 2"));
    switch.stop().unwrap();
}

#[test]
#[should_panic(expected = "returned status -6 from the data path; its last log line: panicked in `ingress`: told to")]
fn a_panic_of_the_extension_ends_the_test() {
    switch().ingress(&[told("P")]);
}

#[test]
fn frames_have_the_facts_a_switch_would_parse() {
    let ip = Frame::tcp().addresses([192, 0, 2, 1], [192, 0, 2, 2]).ports(80, 4711).padded_to(100).vlan(20);
    let bytes = ip.bytes();
    assert_eq!((bytes.len(), &bytes[26..34]), (100, &[192, 0, 2, 1, 192, 0, 2, 2][..]));
    let sum: u32 = bytes[14..34].chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1])).sum();
    assert_eq!((sum & 0xffff) + (sum >> 16), 0xffff, "the header's checksum is right");
    assert_eq!(Frame::raw(&[1, 2, 3]).bytes(), [1, 2, 3]);
    assert_eq!(Frame::ethernet(0x88b5).macs([1; 6], [2; 6]).bytes()[..7], [2, 2, 2, 2, 2, 2, 1]);
}

/// A hub that answers every frame with one of its own, to the port it came from.
struct Echo {
    ports: Vec<PortId>,
}

impl ForwardingExtension for Echo {
    type Worker = Answerer;
    const HAS_TICK: bool = false;

    fn create(_: &Control<'_, rights::Forwarding>, _: &Config<'_>) -> Result<Self, CreateError> {
        Ok(Echo { ports: Vec::new() })
    }

    fn worker(&mut self, _: WorkerId) -> Result<Answerer, CreateError> {
        Ok(Answerer)
    }

    fn event(&mut self, _: &Control<'_, rights::Forwarding>, event: &Event<'_>) -> Result<(), Veto> {
        self.ports.extend(event.port().filter(|_| event.kind() == EventKind::NicConnect));
        Ok(())
    }
}

struct Answerer;

impl ForwardingWorker for Answerer {
    const HAS_EGRESS: bool = false;
    const HAS_WORKER_TICK: bool = false;

    fn ingress(&mut self, batch: &mut ForwardIngress<'_>) {
        let (call, frames) = batch.parts();
        for frame in frames {
            let port = frame.source_port().unwrap();
            call.originate(60).unwrap().inject_to_port(None, port).unwrap();
            frame.to_port(port);
        }
    }
}

impl Configurable<rights::Forwarding> for Echo {
    const KEYS: &'static [ConfigKey] = &[ConfigKey::boolean("loud", "false", "whether it is loud")];

    fn configure(&mut self, _: &Control<'_, rights::Forwarding>, config: &Config<'_>) -> Result<(), CreateError> {
        config.parse::<bool>("loud")?;
        Ok(())
    }
}

mod echo {
    use super::*;
    export_extension!(built_in forwarding Echo {
        id: "org.example.echo", name: "Echo", vendor: "Example Org", version: "1.0.0",
        capabilities: Capabilities::INJECT, interfaces: [config],
    });
}

#[test]
fn what_a_forwarder_decides_is_seen_and_a_new_configuration_reaches_it() {
    let mut switch = TestSwitch::new(&echo::EXPORTED).port(1, "web").port(2, "db").start().unwrap();
    assert_eq!(switch.ingress(&[Frame::udp().from_port(2)])[0].fate, Fate::ToPort(2));
    let injected = switch.take_injected();
    assert_eq!((injected[0].bytes.len(), &injected[0].to), (60, &vec![2]));
    assert_eq!(switch.configure("loud=true\n"), Ok(()));
    assert!(switch.configure("loud=maybe\n").unwrap_err().contains("loud=maybe"));
    assert_eq!(switch.references(), 0);
    switch.stop().unwrap();
    assert!(TestSwitch::new(&EXPORTED).start().unwrap().configure("").unwrap_err().contains("heddle.config/1"));
}
