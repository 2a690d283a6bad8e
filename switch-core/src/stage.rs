//! Stages: where extensions sit in the pipeline, and where a frame that left it comes back in.
//!
//! Positions are ordered as ingress passes them: captures, filters, the switch's ingress policy, forwarding, the
//! miniport edge. Egress passes the same positions downwards. A frame that was parked (held, injected, handed over)
//! keeps the position after which it goes on, not an index: the stack may change while it waits, and it then goes on at
//! the first stage behind that position in the new stack.

use crate::call::Call;
use crate::drop_codes::DropCodes;
use crate::exchange::{Piece, Saved, StateFailure};
use crate::port_id::PortId;

/// Leg of the U-shaped path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Leg {
    /// From a port to the miniport edge.
    Ingress,
    /// From the miniport edge to the destination ports.
    Egress,
}

/// Role of an extension on the data path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Sees, never changes.
    Capture,
    /// Drops, changes, holds, injects.
    Filter,
    /// Decides destinations; at most one per switch.
    Forwarding,
}

/// Place in the stack; smaller is nearer to the protocol edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position(u32);

impl Position {
    /// In front of everything on ingress, behind everything on egress.
    pub const PROTOCOL_EDGE: Position = Position(0);
    /// The switch's own policy: between filters and forwarding on both legs.
    pub const POLICY: Position = Position(0x3_0000);
    /// Where ingress turns into egress.
    pub const MINIPORT_EDGE: Position = Position(0x5_0000);

    /// Place of the `order`th extension of a role.
    pub fn of(role: Role, order: u16) -> Position {
        let class = match role {
            Role::Capture => 0x1_0000,
            Role::Filter => 0x2_0000,
            Role::Forwarding => 0x4_0000,
        };
        Position(class + u32::from(order))
    }
}

/// Identity of an enabled extension on one switch; never used twice in the life of the switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StageId(pub u32);

/// Where a frame goes on: at the first stage strictly behind `after` on its leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResumePoint {
    /// Leg.
    pub leg: Leg,
    /// Last position it has passed.
    pub after: Position,
}

impl ResumePoint {
    /// A frame that just came from a port.
    pub const START: ResumePoint = ResumePoint { leg: Leg::Ingress, after: Position::PROTOCOL_EDGE };
}

/// How a call into an extension ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallEnd {
    /// Normally; verdicts count.
    Returned,
    /// With a panic caught at the extension's own border, or a failure status: verdicts are void.
    Failed,
    /// Not at all: the extension's process is gone or late. As `Failed`, and what the fail policy drops is counted under
    /// this code.
    Gone(u16),
}

/// An extension's context on one worker.
pub trait Stage: Send {
    /// A data-path call on the batch of `call`.
    fn process(&mut self, call: &mut Call<'_>) -> CallEnd;

    /// Periodic call, so that held frames can go on without traffic; the batch is empty.
    fn tick(&mut self, call: &mut Call<'_>) -> CallEnd {
        let _ = call;
        CallEnd::Returned
    }

    /// Frames to skip before the next sample, or [`crate::pick::LATER`]; only asked of stages that sample.
    fn next_skip(&mut self) -> u32 {
        u32::MAX
    }

    /// Whether the frames of each port are counted by themselves, with [`Stage::next_skip_of`]. Asked once.
    fn skips_by_port(&self) -> bool {
        false
    }

    /// As [`Stage::next_skip`], of one port.
    fn next_skip_of(&mut self, port: PortId) -> u32 {
        let _ = port;
        self.next_skip()
    }

    /// Whether it asks for counters by VLAN. Asked with each change of the extensions.
    fn counts_vlans(&self) -> bool {
        false
    }

    /// Dropped frames it wants to be told of until it is asked again, with the next periodic call.
    fn drops_wanted(&mut self) -> u32 {
        0
    }

    /// A dropped frame; `withheld` were not told since the last one.
    fn dropped(&mut self, dropped: &crate::dropped::Dropped, withheld: u64) -> CallEnd {
        let _ = (dropped, withheld);
        CallEnd::Returned
    }

    /// A sampled frame whose fate is known.
    fn sampled(&mut self, sample: &crate::sample::Sample) -> CallEnd {
        let _ = sample;
        CallEnd::Returned
    }

    /// Whether its calls are shown copies of the descriptors, so that nothing it writes reaches the burst and nothing has to
    /// be judged after a call that returned. Asked once.
    fn sees_copies(&self) -> bool {
        false
    }

    /// Writes the next piece of its state: first all there is, then what has changed since.
    fn save(&mut self, room: &mut [u8], index: u32) -> Result<Saved, StateFailure> {
        let _ = (room, index);
        Ok(Saved { length: 0, remaining: 0 })
    }

    /// Takes up a piece of state, before its first batch.
    fn restore(&mut self, piece: &Piece<'_>) -> Result<(), StateFailure> {
        let _ = piece;
        Err(StateFailure("it takes up no state".to_owned()))
    }

    /// No more is saved.
    fn end_saving(&mut self) {}

    /// Whether it runs in a process of its own, and lends frames to it. Asked once.
    fn is_remote(&self) -> bool {
        false
    }

    /// What it has been lent and not given back, for [`Stage::take_over`] of the context that takes its place; `None` when
    /// nothing is ever lent to it.
    fn hand_over(&mut self) -> Option<Box<dyn std::any::Any + Send>> {
        None
    }

    /// Takes up what the context before it handed over, and what that one held when both name held frames in their state.
    fn take_over(&mut self, lent: Box<dyn std::any::Any + Send>, keeps_held: bool) {
        let _ = (lent, keeps_held);
    }

    /// Puts one batch that came back into the empty batch of `call`; `None` when there is none.
    fn collect(&mut self, call: &mut Call<'_>) -> Option<CallEnd> {
        let _ = call;
        None
    }

    /// The worker is about to sleep: false when something came back meanwhile.
    fn doze(&mut self) -> bool {
        true
    }

    /// The worker is awake again.
    fn up(&mut self) {}

    /// For the owner that gets the context back when the extension leaves the worker.
    fn into_any(self: Box<Self>) -> Box<dyn std::any::Any + Send>;
}

/// Place and properties of an extension in a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageEntry {
    /// Identity.
    pub id: StageId,
    /// Role.
    pub role: Role,
    /// Place.
    pub position: Position,
    /// Whether it is called on ingress.
    pub ingress: bool,
    /// Whether it is called on egress.
    pub egress: bool,
    /// Whether it wants the periodic call.
    pub tick: bool,
    /// Header bytes of sampled frames it wants; `None` when it does not sample.
    pub sampling: Option<u16>,
    /// Frames it may hold at a time on one worker.
    pub hold_quota: u32,
    /// Longest time it may hold a frame, in nanoseconds.
    pub hold_max_ns: u64,
    /// What happens to frames when it fails.
    pub on_failure: OnFailure,
    /// Drop codes it registered.
    pub codes: DropCodes,
}

/// Fail policy of an extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OnFailure {
    /// Frames go on as if the extension were not there.
    #[default]
    Open,
    /// Frames are dropped.
    Closed,
}
