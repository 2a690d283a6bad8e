//! The engine: switches with their worker threads, and the operator's requests carried out on them.
//!
//! One lock per switch serialises control work on it: no two control functions of an extension run at the same time.
//! Workers are never waited for under any other lock, and they never take one. A maintenance thread calls the
//! extensions' periodic functions, publishes changed groups and takes out extensions that panicked; another one follows
//! network devices.

mod alarms;
mod carry;
mod catalog;
mod check;
mod clock;
mod command;
mod devices;
mod flush;
mod follower;
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

use crate::contain::trap;
use crate::control::error::ControlError;
use crate::control::model::SwitchName;
use crate::control::plane::{ControlPlane, ControlResult};
use crate::daemon::PlaneSetup;
use crate::loader::Services;
use crate::loader::isolation::wait_for_failure;
use crate::own_directory;
use catalog::Catalog;
pub use check::judge_confined;
pub(crate) use clock::ticks;
use follower::News;
use live::LiveSwitch;
pub use live::NicBlob;
use quarantine::Quarantines;

/// Switches in one daemon.
const SWITCHES_MAX: usize = 64;
/// Pace of the maintenance thread.
const MAINTENANCE: Duration = Duration::from_millis(100);

/// The engine.
pub struct Engine {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
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
    /// Held from asking whether a device is free until it has its port.
    pub(crate) adding: Mutex<()>,
    /// Rings for whoever follows network devices.
    pub(crate) news: News,
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
        // Windows of capture extensions rely on it.
        trap::arm(None).map_err(internal("handling signals of extensions"))?;
        let copies = run_dir.join("extensions");
        own_directory::make(&copies).map_err(internal("making the directory for extensions"))?;
        catalog::remove_stale_copies(&copies);
        let services = Services::start().map_err(internal("starting the datagram thread"))?;
        let shared = Arc::new(Shared {
            switches: Mutex::default(),
            catalog: Catalog::new(copies),
            services,
            extension_dirs,
            quarantines: Arc::default(),
            installing: Mutex::default(),
            adding: Mutex::default(),
            news: News::new().map_err(internal("making the bell of the device thread"))?,
            stopping: AtomicBool::new(false),
        });
        let engine = Engine { shared: Arc::clone(&shared), threads: Mutex::default() };
        let upkeep = Arc::clone(&shared);
        engine
            .spawn("heddle-upkeep", move || maintain(&upkeep))
            .map_err(internal("starting the maintenance thread"))?;
        engine
            .spawn("heddle-devices", move || follower::run(&shared))
            .map_err(internal("starting the device thread"))?;
        Ok(engine)
    }

    fn spawn(&self, name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work)?;
        lock(&self.threads).push(thread);
        Ok(())
    }

    fn stop(&self) {
        self.shared.stopping.store(true, Ordering::Release);
        self.shared.news.ring();
        for thread in std::mem::take(&mut *lock(&self.threads)) {
            // A thread that panicked has nothing left to do.
            let _ = thread.join();
        }
        let switches = std::mem::take(&mut *lock(&self.shared.switches));
        for switch in switches.into_values() {
            switch.stop();
        }
    }
}

fn maintain(shared: &Shared) {
    let mut failures = 0;
    while !shared.stopping.load(Ordering::Acquire) {
        // A process that has failed is started again at once.
        wait_for_failure(&mut failures, MAINTENANCE);
        let switches: Vec<_> = lock(&shared.switches).values().cloned().collect();
        let mut lost = false;
        for switch in switches {
            lost |= switch.maintain();
        }
        if lost {
            shared.news.ring();
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop();
    }
}
