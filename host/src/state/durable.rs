//! The data plane with a memory: a [`ControlPlane`] that stores what operators asked for and restores it.
//!
//! One request is one transaction. What adds or changes is carried out by the plane first, since only the plane knows
//! whether it can be; then it is stored, and undone when it cannot be stored. What removes is stored first, so that nothing
//! has to be made again; when the plane then refuses, it is put back. Either way the answer comes after the commit, and
//! a kill leaves the state before the request or after it. Changes of one switch go one at a time; neither those of other
//! switches nor questions wait for them.
//!
//! What is desired and not there (a device is gone, a library refused) is *absent*: it is shown with its reason, can be
//! changed and removed like the rest, and is tried again every [`RETRY`].

mod absent;
mod changes;
mod extensions;
mod held;
mod ledger;
mod names;
mod policies;
mod quarantine;
mod restore;
mod turn;
mod upgrade;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::adopt::{self, Wanted};
use super::store::{Store, StoreError};
use crate::control::capture::CaptureSink;
use crate::control::error::ControlError;
use crate::control::model::{
    CaptureSpec, ConfigChange, DropCount, EngineView, ExtensionConfig, ExtensionId, ExtensionLoad, ExtensionLog,
    ExtensionOrder, ExtensionRef, ExtensionSettings, ExtensionView, FdbEntryView, FdbFlush, FeatureStatus, FeatureView,
    PolicyChange, PolicySpec, PolicyView, PortChange, PortCheck, PortName, PortSpec, PortView, Probation,
    QuarantineView, StageCost, SwitchName, SwitchSpec, SwitchView,
};
use crate::control::plane::{ControlPlane, ControlResult};
use crate::trust::Policy;
use ledger::Ledger;
pub use quarantine::Crashes;
use turn::Turns;

/// How often what is absent is tried again.
const RETRY: Duration = Duration::from_millis(500);

/// The plane with its memory.
pub struct Durable {
    inner: Arc<Inner>,
    retrying: Mutex<Option<JoinHandle<()>>>,
}

struct Inner {
    plane: Arc<dyn ControlPlane>,
    /// Held for transactions only, never while the plane is asked.
    store: Mutex<Store>,
    /// Held for the whole of a change; the order of a switch's changes is the order of their transactions.
    turns: Turns,
    /// What is desired. Held for moments only, and never while the plane is asked.
    ledger: Mutex<Ledger>,
    /// Who is in quarantine, as stored.
    quarantined: Mutex<Vec<QuarantineView>>,
    path: PathBuf,
    stopping: AtomicBool,
}

/// Takes a lock; what a panicked holder left behind is whole, since the ledger follows the store in single steps.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Durable {
    /// Puts the memory in `directory` before `plane`, restores everything, and goes on trying what cannot be restored.
    ///
    /// # Errors
    /// When the store cannot be had; what cannot be restored is no error.
    pub fn open(plane: Arc<dyn ControlPlane>, directory: &Path) -> Result<Self, StoreError> {
        Self::open_with(plane, directory, None, &Crashes::default())
    }

    /// The same; with a file, that is the desired state first.
    ///
    /// # Errors
    /// When the store cannot be had, or what the file wants cannot be stored.
    pub fn open_with(
        plane: Arc<dyn ControlPlane>,
        directory: &Path,
        wanted: Option<&Wanted>,
        crashes: &Crashes,
    ) -> Result<Self, StoreError> {
        let mut store = Store::open(directory)?;
        let stored = match wanted {
            Some(wanted) => adopt::adopt(&mut store, wanted)?,
            None => store.load()?,
        };
        // Before anything is brought back: extensions are judged by it.
        plane.set_policy(store.policy()?);
        let quarantined = quarantine::adopt(&mut store, &stored, crashes)?;
        plane.restore_quarantines(quarantined.clone());
        let ledger = Ledger::new(stored);
        let path = store.path().to_owned();
        let inner = Arc::new(Inner {
            plane,
            store: Mutex::new(store),
            turns: Turns::default(),
            ledger: Mutex::new(ledger),
            quarantined: Mutex::new(quarantined),
            path: path.clone(),
            stopping: AtomicBool::new(false),
        });
        inner.restore();
        let again = Arc::clone(&inner);
        let thread = std::thread::Builder::new().name("heddle-restore".to_owned()).spawn(move || again.keep_trying());
        let thread = thread.map_err(|source| StoreError::System { step: "watch over", path, source })?;
        Ok(Self { inner, retrying: Mutex::new(Some(thread)) })
    }

    fn plane(&self) -> &dyn ControlPlane {
        &*self.inner.plane
    }

    fn stop(&self) {
        self.inner.stopping.store(true, Ordering::Release);
        if let Some(thread) = lock(&self.retrying).take() {
            thread.thread().unpark();
            // One that panicked has nothing left to do.
            let _ = thread.join();
        }
    }
}

impl Drop for Durable {
    fn drop(&mut self) {
        self.stop();
    }
}

impl ControlPlane for Durable {
    fn set_policy(&self, policy: Policy) {
        self.plane().set_policy(policy);
    }

    fn create_switch(&self, spec: SwitchSpec) -> ControlResult<SwitchView> {
        self.inner.create_switch(spec)
    }

    fn delete_switch(&self, switch: &SwitchName) -> ControlResult<()> {
        self.inner.delete_switch(switch)
    }

    fn switches(&self) -> ControlResult<Vec<SwitchView>> {
        Ok(lock(&self.inner.ledger).complete_switches(self.plane().switches()?))
    }

    fn switch(&self, switch: &SwitchName) -> ControlResult<SwitchView> {
        match self.plane().switch(switch) {
            Ok(view) => Ok(lock(&self.inner.ledger).complete_switch(view)),
            Err(error) => lock(&self.inner.ledger).absent_switch(switch).ok_or(error),
        }
    }

    fn add_port(&self, switch: &SwitchName, spec: PortSpec) -> ControlResult<PortView> {
        self.inner.add_port(switch, spec)
    }

    fn set_port(&self, switch: &SwitchName, port: &PortName, change: PortChange) -> ControlResult<PortView> {
        self.inner.set_port(switch, port, change)
    }

    fn remove_port(&self, switch: &SwitchName, port: &PortName) -> ControlResult<()> {
        self.inner.remove_port(switch, port)
    }

    fn ports(&self, switch: &SwitchName) -> ControlResult<Vec<PortView>> {
        let views = self.plane().ports(switch);
        let absent = lock(&self.inner.ledger).absent_ports(switch);
        match views {
            Ok(mut views) => {
                views.extend(absent);
                Ok(views)
            }
            Err(ControlError::NoSuchSwitch { .. }) if !absent.is_empty() => Ok(absent),
            Err(error) => Err(error),
        }
    }

    fn port(&self, switch: &SwitchName, port: &PortName) -> ControlResult<PortView> {
        let found = self.plane().port(switch, port);
        found.or_else(|error| lock(&self.inner.ledger).absent_port(switch, port.as_str()).ok_or(error))
    }

    fn extensions(&self, switch: Option<&SwitchName>) -> ControlResult<Vec<ExtensionView>> {
        let views = self.plane().extensions(switch);
        let absent = lock(&self.inner.ledger).absent_extensions(switch);
        match views {
            Ok(mut views) => {
                let why = |view: ExtensionView| {
                    let quarantine = view.switch.as_ref().and_then(|on| self.inner.quarantine_of(on, &view.id));
                    ExtensionView { quarantine, ..view }
                };
                views.extend(absent.into_iter().map(why));
                Ok(views)
            }
            Err(ControlError::NoSuchSwitch { .. }) if !absent.is_empty() => Ok(absent),
            Err(error) => Err(error),
        }
    }

    fn enable_extension(
        &self,
        switch: &SwitchName,
        extension: &ExtensionRef,
        config: ExtensionConfig,
    ) -> ControlResult<ExtensionView> {
        self.inner.enable_extension(switch, extension, config)
    }

    fn disable_extension(&self, switch: &SwitchName, extension: &ExtensionId) -> ControlResult<ExtensionView> {
        self.inner.disable_extension(switch, extension)
    }

    fn extension(&self, switch: &SwitchName, extension: &ExtensionId) -> ControlResult<ExtensionView> {
        let found = self.plane().extension(switch, extension);
        found.or_else(|error| {
            let absent = lock(&self.inner.ledger).absent_extension(switch, extension.as_str());
            let view = absent.ok_or(error)?;
            Ok(ExtensionView { quarantine: self.inner.quarantine_of(switch, &view.id), ..view })
        })
    }

    fn install_extension(&self, file: &Path) -> ControlResult<ExtensionView> {
        self.plane().install_extension(file)
    }

    fn uninstall_extension(&self, extension: &ExtensionId) -> ControlResult<ExtensionView> {
        self.plane().uninstall_extension(extension)
    }

    fn upgrade_extension(
        &self,
        switch: &SwitchName,
        extension: &ExtensionId,
        file: &Path,
        probation: Probation,
    ) -> ControlResult<ExtensionView> {
        self.inner.upgrade_extension(switch, extension, file, probation)
    }

    fn rollback_extension(&self, switch: &SwitchName, extension: &ExtensionId) -> ControlResult<ExtensionView> {
        self.inner.rollback_extension(switch, extension)
    }

    fn order_extensions(&self, switch: &SwitchName, order: &ExtensionOrder) -> ControlResult<Vec<ExtensionView>> {
        self.inner.order_extensions(switch, order)
    }

    fn extension_log(
        &self,
        switch: &SwitchName,
        extension: &ExtensionId,
        lines: Option<u32>,
    ) -> ControlResult<ExtensionLog> {
        self.plane().extension_log(switch, extension, lines)
    }

    fn extension_settings(&self, switch: &SwitchName, extension: &ExtensionId) -> ControlResult<ExtensionSettings> {
        self.plane().extension_settings(switch, extension)
    }

    fn configure_extension(
        &self,
        switch: &SwitchName,
        extension: &ExtensionId,
        change: &ConfigChange,
    ) -> ControlResult<ExtensionSettings> {
        self.inner.configure_extension(switch, extension, change)
    }

    fn policies(&self, switch: &SwitchName) -> ControlResult<(Vec<FeatureView>, Vec<PolicyView>)> {
        self.plane().policies(switch)
    }

    fn change_policy(&self, switch: &SwitchName, change: &PolicyChange) -> ControlResult<PolicyView> {
        self.inner.change_policy(switch, change)
    }

    fn feature_status(
        &self,
        switch: &SwitchName,
        extension: &ExtensionId,
        port: Option<&PortName>,
    ) -> ControlResult<Vec<FeatureStatus>> {
        self.plane().feature_status(switch, extension, port)
    }

    fn check_port(&self, switch: &SwitchName, spec: PortSpec, policies: Vec<PolicySpec>) -> ControlResult<PortCheck> {
        self.plane().check_port(switch, spec, policies)
    }

    fn quarantines(&self, switch: Option<&SwitchName>) -> ControlResult<Vec<QuarantineView>> {
        self.plane().quarantines(switch)
    }

    fn clear_quarantine(&self, switch: &SwitchName, extension: &ExtensionId) -> ControlResult<QuarantineView> {
        let cleared = self.plane().clear_quarantine(switch, extension)?;
        self.inner.keep_quarantines();
        self.inner.bring_back(switch, extension);
        Ok(cleared)
    }

    fn drops(&self, switch: &SwitchName) -> ControlResult<Vec<DropCount>> {
        self.plane().drops(switch)
    }

    fn stages(&self, switch: &SwitchName) -> ControlResult<Vec<StageCost>> {
        self.plane().stages(switch)
    }

    fn loads(&self, switch: &SwitchName) -> ControlResult<Vec<ExtensionLoad>> {
        self.plane().loads(switch)
    }

    fn fdb(&self, switch: &SwitchName) -> ControlResult<Vec<FdbEntryView>> {
        self.plane().fdb(switch)
    }

    fn flush_fdb(&self, switch: &SwitchName, flush: &FdbFlush) -> ControlResult<u64> {
        self.plane().flush_fdb(switch, flush)
    }

    fn start_capture(&self, spec: CaptureSpec, sink: CaptureSink) -> ControlResult<()> {
        self.plane().start_capture(spec, sink)
    }

    fn engine(&self) -> ControlResult<EngineView> {
        self.plane().engine()
    }

    fn shut_down(&self) {
        self.stop();
        self.inner.end_probations();
        self.plane().shut_down();
    }
}
