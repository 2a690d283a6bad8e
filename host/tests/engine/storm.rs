//! Thousands of injected panics: what they cost others (nothing), and whether each frame went where the policy says.
//!
//! A seeded random choice of where the extension panics, of the frames beside the one that sets it off, and of what ends
//! it: an operator, the host's own restart, or quarantine. Numbered traffic on two other ports runs all the while. The
//! oracle knows of each frame whether it must arrive, must not, or may have been in the call that failed; drops are counted to the
//! frame. HEDDLE_STORM is the number of panics (300 when it is not set), HEDDLE_SEED the seed.

use std::process::Command;

use super::lab::{Lab, library, wait_for, with_mac};
use super::traffic::{Running, Traffic, mac, numbered};
use super::volatile::{MOOD, VOLATILE, WORDS, WRITTEN};
use heddle_host::control::model::{
    ExtensionId, FailPolicy, PolicyChange, PolicyKey, PolicySpec, PortChange, QuarantineCause,
};
use heddle_host::control::plane::ControlPlane;
use heddle_host::ports::memory::MemoryEnd;
use heddle_switch_core::offload::Offload;

/// What the test is called in its own process: memory and descriptors are those of nobody else.
const ALONE: &str = "HEDDLE_STORM_ALONE";
/// Panics when HEDDLE_STORM does not say.
const SHORT: u64 = 300;
/// Panics after which memory, descriptors and threads are not to grow.
const WARM_UP: u64 = 100;
/// Memory that a run may take beyond its warm-up, whatever its length, and for each panic: an instance that is left half-way
/// does not give back all it had.
const GROWTH_MAX: usize = 4 << 20;
const GROWTH_PER_PANIC: usize = 1 << 10;

/// Where it panics.
const PLACES: [&str; 11] = [
    "ingress",
    "ingress",
    "egress",
    "event",
    "tick",
    "worker_tick",
    "property",
    "create",
    "worker_init",
    "destroy",
    "worker_fini",
];

/// Numbers from a seed (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from((self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % limit as u64).unwrap()
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }
}

/// What must become of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Arrives,
    Dropped,
    /// It may have been in the call that failed, or before it.
    Either,
}

/// Ends of ports by policy; `closed` ones lose what a failing extension was to judge.
struct Ports {
    open: MemoryEnd,
    closed: MemoryEnd,
    /// Where frames go: to [`TO_OPEN`], [`TO_CLOSED`] and [`PLAIN`].
    sinks: [([u8; 6], MemoryEnd); 3],
}

const TO_OPEN: [u8; 6] = [0xee, 0, 0, 0, 0, 1];
const TO_CLOSED: [u8; 6] = [0xee, 0, 0, 0, 0, 2];
/// Frames for it set nothing off, and it fails open.
const PLAIN: [u8; 6] = [2, 0, 0, 9, 0, 1];

struct Storm {
    lab: Lab,
    ports: Ports,
    random: Random,
    number: u64,
    /// Frames that were dropped so far, and panics.
    dropped: u64,
    panics: u64,
}

fn figure(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().filter(|text| !text.is_empty()).map_or(otherwise, |text| text.parse().unwrap())
}

impl Storm {
    fn new(seed: u64) -> (Storm, Running) {
        let lab = Lab::new(2);
        let closed = |mac| PortChange { fail_policy: Some(FailPolicy::Closed), ..with_mac(mac) };
        let ports = Ports {
            open: lab.add("open", &with_mac(mac(9, 2))),
            closed: lab.add("closed", &closed(mac(9, 3))),
            sinks: [
                (TO_OPEN, lab.add("to-open", &with_mac(TO_OPEN))),
                (TO_CLOSED, lab.add("to-closed", &closed(TO_CLOSED))),
                (PLAIN, lab.add("plain", &with_mac(PLAIN))),
            ],
        };
        let bystanders = vec![lab.add("a", &with_mac(mac(1, 1))), lab.add("b", &with_mac(mac(2, 1)))];
        // Above and below it in the stack: they are never taken out.
        lab.enable(super::specimens::COUNTED, &[]);
        lab.enable(VOLATILE, &[]);
        lab.enable(library("heddle-passthrough").to_str().unwrap(), &[]);
        let running = Traffic::new(bystanders)
            .window(400)
            .flow((0, mac(1, 1)), (1, mac(2, 1)), 60)
            .flow((1, mac(2, 1)), (0, mac(1, 1)), 1_500)
            .start(10_000);
        (Storm { lab, ports, random: Random(seed | 1), number: 0, dropped: 0, panics: 0 }, running)
    }

    fn counted_drops(&self) -> u64 {
        let drops = self.lab.drops();
        assert!(drops.iter().all(|(reason, _)| reason == "extension-panic"), "{drops:?}");
        drops.first().map_or(0, |(_, count)| *count)
    }

    /// Sends frames one behind the other, and judges each.
    fn volley(&mut self, what: &str, frames: &[(bool, [u8; 6], u32, Fate)]) {
        let mut waiting: Vec<(Vec<u8>, Fate)> = Vec::new();
        for (from_open, to, flow, fate) in frames {
            self.number += 1;
            let from = if *from_open { mac(9, 2) } else { mac(9, 3) };
            let bytes = numbered(from, *to, *flow, self.number, 60);
            let end = if *from_open { &mut self.ports.open } else { &mut self.ports.closed };
            end.send(&bytes, None, &Offload::default()).unwrap();
            waiting.push((bytes, *fate));
        }
        let before = self.dropped;
        wait_for("the fate of each frame", || {
            for (station, end) in &mut self.ports.sinks {
                while let Some(frame) = end.receive() {
                    let is_it = |(bytes, _): &(Vec<u8>, Fate)| *bytes == frame.bytes && bytes.starts_with(station);
                    let at = waiting.iter().position(is_it);
                    let at = at.unwrap_or_else(|| panic!("{what}: a frame arrived twice or astray"));
                    assert_ne!(waiting.remove(at).1, Fate::Dropped, "{what}: a frame of the failed call arrived");
                }
            }
            let drops = self.counted_drops();
            self.dropped = drops;
            drops - before == waiting.len() as u64
        });
        let lost = waiting.iter().filter(|(_, fate)| *fate == Fate::Arrives).count();
        assert_eq!(lost, 0, "{what}: frames that fail open were dropped");
    }

    /// What is beside a frame that sets it off: (from the open port, to, flow, fate).
    fn beside(&mut self, egress: bool) -> (bool, [u8; 6], u32, Fate) {
        let (open, written) = (self.random.below(2) == 0, self.random.below(2) == 0);
        let fate = if egress || (open && !written) { Fate::Arrives } else { Fate::Either };
        // On egress nothing is writable, and the port they leave by fails open; one that is too late fails by its source.
        let fate = if egress && !open { Fate::Either } else { fate };
        (open, PLAIN, if written { WRITTEN } else { 0 }, fate)
    }

    /// Sets it off on the data path.
    fn set_off(&mut self, place: &str) {
        let egress = place == "egress";
        let mut frames: Vec<_> = (0..self.random.below(6)).map(|_| self.beside(egress)).collect();
        let (open, written, to_open) =
            (self.random.below(2) == 0, self.random.below(2) == 0, self.random.below(2) == 0);
        // One that fails on ingress may fail on egress too, under the policy of the port it leaves by.
        let arrives = if egress { to_open } else { open && !written && to_open };
        // From the closed port it would meet the egress leg only.
        let fate = if arrives { Fate::Arrives } else { Fate::Dropped };
        let (to, flow) = (if to_open { TO_OPEN } else { TO_CLOSED }, if written { WRITTEN } else { 0 });
        let at = self.random.below(frames.len() + 1);
        // Those behind it may meet the extension when it fails already.
        if egress {
            frames.iter_mut().filter(|(open, ..)| !open).for_each(|frame| frame.3 = Fate::Either);
        }
        frames.insert(at, (open, to, flow, fate));
        self.volley(place, &frames);
    }

    /// Has it panic once at `place`, while it runs.
    fn panic_at(&mut self, place: &str) {
        self.panics += 1;
        match place {
            "ingress" | "egress" => self.set_off(place),
            "event" => {
                let name = format!("trigger{}", self.panics);
                // A port it does not answer for may be refused.
                if self.lab.try_add(&name, &PortChange::default()).is_ok() {
                    drop(self.lab.end(&name));
                    self.lab.remove(&name);
                }
            }
            "property" => {
                let key = PolicyKey::new(MOOD, None, None).unwrap();
                let spec = PolicySpec::new(key.clone(), vec![("level".to_owned(), "2".to_owned())]).unwrap();
                if self.lab.engine.change_policy(&self.lab.switch, &PolicyChange::Add(spec)).is_ok() {
                    self.lab.engine.change_policy(&self.lab.switch, &PolicyChange::Remove(key)).unwrap();
                }
            }
            _ => wait_for("the panic", || self.lab.extension(VOLATILE).last_error.is_some()),
        }
    }

    /// What was dropped since it was enabled last is counted under its name, whether it runs or not.
    fn is_named(&self, before: u64) {
        wait_for("its drops to be counted under its name", || {
            let loads = self.lab.engine.loads(&self.lab.switch).unwrap();
            let own = loads.iter().find(|load| load.id == VOLATILE).unwrap();
            own.dropped == self.dropped - before
        });
    }

    /// While it fails, ports that fail open lose nothing and others pass nothing.
    fn fails(&mut self, place: &str) {
        let what = format!("after {place}");
        self.volley(
            &what,
            &[
                (true, PLAIN, WRITTEN, Fate::Arrives),
                (false, PLAIN, 0, Fate::Dropped),
                (true, TO_CLOSED, 0, Fate::Dropped),
                (true, TO_OPEN, 0, Fate::Arrives),
            ],
        );
    }

    fn works(&mut self, what: &str) {
        let frames = [(true, PLAIN, WRITTEN, Fate::Arrives), (false, PLAIN, WRITTEN, Fate::Arrives)];
        self.volley(what, &frames);
    }

    /// One panic and its end by an operator.
    fn round(&mut self) {
        let place = self.random.one(&PLACES);
        self.lab.disable(VOLATILE);
        match place {
            "create" | "worker_init" => {
                self.panics += 1;
                let refused = self.lab.try_enable(VOLATILE, &[("at", place)]).unwrap_err().to_string();
                assert!(refused.contains(&format!("it panicked in {place}")), "{refused}");
            }
            "destroy" | "worker_fini" => {
                self.panics += 1;
                self.lab.enable(VOLATILE, &[("at", place)]);
                self.lab.disable(VOLATILE);
            }
            _ => {
                self.lab.enable(VOLATILE, &[("at", place)]);
                let before = self.dropped;
                self.panic_at(place);
                self.fails(place);
                self.is_named(before);
                self.lab.disable(VOLATILE);
            }
        }
        self.lab.enable(VOLATILE, &[]);
        if self.random.below(8) == 0 {
            self.works("made anew by an operator");
        }
    }

    /// The host makes it anew by itself, until there were too many.
    fn quarantine(&mut self) {
        self.lab.disable(VOLATILE);
        self.lab.enable(VOLATILE, &[("at", "ingress")]);
        let before = self.dropped;
        for nth in 1..=3 {
            self.works("it runs");
            self.panic_at("ingress");
            self.fails("ingress");
            wait_for("it to be taken out", || !self.lab.extension(VOLATILE).running);
            self.fails("being taken out");
            if nth < 3 {
                wait_for("it to be made anew", || self.lab.extension(VOLATILE).running);
            }
        }
        let view = self.lab.extension(VOLATILE);
        let quarantine = view.quarantine.unwrap();
        let told = (quarantine.cause, quarantine.reason.as_str());
        assert_eq!(told, (QuarantineCause::Panics, "it panicked 3 times within 60 s"));
        self.is_named(before);
        assert!(view.enabled && view.last_error.unwrap().contains(&quarantine.reason));
        self.lab.engine.clear_quarantine(&self.lab.switch, &ExtensionId::new(VOLATILE).unwrap()).unwrap();
        let view = self.lab.extension(VOLATILE);
        assert_eq!((view.running, view.quarantine, view.last_error), (true, None, None));
        self.works("made anew after quarantine");
        // Its count begins anew, too.
        self.panic_at("ingress");
        wait_for("it to be taken out", || !self.lab.extension(VOLATILE).running);
        assert_eq!(self.lab.extension(VOLATILE).quarantine, None);
        self.fails("being taken out");
    }
}

/// Pages in use, open descriptors and threads of this process.
fn footprint() -> (usize, usize, usize) {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = pages.split_ascii_whitespace().nth(1).unwrap().parse().unwrap();
    let count = |folder: &str| std::fs::read_dir(folder).unwrap().count();
    (pages * 4096, count("/proc/self/fd"), count("/proc/self/task"))
}

fn storm(panics: u64, seed: u64) {
    let before = std::panic::take_hook();
    // Its panics are the test; a stack of each would take most of the time.
    std::panic::set_hook(Box::new(move |info| {
        if !info.payload().downcast_ref::<String>().is_some_and(|text| text.contains(WORDS)) {
            before(info);
        }
    }));
    let (mut storm, running) = Storm::new(seed);
    storm.quarantine();
    let created = super::specimens::CREATED.load(std::sync::atomic::Ordering::SeqCst);
    let mut warm = None;
    while storm.panics < panics {
        storm.round();
        if warm.is_none() && storm.panics >= WARM_UP {
            warm = Some(footprint());
        }
        if storm.panics.is_multiple_of(500) {
            storm.quarantine();
        }
    }
    let (warm, now) = (warm.unwrap(), footprint());
    let (verdict, _ends) = running.finish();
    println!(
        "{} panics (seed {seed}): {} frames of others, all arrived; {} frames dropped under the fail policy; memory {} KiB \
         after {WARM_UP} panics and {} KiB now, descriptors {} and {}, threads {} and {}",
        storm.panics,
        verdict.arrived,
        storm.dropped,
        warm.0 >> 10,
        now.0 >> 10,
        warm.1,
        now.1,
        warm.2,
        now.2
    );
    verdict.assert_perfect("traffic of others");
    let most = GROWTH_MAX + usize::try_from(storm.panics).unwrap() * GROWTH_PER_PANIC;
    assert!(now.0 < warm.0 + most, "memory grew from {} to {} bytes", warm.0, now.0);
    assert_eq!((now.1, now.2), (warm.1, warm.2), "descriptors and threads");
    assert_eq!(super::specimens::CREATED.load(std::sync::atomic::Ordering::SeqCst), created, "others are left alone");
    let law = storm.lab.engine.switch(&storm.lab.switch).unwrap().law;
    assert_eq!(law.dropped, storm.dropped, "{law:?}");
    storm.lab.settled();
}

#[test]
fn injected_panics_cost_others_nothing_and_each_frame_follows_its_policy() {
    let name = "storm::injected_panics_cost_others_nothing_and_each_frame_follows_its_policy";
    if std::env::var_os(ALONE).is_some() {
        return storm(figure("HEDDLE_STORM", SHORT), figure("HEDDLE_SEED", 1));
    }
    let mut again = Command::new(std::env::current_exe().unwrap());
    let ended = again.args(["--exact", name, "--nocapture"]).env(ALONE, "1").env("RUST_BACKTRACE", "0").status();
    assert!(ended.unwrap().success(), "the reason is above");
}
