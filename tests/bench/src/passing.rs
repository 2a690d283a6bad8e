//! Extensions for the scenarios that have some: the shipped `.so` files, through the daemon's own loader.
//!
//! The file is loaded once per place in the stack, so that the extensions of one stack share no code, as extensions of
//! different vendors would not.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use heddle_host::loader::{Instance, InstanceShared, Library, Services, load};
use heddle_switch_core::stage::{OnFailure, Position, Role, Stage, StageEntry, StageId};

use crate::report::folder;

/// Deepest stack.
const DEEPEST: u16 = 4;

/// What stacks are made of.
pub(crate) struct Extensions {
    libraries: Vec<Arc<Library>>,
    sflow: Arc<Library>,
    services: Arc<Services>,
}

/// Extensions of one bridge.
pub(crate) struct Stack {
    /// Their places.
    pub(crate) entries: Vec<StageEntry>,
    /// Their worker contexts.
    pub(crate) contexts: Vec<(StageId, Box<dyn Stage>)>,
    /// The instance whose control side has work to do.
    pub(crate) busy: Option<Arc<Instance>>,
}

impl Extensions {
    /// Loads the extension that lies beside this program.
    pub(crate) fn load() -> Result<Extensions> {
        let (path, sflow) = (beside("libheddle_passthrough.so")?, beside("libheddle_sflow.so")?);
        let copies = folder()?.join("extensions");
        // The loader copies each file it opens and leaves the copy; those of earlier runs are nobody's any more.
        let _ = std::fs::remove_dir_all(&copies);
        std::fs::create_dir_all(&copies).with_context(|| format!("cannot make the folder {}", copies.display()))?;
        let library = |path: &PathBuf| {
            let library = load(path, &copies);
            library.map(Arc::new).with_context(|| {
                let path = path.display();
                format!(
                    "cannot load {path}: build it with `cargo build --release -p heddle-passthrough -p heddle-sflow`"
                )
            })
        };
        let libraries = (0..DEEPEST).map(|_| library(&path)).collect::<Result<_>>()?;
        Ok(Extensions { libraries, sflow: library(&sflow)?, services: Services::start()? })
    }

    /// A stack of `depth` filters on both legs, with new instances.
    pub(crate) fn stack(&self, depth: usize) -> Result<Stack> {
        let mut stack = Stack { entries: Vec::new(), contexts: Vec::new(), busy: None };
        for (number, library) in (1..).zip(self.libraries.iter().take(depth)) {
            let facts = library.facts();
            let (services, groups, ports) = (Arc::clone(&self.services), Arc::default(), Arc::default());
            let shared = InstanceShared::new(
                (facts.id.clone(), facts.role),
                u32::from(number),
                services,
                groups,
                ports,
                Arc::default(),
            );
            let stage = Instance::create(Arc::clone(library), shared, "")?.worker(0)?;
            let (ingress, egress, tick) = stage.functions();
            let id = StageId(u32::from(number));
            stack.entries.push(StageEntry {
                id,
                role: Role::Filter,
                position: Position::of(Role::Filter, number),
                ingress,
                egress,
                tick,
                sampling: None,
                hold_quota: 0,
                hold_max_ns: 0,
                on_failure: OnFailure::Open,
                codes: Default::default(),
            });
            stack.contexts.push((id, Box::new(stage)));
        }
        Ok(stack)
    }

    /// The sFlow agent alone, with new settings; nobody listens to it.
    pub(crate) fn sflow(&self, settings: &str) -> Result<Stack> {
        let library = &self.sflow;
        let facts = library.facts();
        let (services, groups, ports) = (Arc::clone(&self.services), Arc::default(), Arc::default());
        let shared = InstanceShared::new((facts.id.clone(), facts.role), 1, services, groups, ports, Arc::default());
        let instance = Instance::create(Arc::clone(library), shared, settings)?;
        let stage = instance.worker(0)?;
        let (ingress, egress, tick) = stage.functions();
        let entry = StageEntry {
            id: StageId(1),
            role: Role::Capture,
            position: Position::of(Role::Capture, 1),
            ingress,
            egress,
            tick,
            sampling: instance.sampling_header(),
            hold_quota: 0,
            hold_max_ns: 0,
            on_failure: OnFailure::Open,
            codes: Default::default(),
        };
        Ok(Stack { entries: vec![entry], contexts: vec![(StageId(1), Box::new(stage))], busy: Some(instance) })
    }
}

pub(crate) fn beside(name: &str) -> Result<PathBuf> {
    let program = std::env::current_exe().context("cannot tell where this program lies")?;
    Ok(program.with_file_name(name))
}
