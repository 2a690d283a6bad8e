//! Pass-through extensions for the scenarios that have some.

use anyhow::Result;
use heddle_switch_core::call::Call;
use heddle_switch_core::stage::{CallEnd, OnFailure, Position, Role, Stage, StageEntry, StageId};
use std::any::Any;

/// Extensions of one bridge.
pub(crate) struct Stack {
    /// Their places.
    pub(crate) entries: Vec<StageEntry>,
    /// Their worker contexts.
    pub(crate) contexts: Vec<(StageId, Box<dyn Stage>)>,
}

struct Pass;

impl Stage for Pass {
    fn process(&mut self, _call: &mut Call<'_>) -> CallEnd {
        CallEnd::Returned
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any + Send> {
        self
    }
}

impl Stack {
    /// `count` extensions.
    pub(crate) fn load(count: usize) -> Result<Stack> {
        let mut stack = Stack { entries: Vec::new(), contexts: Vec::new() };
        for number in 1..=u32::try_from(count)? {
            let id = StageId(number);
            stack.entries.push(StageEntry {
                id,
                role: Role::Filter,
                position: Position::of(Role::Filter, u16::try_from(number)?),
                ingress: true,
                egress: true,
                tick: false,
                sampling: None,
                hold_quota: 0,
                hold_max_ns: 0,
                on_failure: OnFailure::Open,
            });
            stack.contexts.push((id, Box::new(Pass)));
        }
        Ok(stack)
    }
}
