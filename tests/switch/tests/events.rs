//! The order of control events: whatever operators do, each extension sees a legal life of each port.
//!
//! A random sequence of operations runs against the switch's tables. Every extension keeps a small automaton per port that
//! refuses an event out of order; some extensions veto. Errors must leave the tables as they were and tell nobody.

use std::collections::BTreeMap;

use heddle_switch_core::port_id::PortId;
use heddle_switch_core::stage::{OnFailure, Role, StageId};
use heddle_switch_core::switch::{
    ControlEvent, EnableError, EventKind, EventSink, NicState, PortChange, PortError, PortKind, PortSpec, StageSpec,
    Switch, SwitchKind, Veto,
};
use heddle_switch_core::vlan::VlanMode;
use proptest::prelude::*;

/// Life of one port as one extension has been told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Created,
    NicCreated,
    Connected,
    Disconnected,
    NicDeleted,
    Teardown,
}

impl Life {
    fn after(before: Option<Life>, event: EventKind) -> Result<Option<Life>, String> {
        use EventKind as E;
        use Life as L;
        Ok(match (before, event) {
            (None, E::PortCreate) => Some(L::Created),
            (Some(L::Created | L::NicDeleted), E::NicCreate) => Some(L::NicCreated),
            (Some(L::NicCreated), E::NicConnect) => Some(L::Connected),
            (Some(same @ (L::NicCreated | L::Connected | L::Disconnected)), E::NicUpdated) => Some(same),
            (Some(same), E::PortUpdated) if same != L::Teardown => Some(same),
            (Some(L::Connected), E::NicDisconnect) => Some(L::Disconnected),
            (Some(L::NicCreated | L::Disconnected), E::NicDelete) => Some(L::NicDeleted),
            (Some(L::Created | L::NicDeleted), E::PortTeardown) => Some(L::Teardown),
            (Some(L::Teardown), E::PortDelete) => None,
            // A lower extension vetoed: the port never came to be.
            (Some(L::Created), E::PortDelete) => None,
            (before, event) => return Err(format!("{event:?} after {before:?}")),
        })
    }
}

/// What all extensions have been told, and who vetoes what.
#[derive(Default)]
struct Told {
    lives: BTreeMap<StageId, BTreeMap<PortId, Life>>,
    activated: BTreeMap<StageId, bool>,
    order: Vec<StageId>,
    vetoes: BTreeMap<StageId, EventKind>,
    newcomer: Option<EventKind>,
    events: usize,
    /// Events of the operation under way: who was told what.
    last: Vec<(StageId, EventKind)>,
}

impl EventSink for Told {
    fn event(&mut self, stage: StageId, event: &ControlEvent<'_>) -> Result<(), Veto> {
        self.events += 1;
        self.last.push((stage, event.kind));
        let lives = self.lives.entry(stage).or_default();
        match event.port {
            None => {
                let activated = self.activated.entry(stage).or_insert(false);
                match event.kind {
                    EventKind::SwitchCreate => assert!(lives.is_empty() && !*activated, "created late"),
                    EventKind::SwitchActivate => *activated = true,
                    other => panic!("{other:?} of the switch"),
                }
            }
            Some(port) => match Life::after(lives.get(&port.id).copied(), event.kind) {
                Ok(Some(life)) => drop(lives.insert(port.id, life)),
                Ok(None) => drop(lives.remove(&port.id)),
                Err(what) => panic!("{stage:?} was told {what} for port {}", port.id),
            },
        }
        let vetoed = self.vetoes.get(&stage).copied().or(self.newcomer.filter(|_| !self.order.contains(&stage)));
        if vetoed == Some(event.kind) {
            // Who vetoes has not accepted: it hears no more of this one.
            if let Some(port) = event.port {
                let lives = self.lives.entry(stage).or_default();
                match event.kind {
                    EventKind::PortCreate => drop(lives.remove(&port.id)),
                    EventKind::NicCreate => drop(lives.insert(port.id, Life::Created)),
                    _ => {}
                }
            }
            return Err(Veto { stage, reason: "no".to_owned(), for_now: false });
        }
        Ok(())
    }
}

fn spec(name: u8) -> PortSpec {
    PortSpec {
        name: format!("p{name}"),
        kind: PortKind::Synthetic,
        admin_up: true,
        mac: None,
        vlan: VlanMode::Untagged,
        mtu: 1_500,
        speed_mbps: 0,
        owner: 0,
        capabilities: heddle_switch_core::frame::Capabilities::default(),
        on_failure: None,
    }
}

fn stage(role: Role) -> StageSpec {
    StageSpec {
        role,
        ingress: true,
        egress: true,
        tick: false,
        sampling: None,
        hold_quota: 1,
        hold_max_ns: 1,
        on_failure: OnFailure::Open,
        codes: Default::default(),
    }
}

#[derive(Clone, Debug)]
enum Step {
    CreatePort(u8),
    CreateNic(u8),
    Connect(u8),
    Disconnect(u8),
    DeleteNic(u8),
    DeletePort(u8),
    Change(u8, bool),
    Enable(u8, Option<bool>),
    Disable(u8),
    Vetoes(u8, Option<bool>),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let port = 0u8..6;
    let step = prop_oneof![
        4 => port.clone().prop_map(Step::CreatePort),
        4 => port.clone().prop_map(Step::CreateNic),
        4 => port.clone().prop_map(Step::Connect),
        3 => port.clone().prop_map(Step::Disconnect),
        3 => port.clone().prop_map(Step::DeleteNic),
        2 => port.clone().prop_map(Step::DeletePort),
        2 => (port, any::<bool>()).prop_map(|(port, nic)| Step::Change(port, nic)),
        2 => (0u8..3, proptest::option::weighted(0.2, any::<bool>())).prop_map(|(role, veto)| Step::Enable(role, veto)),
        1 => (0u8..8).prop_map(Step::Disable),
        1 => (0u8..8, proptest::option::of(any::<bool>())).prop_map(|(who, veto)| Step::Vetoes(who, veto)),
    ];
    proptest::collection::vec(step, 1..120)
}

fn vetoed(port: bool) -> EventKind {
    if port { EventKind::PortCreate } else { EventKind::NicCreate }
}

struct World {
    switch: Switch,
    told: Told,
    roles: BTreeMap<StageId, Role>,
}

impl World {
    fn id(&self, name: u8) -> PortId {
        let found = self.switch.ports().find(|port| port.name == format!("p{name}"));
        found.map_or(PortId::from_raw(0xffff_ffff), |port| port.id)
    }

    fn apply(&mut self, step: &Step) {
        self.told.last.clear();
        let told_before = self.told.events;
        let result = match step {
            Step::CreatePort(name) => self.switch.create_port(spec(*name), &mut self.told).map(drop),
            Step::CreateNic(name) => self.switch.create_nic(self.id(*name), &mut self.told),
            Step::Connect(name) => self.switch.connect_nic(self.id(*name), &mut self.told),
            Step::Disconnect(name) => self.switch.disconnect_nic(self.id(*name), &mut self.told),
            Step::DeleteNic(name) => self.switch.delete_nic(self.id(*name), &mut self.told),
            Step::DeletePort(name) => self.switch.delete_port(self.id(*name), &mut self.told).map(drop),
            Step::Change(name, nic) => {
                let change = if *nic {
                    PortChange { mtu: Some(9_000), ..PortChange::default() }
                } else {
                    PortChange { vlan: Some(VlanMode::Access(7)), ..PortChange::default() }
                };
                self.switch.change_port(self.id(*name), change, &mut self.told)
            }
            Step::Enable(role, veto) => return self.enable(*role, *veto),
            Step::Disable(nth) => return self.disable(*nth),
            Step::Vetoes(nth, what) => return self.set_veto(*nth, *what),
        };
        match result {
            Ok(()) => self.check_told_in_order(),
            Err(PortError::Vetoed(veto)) => assert!(self.told.vetoes.contains_key(&veto.stage), "{veto:?}"),
            Err(_) => assert_eq!(self.told.events, told_before, "a refused operation tells nobody"),
        }
    }

    /// Every extension was told each event of the operation, from the protocol edge inwards.
    fn check_told_in_order(&self) {
        let order: Vec<StageId> = self.switch.stack().iter().map(|stage| stage.id).collect();
        if order.is_empty() {
            return;
        }
        for chunk in self.told.last.chunks(order.len()) {
            let who: Vec<StageId> = chunk.iter().map(|(stage, _)| *stage).collect();
            assert_eq!(who, order);
            assert!(chunk.iter().all(|(_, kind)| *kind == chunk[0].1));
        }
    }

    fn enable(&mut self, role: u8, veto: Option<bool>) {
        let role = [Role::Capture, Role::Filter, Role::Forwarding][usize::from(role)];
        self.told.newcomer = veto.map(vetoed);
        let second = role == Role::Forwarding && self.switch.stack().iter().any(|one| one.role == Role::Forwarding);
        let introduced = self.switch.introduce(&stage(role), &mut self.told);
        self.told.newcomer = None;
        match introduced {
            Ok(entry) => {
                assert!(!second && self.told.activated.get(&entry.id) == Some(&true));
                self.roles.insert(entry.id, role);
                self.told.order.push(entry.id);
                self.switch.enable(entry);
                let stack: Vec<Role> = self.switch.stack().iter().map(|one| one.role).collect();
                assert!(stack.is_sorted(), "captures, filters, forwarding: {stack:?}");
            }
            Err(EnableError::SecondForwarding { .. }) => assert!(second),
            Err(EnableError::Refused { veto, .. }) => drop(self.told.lives.remove(&veto.stage)),
            Err(other) => panic!("{other}"),
        }
    }

    fn disable(&mut self, nth: u8) {
        let Some(id) = self.switch.stack().get(usize::from(nth)).map(|stage| stage.id) else { return };
        assert!(self.switch.disable(id).is_some());
        self.told.lives.remove(&id);
        self.told.vetoes.remove(&id);
    }

    fn set_veto(&mut self, nth: u8, what: Option<bool>) {
        let Some(id) = self.switch.stack().get(usize::from(nth)).map(|stage| stage.id) else { return };
        // A capture's refusal is no veto, so it would be told the opposite of what it believes.
        match what.filter(|_| self.roles[&id] != Role::Capture) {
            Some(port) => drop(self.told.vetoes.insert(id, vetoed(port))),
            None => drop(self.told.vetoes.remove(&id)),
        }
    }

    /// What each extension believes is what the tables say.
    fn check(&self) {
        for stage in self.switch.stack() {
            let believed = self.told.lives.get(&stage.id).cloned().unwrap_or_default();
            for port in self.switch.ports() {
                let life = believed.get(&port.id).copied();
                let fits = match port.nic {
                    NicState::None => matches!(life, Some(Life::Created | Life::NicDeleted)),
                    NicState::Created => life == Some(Life::NicCreated),
                    NicState::Connected => life == Some(Life::Connected),
                    // An extension enabled meanwhile is told of a disconnected NIC as of one that is not connected yet.
                    NicState::Disconnected => matches!(life, Some(Life::Disconnected | Life::NicCreated)),
                };
                assert!(fits, "{:?} believes {life:?} of a port whose NIC is {:?}", stage.id, port.nic);
            }
            assert_eq!(believed.len(), self.switch.ports().count());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn extensions_see_a_legal_life_of_every_port(steps in steps()) {
        let told = Told::default();
        let mut world = World { switch: Switch::new(SwitchKind::Internal, 300), told, roles: BTreeMap::new() };
        for step in &steps {
            world.apply(step);
            world.check();
        }
    }
}

#[test]
fn a_veto_of_a_lower_extension_is_undone_for_those_above() {
    let mut world =
        World { switch: Switch::new(SwitchKind::Internal, 300), told: Told::default(), roles: BTreeMap::new() };
    world.enable(2, None);
    world.enable(1, None);
    let [filter, forwarder] = [0, 1].map(|nth: usize| world.switch.stack()[nth].id);
    world.told.vetoes.insert(forwarder, EventKind::PortCreate);
    world.told.last.clear();
    let refused = world.switch.create_port(spec(1), &mut world.told);
    assert!(matches!(refused, Err(PortError::Vetoed(Veto { stage, .. })) if stage == forwarder), "{refused:?}");
    let expected =
        [(filter, EventKind::PortCreate), (forwarder, EventKind::PortCreate), (filter, EventKind::PortDelete)];
    assert_eq!(world.told.last, expected);
    assert_eq!(world.switch.ports().count(), 0);
}

#[test]
fn a_port_id_is_never_given_twice() {
    let mut switch = Switch::new(SwitchKind::Internal, 300);
    let mut seen = std::collections::BTreeSet::new();
    for round in 0..100 {
        let mut told = Told::default();
        let id = switch.create_port(spec(1), &mut told).expect("room");
        assert!(seen.insert(id), "round {round}: {id} again");
        switch.delete_port(id, &mut told).expect("no NIC");
    }
}

#[test]
fn a_switch_takes_one_external_port_and_a_private_one_none() {
    let mut told = Told::default();
    let external = |name| PortSpec { kind: PortKind::External, ..spec(name) };
    let mut switch = Switch::new(SwitchKind::External, 300);
    switch.create_port(external(1), &mut told).expect("the first");
    let second = switch.create_port(external(2), &mut told);
    assert_eq!(second, Err(PortError::ExternalTaken { holder: "p1".to_owned() }));
    let mut switch = Switch::new(SwitchKind::Private, 300);
    assert_eq!(switch.create_port(external(1), &mut told), Err(PortError::KindRefused));
    let internal = PortSpec { kind: PortKind::Internal, ..spec(2) };
    assert_eq!(switch.create_port(internal, &mut told), Err(PortError::KindRefused));
}
