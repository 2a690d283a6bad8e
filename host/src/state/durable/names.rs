//! Names of devices that change while heddled runs. A port on an existing device stays on it when it gets another name, and so
//! it must after the next start, when there is nothing but the name to find it by. The name of a TAP device is what heddled
//! shall call the one it makes, whatever its guest calls it: that is not followed.

use super::ledger::Part;
use super::turn::Turn;
use super::{Inner, lock};
use crate::control::model::{BackendKind, SwitchName};
use crate::state::record::PortRecord;
use crate::state::store::Edit;

impl Inner {
    /// Stores the present names of devices; whether that is done.
    pub(super) fn follow_names(&self) -> bool {
        let switches: Vec<SwitchName> = lock(&self.ledger).switches.keys().cloned().collect();
        switches.iter().all(|switch| self.follow_names_of(&mut self.turn(switch), switch))
    }

    fn follow_names_of(&self, store: &mut Turn<'_>, switch: &SwitchName) -> bool {
        let Ok(views) = self.plane.ports(switch) else { return true };
        let renamed = |part: &Part<PortRecord>| {
            let view = views.iter().find(|view| view.name == part.record.name)?;
            let other =
                view.backend == BackendKind::Packet && view.device.is_some() && view.device != part.record.device;
            let record = PortRecord { device: view.device.clone(), ..part.record.clone() };
            (other && part.absent.is_none()).then(|| Part { record, ..part.clone() })
        };
        let parts: Vec<_> = match lock(&self.ledger).switches.get(switch) {
            Some(kept) => kept.ports.iter().filter_map(renamed).collect(),
            None => return true,
        };
        let edits: Vec<_> = parts.iter().map(|part| Edit::PutPort(switch, part.order, &part.record)).collect();
        if edits.is_empty() {
            return true;
        }
        if let Err(error) = store.commit(&edits) {
            tracing::debug!(%error, "the new names of devices are not stored yet");
            return false;
        }
        for part in parts {
            tracing::info!(%switch, port = part.key, device = part.record.device, "the device's new name is stored");
            self.remember_port(switch, part);
        }
        true
    }
}
