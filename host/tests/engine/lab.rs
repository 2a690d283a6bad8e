//! A switch on a bench: an engine of its own in a directory of its own, memory ports with their far ends in hand.

use std::io::Write;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use heddle_host::control::error::ControlError;
use heddle_host::control::model::{
    AgeingTime, BackendKind, BackendSpec, ExtensionConfig, ExtensionId, ExtensionRef, ExtensionView, Isolation,
    KillAfter, LateAfter, MacAddress, Patience, PortChange, PortName, PortSpec, PortView, QueueCount, SwitchName,
    SwitchSpec, SwitchType, Vid, VlanChange, VlanMode, VlanSet, WorkerCount,
};
use heddle_host::control::plane::{ControlPlane, ControlResult};
use heddle_host::engine::Engine;
use heddle_host::ports::memory::{MemoryEnd, take_end};

/// Longest wait for something that takes milliseconds on an idle machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// One engine with one switch.
pub(crate) struct Lab {
    pub(crate) engine: Engine,
    pub(crate) switch: SwitchName,
    pub(crate) directory: tempfile::TempDir,
}

/// Tests that measure time or fill rings run one after the other: there are fewer cores than workers.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A number no other switch of this process has: far ends of memory ports are found by switch and port.
fn unique() -> u32 {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl Lab {
    /// A private switch without ports.
    pub(crate) fn new(workers: u64) -> Lab {
        heddle_host::loader::isolation::use_program(env!("CARGO_BIN_EXE_heddled"));
        let directory = tempfile::tempdir().unwrap();
        let engine = Engine::new(directory.path(), Vec::new()).unwrap();
        let switch = SwitchName::new(&format!("lab{}", unique())).unwrap();
        let workers = WorkerCount::new(workers).unwrap();
        let spec = SwitchSpec::new(switch.clone(), SwitchType::Private, workers, AgeingTime::new(300).unwrap());
        engine.create_switch(spec).unwrap();
        Lab { engine, switch, directory }
    }

    /// Adds a memory port and takes its far end.
    pub(crate) fn add(&self, name: &str, change: &PortChange) -> MemoryEnd {
        self.try_add(name, change).unwrap();
        self.end(name)
    }

    pub(crate) fn try_add(&self, name: &str, change: &PortChange) -> ControlResult<PortView> {
        let spec = PortSpec::new(PortName::new(name)?, BackendSpec::new(BackendKind::Memory, None)?, change)?;
        self.engine.add_port(&self.switch, spec)
    }

    pub(crate) fn end(&self, name: &str) -> MemoryEnd {
        take_end(&format!("{}/{name}", self.switch)).expect("a memory port leaves its far end")
    }

    pub(crate) fn remove(&self, name: &str) {
        self.engine.remove_port(&self.switch, &PortName::new(name).unwrap()).unwrap();
    }

    pub(crate) fn port(&self, name: &str) -> PortView {
        self.engine.port(&self.switch, &PortName::new(name).unwrap()).unwrap()
    }

    pub(crate) fn try_enable(&self, extension: &str, config: &[(&str, &str)]) -> Result<ExtensionView, ControlError> {
        let pairs = config.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let config = ExtensionConfig::new(pairs, None)?;
        self.engine.enable_extension(&self.switch, &ExtensionRef::new(extension)?, config)
    }

    /// Enables an extension in a process of its own.
    pub(crate) fn try_isolate(&self, extension: &str, config: &[(&str, &str)]) -> Result<ExtensionView, ControlError> {
        let pairs = config.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        // A busy machine is not what is tested here.
        let patience = Patience::new(Some(LateAfter::new(1_000)?), Some(KillAfter::new(20_000)?))?;
        let config = ExtensionConfig::new(pairs, None)?.isolated(Isolation::Process).with_patience(patience)?;
        self.engine.enable_extension(&self.switch, &ExtensionRef::new(extension)?, config)
    }

    /// The same with the usual patience: frames go on without it after 25 ms, and it is killed after a second.
    pub(crate) fn isolate_strictly(&self, extension: &str, config: &[(&str, &str)]) -> ExtensionView {
        let pairs = config.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let config = ExtensionConfig::new(pairs, None).unwrap().isolated(Isolation::Process);
        self.engine.enable_extension(&self.switch, &ExtensionRef::new(extension).unwrap(), config).unwrap()
    }

    pub(crate) fn isolate(&self, extension: &str, config: &[(&str, &str)]) -> ExtensionView {
        self.try_isolate(extension, config).unwrap()
    }

    pub(crate) fn enable(&self, extension: &str, config: &[(&str, &str)]) -> ExtensionView {
        self.try_enable(extension, config).unwrap()
    }

    pub(crate) fn disable(&self, id: &str) -> ExtensionView {
        self.engine.disable_extension(&self.switch, &ExtensionId::new(id).unwrap()).unwrap()
    }

    pub(crate) fn extension(&self, id: &str) -> ExtensionView {
        self.engine.extension(&self.switch, &ExtensionId::new(id).unwrap()).unwrap()
    }

    /// Drops by reason.
    pub(crate) fn drops(&self) -> Vec<(String, u64)> {
        self.engine.drops(&self.switch).unwrap().into_iter().map(|drop| (drop.reason, drop.count)).collect()
    }

    /// Waits until nothing is inside, and demands that the law holds exactly. With traffic at rest only.
    pub(crate) fn settled(&self) {
        wait_for("the switch to be empty", || self.engine.switch(&self.switch).unwrap().law.held == 0);
        let law = self.engine.switch(&self.switch).unwrap().law;
        assert_eq!(law.balance, 0, "{law:?}");
        assert_eq!(law.rx + law.originated + law.replicated, law.tx + law.dropped + law.consumed, "{law:?}");
    }

    /// Ports on one worker: adds and removes placeholders until the next port would be there.
    pub(crate) fn add_on_worker(&self, worker: u16, name: &str, change: &PortChange) -> MemoryEnd {
        for _ in 0..64 {
            if self.try_add(name, change).unwrap().worker == worker {
                return self.end(name);
            }
            self.remove(name);
        }
        panic!("no port was put on worker {worker}");
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        self.engine.shut_down();
    }
}

/// A port with an assigned address.
pub(crate) fn with_mac(mac: [u8; 6]) -> PortChange {
    PortChange { mac: Some(Some(MacAddress::from_octets(mac))), ..PortChange::default() }
}

/// A port that learns, with this many queues.
pub(crate) fn with_queues(queues: u64) -> PortChange {
    PortChange { queues: Some(QueueCount::new(queues).unwrap()), ..PortChange::default() }
}

/// A member of one VLAN.
pub(crate) fn access(vlan: u32) -> PortChange {
    let vlan = VlanChange::new(Some(VlanMode::Access), Some(Vid::new(vlan).unwrap()), None, None);
    PortChange { vlan, ..PortChange::default() }
}

/// A carrier of several VLANs, `native` untagged (0 = none).
pub(crate) fn trunk(allowed: &[u32], native: u32) -> PortChange {
    let mut set = VlanSet::empty();
    allowed.iter().for_each(|vid| set.insert(Vid::new(*vid).unwrap()));
    let native = (native != 0).then(|| Vid::new(native).unwrap());
    let vlan = VlanChange::new(Some(VlanMode::Trunk), None, Some(set), Some(native));
    PortChange { vlan, ..PortChange::default() }
}

/// Polls until `done`, or fails naming what it waited for.
pub(crate) fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} for {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The shared object of a package of this workspace, built as this test was built.
pub(crate) fn library(package: &str) -> PathBuf {
    let program = std::env::current_exe().unwrap();
    let folder = program.ancestors().nth(2).expect("target/PROFILE/deps/PROGRAM").to_path_buf();
    let profile = if folder.ends_with("debug") { "dev" } else { "release" };
    static BUILDING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = BUILDING.lock().unwrap_or_else(PoisonError::into_inner);
    let built = std::process::Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--profile", profile, "-p", package])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(built.status.success(), "{package}: {}", String::from_utf8_lossy(&built.stderr));
    folder.join(format!("lib{}.so", package.replace('-', "_")))
}

/// Notes what could not be tested, for the summary of `make test`.
pub(crate) fn leave_out(test: &str, why: &str) {
    println!("left out: {test}: {why}");
    if let Some(ledger) = std::env::var_os("HEDDLE_LEDGER") {
        let mut file = std::fs::OpenOptions::new().append(true).create(true).open(ledger).unwrap();
        writeln!(file, "engine, {test}: {why}").unwrap();
    }
}
