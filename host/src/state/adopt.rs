//! A configuration file becomes the desired state, in one transaction, once for each start of heddled.
//!
//! A switch process that is started again by its supervisor goes on with what is stored: what operators changed since the
//! start is not undone by a crash.

use std::path::PathBuf;

use super::record::{DesiredState, ExtensionRecord, SwitchRecord};
use super::store::{Edit, Store, StoreError, StoredSwitch, edits_of};

/// What a file wants, and the start of heddled it is for.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The file, for the log.
    pub file: PathBuf,
    /// What it says.
    pub state: DesiredState,
    /// Different for each start of heddled, the same for all switch processes of one.
    pub start: String,
}

/// Makes the file the stored state, unless that was done at this start already.
pub(super) fn adopt(store: &mut Store, wanted: &Wanted) -> Result<Vec<StoredSwitch>, StoreError> {
    let stored = store.load()?;
    if store.adopted()?.as_deref() == Some(wanted.start.as_str()) {
        return Ok(stored);
    }
    let mut state = wanted.state.clone();
    keep_identifiers(&mut state, &stored);
    tell(&stored, &state, wanted);
    if store.policy()? != state.policy {
        let file = wanted.file.display();
        tracing::warn!(%file, "the policy for extensions is as in the file from now on: {}", state.policy.summary());
    }
    let mut edits = edits_of(&state);
    edits.push(Edit::Adopted(&wanted.start));
    store.commit(&edits)?;
    drop(edits);
    store.load()
}

/// A path in the file stands for the identifier it had when it was enabled last.
fn keep_identifiers(state: &mut DesiredState, stored: &[StoredSwitch]) {
    for switch in &mut state.switches {
        let Some(known) = stored.iter().find(|known| known.switch.name == switch.name) else { continue };
        for extension in &mut switch.extensions {
            let same = known.extensions.iter().find(|((_, record), _)| record.extension == extension.extension);
            extension.id = extension.id.take().or_else(|| same.and_then(|((_, record), _)| record.id.clone()));
            extension.role = same.and_then(|((_, record), _)| record.role);
        }
    }
}

/// Logs what the file removes, changes and adds.
fn tell(stored: &[StoredSwitch], state: &DesiredState, wanted: &Wanted) {
    let file = wanted.file.display();
    for known in stored {
        let name = &known.switch.name;
        let Some(switch) = state.switches.iter().find(|switch| switch.name == *name) else {
            tracing::warn!(%file, "switch '{name}' is stored and not in the file: it is removed");
            continue;
        };
        if known.switch != switch.without_parts() {
            tracing::warn!(%file, "switch '{name}' is other than stored: it is as in the file from now on");
        }
        for (_, port) in &known.ports {
            match switch.ports.iter().find(|one| one.name == port.name) {
                None => {
                    tracing::warn!(%file, "port '{}' of switch '{name}' is not in the file: it is removed", port.name)
                }
                Some(one) if one != port => {
                    tracing::warn!(%file, "port '{}' of switch '{name}' is as in the file from now on", port.name);
                }
                Some(_) => {}
            }
        }
        for ((_, extension), key) in &known.extensions {
            let same = |one: &&ExtensionRecord| one.extension == extension.extension;
            match switch.extensions.iter().find(same) {
                None => tracing::warn!(%file, "extension '{key}' of switch '{name}' is not in the file: it is removed"),
                Some(one) if one != extension => {
                    tracing::warn!(%file, "extension '{key}' of switch '{name}' is as in the file from now on");
                }
                Some(_) => {}
            }
        }
    }
    let count = |parts: fn(&SwitchRecord) -> usize| state.switches.iter().map(parts).sum::<usize>();
    let (ports, extensions) = (count(|switch| switch.ports.len()), count(|switch| switch.extensions.len()));
    tracing::info!(%file, switches = state.switches.len(), ports, extensions, "the file is the desired state");
}
