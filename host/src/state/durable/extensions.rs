//! Requests about extensions that are there: their order.
//!
//! Extensions are kept in the order in which they are enabled, and the plane puts the newest of a role first: the stored
//! order within a role is the ingress order backwards.

use super::ledger::Part;
use super::{Inner, lock};
use crate::control::model::{ExtensionId, ExtensionOrder, ExtensionView, SwitchName};
use crate::control::plane::ControlResult;
use crate::state::record::ExtensionRecord;
use crate::state::store::Edit;

impl Inner {
    pub(super) fn order_extensions(
        &self,
        switch: &SwitchName,
        order: &ExtensionOrder,
    ) -> ControlResult<Vec<ExtensionView>> {
        let mut store = lock(&self.store);
        let stack = self.plane.extensions(Some(switch))?;
        let is_named = |view: &&ExtensionView| order.iter().any(|id| id.as_str() == view.id);
        let before = stack.iter().filter(is_named).map(|view| ExtensionId::new(&view.id)).collect::<Result<_, _>>()?;
        let views = self.plane.order_extensions(switch, order)?;
        let parts: Vec<Part<ExtensionRecord>> = {
            let ledger = lock(&self.ledger);
            let kept = ledger.switches.get(switch).map(|kept| kept.extensions.as_slice()).unwrap_or_default();
            order.iter().filter_map(|id| kept.iter().find(|part| part.key == id.as_str()).cloned()).collect()
        };
        let mut places: Vec<u32> = parts.iter().map(|part| part.order).collect();
        places.sort_unstable();
        // Parts are in ingress order; the last of them is enabled first.
        let moved: Vec<Part<ExtensionRecord>> =
            parts.into_iter().rev().zip(places).map(|(part, order)| Part { order, ..part }).collect();
        let edits: Vec<Edit<'_>> =
            moved.iter().map(|part| Edit::PutExtension(switch, part.order, &part.key, &part.record)).collect();
        self.keep(&mut store, &edits, || self.plane.order_extensions(switch, &ExtensionOrder::new(before)?).map(drop))?;
        drop(edits);
        if let Some(kept) = lock(&self.ledger).switches.get_mut(switch) {
            for part in moved {
                super::ledger::put(&mut kept.extensions, part);
            }
            kept.extensions.sort_by_key(|part| part.order);
        }
        Ok(views)
    }
}
