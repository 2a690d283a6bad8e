//! Small switches for scenario tests.

use heddle_switch_core::call::Call;
use heddle_switch_core::drop_reason::DropReason;
use heddle_switch_core::stage::{Leg, Role, StageId};

use crate::frames::{Frame, station};
use crate::oracle::Port;
use crate::sim::{Log, Setup, Sim, StageSpec};
use crate::stages::Custom;

/// One worker, `ports` in slots 1 and up, no extensions; station `n` is known behind port `n`.
pub fn switch(ports: &[Port]) -> Sim {
    with(Setup::of(1, 7), ports)
}

/// As [`switch`], of another size.
pub fn with(setup: Setup, ports: &[Port]) -> Sim {
    let mut sim = Sim::new(setup);
    for (slot, port) in (1..).zip(ports) {
        sim.control.port(slot, port.clone());
        let vid = match port.vlan {
            crate::oracle::Vlan::Untagged => 0,
            crate::oracle::Vlan::Access(vid) | crate::oracle::Vlan::Trunk { native: vid, .. } => vid,
        };
        sim.control.fix(vid, station(slot), slot);
    }
    sim.publish_now();
    sim
}

/// Two plain ports.
pub fn pair() -> Sim {
    switch(&[Port::default(), Port::default()])
}

/// A frame from station 1 to station 2.
pub fn from_1_to_2() -> Frame {
    Frame::udp(station(1), station(2))
}

impl Sim {
    /// Enables an extension of closures.
    pub fn custom(&mut self, role: Role, order: u16, make: impl Fn() -> Custom + 'static) -> StageId {
        self.enable(StageSpec::new(role, order, move |_, _: &Log| make()))
    }

    /// Enables an extension that does something to every packet of a leg.
    pub fn each(
        &mut self,
        role: Role,
        order: u16,
        on: Leg,
        act: impl Fn(&mut Call<'_>, usize) + Send + Copy + 'static,
    ) -> StageId {
        self.custom(role, order, move || {
            Custom::new(move |call| {
                if call.leg() == on {
                    (0..call.len()).for_each(|index| act(call, index));
                }
            })
        })
    }

    pub fn enable(&mut self, spec: StageSpec) -> StageId {
        let id = self.control.enable(spec);
        self.publish_now();
        id
    }

    /// Sends and lets it come to its end.
    pub fn run(&mut self, slot: u16, frame: Frame) -> u32 {
        let number = self.send(slot, frame);
        self.finish();
        number
    }

    /// Exactly these drops were counted.
    #[track_caller]
    pub fn expect_drops(&self, expected: &[(DropReason, u64)]) {
        let expected = expected.iter().map(|(reason, count)| (reason.code(), *count)).collect();
        assert_eq!(self.drops(), expected, "drops by code");
    }

    /// Exactly these ports, with these tags, got the frame.
    #[track_caller]
    pub fn expect_receivers(&self, number: u32, ports: &[(u16, Option<u16>)]) {
        assert_eq!(self.devices.receivers(number), ports, "receivers of frame {number}");
    }
}
