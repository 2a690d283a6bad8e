//! What cases drive: a switch with ports and the extension under test, and traffic that a seed repeats.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use heddle_extension_api::abi::meta::MAGIC;
use heddle_host::loader::isolation::child::Confined;
use heddle_host::loader::library::Judged;
use heddle_host::loader::{self, ExtensionFacts, Hosted, Library, LoadError};
use heddle_host::offline::{Delivery, InFrame, OfflineError, OfflineSetup, OfflineSwitch, Outcome, plain_port};
use heddle_switch_core::port_id::PortId;

use crate::board;
use crate::frames;
use crate::proxy;
use crate::random::Random;

/// One millisecond.
pub(crate) const MS: u64 = 1_000_000;

/// Where the extension runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Isolation {
    /// In the process of the switch.
    None,
    /// In a process of its own, confined as a switch confines it.
    Process,
}

impl Isolation {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Isolation::None => "none",
            Isolation::Process => "process",
        }
    }
}

/// The extension under test.
pub(crate) struct Subject {
    /// Where it was read; for messages.
    pub(crate) path: PathBuf,
    /// Its bytes, read once: what is judged is what was hashed.
    pub(crate) file: Arc<Vec<u8>>,
    /// Where private copies go.
    pub(crate) run_dir: PathBuf,
    /// Configuration it is given.
    pub(crate) config: String,
    /// Seed of all randomness.
    pub(crate) seed: u64,
    /// Where it runs.
    pub(crate) isolation: Isolation,
    /// As it was loaded; `None` in cases about loading, and when it runs in another process.
    pub(crate) library: Option<Library>,
    /// The file for a process of its own.
    pub(crate) judged: Option<Judged>,
    /// This process, when it was confined.
    pub(crate) confined: Option<Confined>,
}

impl Subject {
    /// As it was loaded.
    pub(crate) fn library(&self) -> &Library {
        self.library.as_ref().unwrap_or_else(|| unreachable!("cases behind the level loads have a library"))
    }

    /// What its metadata say.
    pub(crate) fn facts(&self) -> Result<ExtensionFacts, String> {
        loader::judge(&self.file).map_err(|error| error.to_string())
    }

    /// Lowest minor of a host that the file asks for; 0 when it does not say.
    pub(crate) fn min_host_minor(&self) -> u16 {
        let Some(at) = self.file.windows(MAGIC.len()).position(|window| window == MAGIC) else { return 0 };
        self.file.get(at + 16..at + 18).map_or(0, |bytes| u16::from_le_bytes([bytes[0], bytes[1]]))
    }

    /// Opens the file in this process.
    pub(crate) fn open(&self) -> Result<Library, LoadError> {
        match &self.confined {
            Some(confined) => confined.open(),
            None => loader::load_bytes(&self.path, self.file.to_vec(), &self.run_dir),
        }
    }

    /// Makes ready for a case: confines this process, opens the file, or shares the board with a child to come.
    pub(crate) fn prepare(&mut self, beside: bool, opens: bool) -> Result<(), String> {
        if self.isolation == Isolation::Process {
            // A file that cannot be judged is not opened either: the cases about loading say why.
            let judged = Judged::of(&self.path, self.file.to_vec()).ok();
            if !beside {
                board::share().map_err(|error| format!("no memory to share with a child: {error}"))?;
                self.judged = judged;
                return Ok(());
            }
            self.confined = judged.map(|judged| Confined::enter(&judged)).transpose()?;
        }
        if opens {
            proxy::opening();
            self.library = Some(self.open().map_err(|error| format!("it does not load: {error}"))?);
        }
        Ok(())
    }
}

/// First parts of a switch's name.
const NAMES: [&str; 6] = ["lan", "switch", "br", "tenant-", "lab", "uplink"];

/// A switch with the extension.
pub(crate) struct Rig {
    pub(crate) switch: OfflineSwitch,
    pub(crate) ports: Vec<PortId>,
    pub(crate) extension: u32,
    library: Option<Arc<Library>>,
    pub(crate) random: Random,
    pub(crate) now: u64,
    pub(crate) workers: u16,
    number: u32,
    /// Deliveries by port and flow, in order.
    pub(crate) arrived: BTreeMap<(usize, u16), Vec<u32>>,
    pub(crate) drops: Vec<String>,
    pub(crate) held: u64,
}

impl Rig {
    /// A switch with `ports` ports, each with its NIC, on which the extension is enabled.
    pub(crate) fn new(subject: &Subject, ports: u8, workers: u16) -> Result<Rig, String> {
        let mut rig = Rig::without(subject, ports, workers)?;
        rig.enable(subject).map_err(|error| error.to_string())?;
        Ok(rig)
    }

    /// The same before the extension is enabled.
    pub(crate) fn without(subject: &Subject, ports: u8, workers: u16) -> Result<Rig, String> {
        let setup = OfflineSetup {
            // No extension is to know where it is judged.
            name: format!("{}{}", NAMES[usize::try_from(subject.seed % 6).unwrap_or(0)], subject.seed / 7 % 100),
            kind: heddle_switch_core::switch::SwitchKind::Private,
            workers,
            buffers: if workers > 4 { [64, 4, 2] } else { [640, 12, 8] },
            fdb: heddle_switch_core::fdb::FdbLimits { max_entries: 1_024, max_per_port: 512 },
            seed: subject.seed,
            ..OfflineSetup::default()
        };
        let mut switch = OfflineSwitch::new(setup).map_err(|error| error.to_string())?;
        let mut ids = Vec::new();
        for number in 1..=ports {
            let spec = heddle_switch_core::switch::PortSpec { mtu: 9_000, ..plain_port(&format!("vm{number}")) };
            ids.push(switch.add_port(spec).map_err(|error| error.to_string())?);
        }
        Ok(Rig {
            switch,
            ports: ids,
            extension: 0,
            library: subject.library.as_ref().map(|library| Arc::new(proxy::library(library))),
            random: Random::new(subject.seed),
            now: 1_000 * MS,
            workers,
            number: 0,
            arrived: BTreeMap::new(),
            drops: Vec::new(),
            held: 0,
        })
    }

    /// Enables the extension.
    pub(crate) fn enable(&mut self, subject: &Subject) -> Result<(), OfflineError> {
        self.extension = self.enable_with(subject, &subject.config)?;
        Ok(())
    }

    /// Enables it with another configuration.
    pub(crate) fn enable_with(&mut self, subject: &Subject, config: &str) -> Result<u32, OfflineError> {
        match (&subject.judged, &self.library) {
            (Some(judged), _) => self.switch.enable_isolated(judged, config),
            (None, Some(library)) => self.switch.enable(&Arc::clone(library), config),
            (None, None) => unreachable!("a case that enables it has its file or its library"),
        }
    }

    /// Has it called directly, by nothing that watches.
    pub(crate) fn call_directly(&mut self, subject: &Subject) {
        let library = subject.library();
        self.library = Some(Arc::new(library.through(*library.entry())));
    }

    /// Lets time go by.
    pub(crate) fn wait(&mut self, ns: u64) {
        self.now += ns;
    }

    /// Feeds frames on the worker of their flow.
    pub(crate) fn feed(&mut self, port: usize, worker: u16, frames: &[InFrame]) -> Vec<Delivery> {
        self.wait(1_000);
        let port = self.ports[port % self.ports.len()];
        let outcome = self.switch.feed(self.now, worker % self.workers, port, frames);
        self.note(outcome)
    }

    /// One period of 10 ms.
    pub(crate) fn tick(&mut self) -> Vec<Delivery> {
        self.wait(10 * MS);
        let outcome = self.switch.tick(self.now);
        self.note(outcome)
    }

    /// Notes that the extension's process is gone.
    fn look_after(&self) {
        let hosted = self.switch.extension(self.extension).map(|one| one.instance());
        if let Some(why) = hosted.filter(|hosted| hosted.has_panicked()).and_then(Hosted::failure) {
            board::board().note_gone(&why);
        }
    }

    fn note(&mut self, outcome: Outcome) -> Vec<Delivery> {
        self.look_after();
        assert!(outcome.imbalance == 0, "the switch lost count of {} frames", outcome.imbalance);
        for delivery in &outcome.deliveries {
            if let Some((flow, number)) = frames::mark(&delivery.bytes) {
                self.arrived.entry((delivery.slot, flow)).or_default().push(number);
            }
        }
        self.drops.extend(outcome.drops.into_iter().map(|drop| drop.reason));
        self.held = outcome.held;
        outcome.deliveries
    }

    /// Ordinary frames of one flow.
    pub(crate) fn ordinary(&mut self, port: usize, count: usize) -> Vec<InFrame> {
        let ports = u8::try_from(self.ports.len()).unwrap_or(u8::MAX);
        let port = port % self.ports.len();
        let from = u8::try_from(port + 1).unwrap_or(u8::MAX);
        let flow = u16::from(from);
        (0..count)
            .map(|_| {
                self.number += 1;
                frames::ordinary(&mut self.random, from, ports, flow, self.number)
            })
            .collect()
    }

    /// Bursts of ordinary frames from random ports, a worker for each port.
    pub(crate) fn bursts(&mut self, bursts: usize, most: usize) {
        for _ in 0..bursts {
            let port = self.random.below(self.ports.len());
            let count = 1 + self.random.below(most);
            let frames = self.ordinary(port, count);
            self.feed(port, u16::try_from(port).unwrap_or(0), &frames);
            if self.random.one_in(3) {
                self.tick();
            }
        }
    }

    /// Everyday traffic, and then a quarter of a second of silence.
    pub(crate) fn everyday(&mut self) {
        self.bursts(16, 16);
        (0..25).for_each(|_| drop(self.tick()));
    }

    /// The same frame from every port.
    pub(crate) fn everywhere(&mut self, frame: impl Fn(u8, u8) -> InFrame) {
        for port in 0..self.ports.len() {
            let from = u8::try_from(port + 1).unwrap_or(1);
            let to = u8::try_from((port + 1) % self.ports.len() + 1).unwrap_or(1);
            self.feed(port, u16::from(from) - 1, &[frame(to, from)]);
        }
        self.tick();
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.look_after();
    }
}
