//! What is done about loops: the two ports are named to the operator, and one is blocked when its settings say so.
//!
//! Workers tell which ports exchange stations too often ([`alarms`](crate::engine::alarms)). Both ports get a notice that
//! counts; it goes when nothing was seen for [`QUIET`]. A port with `on-loop block` (the younger, when both have it) is taken
//! down inside the switch for [`BLOCK`]; then it carries traffic again, and if the loop is still there it is blocked again.
//! The operator's own `--admin` ends a block. The decision record on ports says why moves and not probe frames.

use std::time::{Duration, Instant};

use heddle_switch_core::port_id::PortId;
use heddle_switch_core::switch::PortChange as CoreChange;

use super::extensions::Sink;
use super::{LiveSwitch, State};
use crate::control::model::{AdminState, LoopAction, PortName};

/// A loop that was not seen for so long is over.
const QUIET: Duration = Duration::from_secs(10);
/// How long a port is blocked at a time.
const BLOCK: Duration = Duration::from_secs(30);
/// Topic of the notice.
const TOPIC: &str = "loop";

/// What is known about a loop through a port.
#[derive(Default)]
pub(super) struct Looping {
    /// Seconds in which one was seen, since the port was added.
    seen: u64,
    last: Option<Instant>,
    with: Option<PortName>,
    blocked_until: Option<Instant>,
}

impl Looping {
    /// Why the port carries nothing, while it is blocked.
    pub(super) fn trouble(&self) -> Option<String> {
        let (_, with) = (self.blocked_until?, self.with.as_ref()?);
        Some(format!(
            "blocked for {} s because of a loop with port '{with}' (seen {} times); take one of the two connections away",
            BLOCK.as_secs(),
            self.seen
        ))
    }

    /// It is not blocked any more.
    pub(super) fn unblock(&mut self) {
        self.blocked_until = None;
    }
}

impl LiveSwitch {
    /// Takes in what workers saw, and ends what is over.
    pub(super) fn guard_loops(&self, state: &mut State) {
        let mut changed = false;
        for pair in self.alarms.take() {
            let at =
                |slot: u16| state.switch.ports().find(|port| port.id.slot() == usize::from(slot)).map(|port| port.id);
            if let (Some(low), Some(high)) = (at(pair.low), at(pair.high)) {
                self.note_loop(state, low, high, pair.moves);
                self.note_loop(state, high, low, pair.moves);
                changed |= self.block_one(state, low, high);
            }
        }
        changed |= self.end_loops(state);
        if changed && let Err(error) = self.publish(state, Vec::new()) {
            tracing::warn!(switch = %self.spec.name(), %error, "a block because of a loop is not in effect everywhere");
        }
    }

    fn note_loop(&self, state: &mut State, id: PortId, other: PortId, moves: u32) {
        let Some(with) = state.ports.get(&other).map(|other| other.spec.name().clone()) else { return };
        let Some(plugged) = state.ports.get_mut(&id) else { return };
        let (switch, port) = (self.spec.name(), plugged.spec.name().clone());
        let looping = &mut plugged.looping;
        looping.seen += 1;
        let text = format!(
            "a loop: the same stations come in by this port and by port '{with}' ({moves} moves in a second, seen {} \
             times); take one of the two connections away, or have one blocked: `heddle port set {switch} {port} \
             --on-loop block`",
            looping.seen
        );
        if looping.last.is_none() {
            tracing::warn!(%switch, %port, "{text}");
        }
        (looping.last, looping.with) = (Some(Instant::now()), Some(with));
        plugged.notices.say(TOPIC, text);
    }

    /// Blocks one of two ports, if one is to be and none is yet.
    fn block_one(&self, state: &mut State, low: PortId, high: PortId) -> bool {
        let plugged = |id: PortId| state.ports.get(&id);
        let blocked = |id| plugged(id).is_some_and(|port| port.looping.blocked_until.is_some());
        let wants = |id: &PortId| plugged(*id).is_some_and(|port| port.settings.on_loop() == LoopAction::Block);
        if blocked(low) || blocked(high) {
            return false;
        }
        let Some(id) = [low, high].into_iter().filter(wants).max_by_key(|id| id.raw()) else { return false };
        let down = CoreChange { admin_up: Some(false), ..CoreChange::default() };
        if state.switch.change_port(id, down, &mut Sink::new(self, &state.enabled)).is_err() {
            return false;
        }
        if let Some(plugged) = state.ports.get_mut(&id) {
            plugged.looping.blocked_until = Some(Instant::now() + BLOCK);
            let trouble = plugged.looping.trouble().unwrap_or_default();
            tracing::warn!(switch = %self.spec.name(), port = %plugged.spec.name(), "{trouble}");
        }
        true
    }

    /// Opens ports whose time is over, and withdraws what was not seen any more.
    fn end_loops(&self, state: &mut State) -> bool {
        let now = Instant::now();
        let mut open = Vec::new();
        for (id, plugged) in &mut state.ports {
            let looping = &mut plugged.looping;
            if looping.blocked_until.is_some_and(|until| now >= until) {
                looping.unblock();
                open.push((*id, plugged.settings.admin() == AdminState::Up));
                tracing::info!(switch = %self.spec.name(), port = %plugged.spec.name(), "no longer blocked");
            } else if looping.blocked_until.is_none() && looping.last.is_some_and(|last| now >= last + QUIET) {
                looping.last = None;
                plugged.notice(TOPIC, None);
            }
        }
        for (id, up) in &open {
            let change = CoreChange { admin_up: Some(*up), ..CoreChange::default() };
            // A port that is being deleted meanwhile needs no opening.
            let _ = state.switch.change_port(*id, change, &mut Sink::new(self, &state.enabled));
        }
        !open.is_empty()
    }
}
