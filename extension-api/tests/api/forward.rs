//! The forwarding role: groups and decisions.

use heddle_extension_api::abi::control::{PortInfo as AbiPortInfo, EVENT_NIC_CONNECT, EVENT_SWITCH_ACTIVATE};
use heddle_extension_api::abi::packet::{
    Packet, LEG_EGRESS, LEG_INGRESS, VERDICT_DROP, VERDICT_PASS, VERDICT_TO_GROUP, VERDICT_TO_PORT,
};
use heddle_extension_api::abi::status::OK;
use heddle_extension_api::*;

use crate::fake_host::FakeHost;
use crate::instance::Instance;

/// Unicast goes to the port named by the last byte of the MAC, group addresses to all ports.
struct Forward {
    all: GroupId,
    no_port: DropReason,
}

struct Worker {
    all: GroupId,
    no_port: DropReason,
}

impl ForwardingExtension for Forward {
    type Worker = Worker;

    fn create(host: &Control<'_, rights::Forwarding>, _: &Config<'_>) -> Result<Self, CreateError> {
        Ok(Forward {
            all: host.create_group(&[])?,
            no_port: host.register_drop_reason("no-port", "the address names no port")?,
        })
    }

    fn worker(&mut self, _: WorkerId) -> Result<Worker, CreateError> {
        Ok(Worker { all: self.all, no_port: self.no_port })
    }

    fn event(&mut self, host: &Control<'_, rights::Forwarding>, event: &Event<'_>) -> Result<(), Veto> {
        if event.kind() == EventKind::SwitchActivate {
            let ports = host.ports().map_err(|error| Veto::new(error.to_string()))?;
            host.update_group(self.all, &ports).map_err(|error| Veto::new(error.to_string()))?;
        }
        if let Some(info) = event.info() {
            assert_eq!((info.port(), info.kind(), info.name().as_ref()), (PortId::new(5), PortKind::Internal, ""));
            assert_eq!((info.mac(), info.vlan(), info.counters()), (None, None, PortCounters::default()));
        }
        Ok(())
    }
}

impl ForwardingWorker for Worker {
    fn ingress(&mut self, batch: &mut ForwardIngress<'_>) {
        for frame in batch.packets() {
            match MacAddress::destination_of(frame.bytes()) {
                Some(mac) if mac.is_group() => frame.to_group(self.all),
                Some(mac) => match PortId::new(u32::from(mac.bytes()[5])) {
                    Some(port) => frame.to_port(port),
                    None => frame.drop(self.no_port),
                },
                None => frame.drop(self.no_port),
            }
        }
    }

    fn egress(&mut self, batch: &mut ForwardEgress<'_>) {
        for frame in batch.packets() {
            if frame.destination() == frame.source_port() {
                frame.drop(self.no_port);
            }
        }
    }
}

export_extension!(built_in forwarding Forward {
    id: "org.heddle.test.forward", name: "Forward", vendor: "Tests", version: "1.0.0",
    capabilities: Capabilities::GROUPS,
});

#[test]
fn decisions_name_ports_and_groups() {
    let host = FakeHost::new();
    let instance = Instance::new(EXPORTED, &host, "");
    let none = Packet::default();
    let frames: [(&[u8], Packet); 4] =
        [(&[2, 0, 0, 0, 0, 7], none), (&[0xff; 6], none), (&[2, 0, 0, 0, 0, 0], none), (&[1, 2], none)];
    let mut lent = host.lend(&frames, LEG_INGRESS, false);
    assert_eq!(instance.ingress(&mut lent.batch), OK);
    let decided: Vec<(u8, u32)> = host.state().packets().iter().map(|p| (p.verdict, p.destination)).collect();
    assert_eq!(decided, [(VERDICT_TO_PORT, 7), (VERDICT_TO_GROUP, 0), (VERDICT_DROP, 0), (VERDICT_DROP, 0)]);
    instance.end();
}

#[test]
fn groups_follow_the_ports_of_the_switch() {
    let host = FakeHost::new();
    host.state().ports = (1..=200).collect();
    let instance = Instance::new(EXPORTED, &host, "");
    assert_eq!(host.state().groups, [Vec::<u32>::new()]);
    assert_eq!(instance.event(EVENT_SWITCH_ACTIVATE, 0, std::ptr::null()).0, OK);
    assert_eq!(host.state().groups, [(1..=200).collect::<Vec<u32>>()]);
    instance.end();
}

#[test]
fn forwarding_sees_deliveries_on_egress() {
    let host = FakeHost::new();
    let instance = Instance::new(EXPORTED, &host, "");
    let back = Packet { source_port: 4, destination: 4, ..Packet::default() };
    let on = Packet { source_port: 4, destination: 5, ..Packet::default() };
    let mut lent = host.lend(&[(&[0; 60], back), (&[0; 60], on)], LEG_EGRESS, false);
    assert_eq!(instance.egress(&mut lent.batch), OK);
    let verdicts: Vec<u8> = host.state().packets().iter().map(|packet| packet.verdict).collect();
    assert_eq!(verdicts, [VERDICT_DROP, VERDICT_PASS]);
    instance.end();
}

#[test]
fn a_shorter_port_info_of_an_older_host_reads_as_zero_beyond_its_end() {
    let host = FakeHost::new();
    let instance = Instance::new(EXPORTED, &host, "");
    // SAFETY: integers only; `struct_size` and `port` are set below.
    let mut info: AbiPortInfo = unsafe { std::mem::zeroed() };
    info.struct_size = 12;
    info.port = 5;
    info.kind = 2;
    info.mac = [9; 6];
    info.rx_packets = 1;
    info.name = [b'x'; 64];
    assert_eq!(instance.event(EVENT_NIC_CONNECT, 5, &info).0, OK, "{:?}", host.state().log);
    instance.end();
}
