//! The engine: switches with their worker threads, and the operator's requests carried out on them.
//!
//! One lock per switch serialises control work on it: no two control functions of an extension run at the same time.
//! Workers are never waited for under any other lock, and they never take one. A maintenance thread calls the
//! extensions' periodic functions, publishes changed groups, takes out extensions that panicked and follows devices.

mod catalog;
mod clock;
mod command;
mod devices;
mod flush;
mod install;
mod link;
mod live;
mod plane;
mod quarantine;
mod views;
mod wake;
mod worker;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::control::error::ControlError;
use crate::control::model::SwitchName;
use crate::control::plane::{ControlPlane, ControlResult};
use crate::daemon::PlaneSetup;
use crate::loader::Services;
use crate::ports::device::DeviceWatch;
use catalog::Catalog;
use live::LiveSwitch;
use quarantine::Quarantines;

/// Switches in one daemon.
const SWITCHES_MAX: usize = 64;
/// Pace of the maintenance thread.
const MAINTENANCE: Duration = Duration::from_millis(100);

/// The engine.
pub struct Engine {
    shared: Arc<Shared>,
    maintenance: Mutex<Option<JoinHandle<()>>>,
}

/// What requests and maintenance share.
pub(crate) struct Shared {
    pub(crate) switches: Mutex<BTreeMap<SwitchName, Arc<LiveSwitch>>>,
    pub(crate) catalog: Catalog,
    pub(crate) services: Arc<Services>,
    pub(crate) extension_dirs: Vec<PathBuf>,
    pub(crate) quarantines: Arc<Quarantines>,
    /// Held while the extension directory is changed.
    pub(crate) installing: Mutex<()>,
    stopping: AtomicBool,
}

/// Takes a lock; what a panicked holder left behind is still whole, since every change is published at its end.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Engine {
    /// Builds the engine of a daemon.
    pub fn build(setup: &PlaneSetup) -> ControlResult<Arc<dyn ControlPlane>> {
        Ok(Arc::new(Engine::new(&setup.run_dir, setup.extension_dirs.clone())?))
    }

    /// An engine without switches.
    pub fn new(run_dir: &std::path::Path, extension_dirs: Vec<PathBuf>) -> ControlResult<Engine> {
        let internal = |what: &'static str| {
            move |error: std::io::Error| ControlError::Internal { what: what.to_owned(), reason: error.to_string() }
        };
        let copies = run_dir.join("extensions");
        std::fs::create_dir_all(&copies).map_err(internal("making the directory for extensions"))?;
        catalog::remove_stale_copies(&copies);
        let services = Services::start().map_err(internal("starting the datagram thread"))?;
        let shared = Arc::new(Shared {
            switches: Mutex::default(),
            catalog: Catalog::new(copies),
            services,
            extension_dirs,
            quarantines: Arc::new(Quarantines::open(run_dir)),
            installing: Mutex::default(),
            stopping: AtomicBool::new(false),
        });
        let maintained = Arc::clone(&shared);
        let maintenance = std::thread::Builder::new()
            .name("heddle-upkeep".to_owned())
            .spawn(move || maintain(&maintained))
            .map_err(internal("starting the maintenance thread"))?;
        Ok(Engine { shared, maintenance: Mutex::new(Some(maintenance)) })
    }

    fn stop(&self) {
        self.shared.stopping.store(true, Ordering::Release);
        if let Some(thread) = lock(&self.maintenance).take() {
            // A maintenance thread that panicked has nothing left to do.
            let _ = thread.join();
        }
        let switches = std::mem::take(&mut *lock(&self.shared.switches));
        for switch in switches.into_values() {
            switch.stop();
        }
    }
}

fn maintain(shared: &Shared) {
    let mut devices =
        DeviceWatch::open().inspect_err(|error| tracing::warn!(%error, "network devices cannot be followed")).ok();
    while !shared.stopping.load(Ordering::Acquire) {
        std::thread::sleep(MAINTENANCE);
        let events = devices.as_mut().map(DeviceWatch::poll).unwrap_or_default();
        let switches: Vec<_> = lock(&shared.switches).values().cloned().collect();
        for switch in switches {
            switch.maintain(devices.as_ref().map(|devices| (devices, events.as_slice())));
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop();
    }
}
