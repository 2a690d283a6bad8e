//! `heddle extension try`: an extension on a capture file, frame by frame.
//!
//! The switch is the offline one: the real loader, core and host table, a clock that is the file's, trunk ports that carry
//! every VLAN. Each source address is given a port when it is first seen, in turn. Frames are fed one at a time, so that
//! the fate of each is known; the cost is measured afterwards on a second switch with bursts of [`BURST`]. The extension
//! runs inside this process: one that crashes ends it.

mod outcome;

pub(in crate::cli) use outcome::Attempt;

use super::refused;
use crate::cli::args::vendor::TryArgs;
use crate::cli::{Answer, Failure};
use crate::control::error::ErrorClass;
use crate::control::model::{CaptureDirection, CapturedFrame};
use crate::loader::{self, Library};
use crate::offline::{InFrame, OfflineSetup, OfflineSwitch, Outcome, plain_port};
use crate::pcapng::{Interface, Writer};
use crate::ports::pcap::{Frame, ReadError, Reader};
use heddle_switch_core::port_id::PortId;
use heddle_switch_core::vlan::{VlanMode, VlanSet};
use outcome::{Fate, PortNames};
use std::collections::HashMap;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::sync::Arc;

/// Frames of one file, at most.
const FRAMES_MAX: u64 = 200_000;
/// Source addresses with a port of their own choosing; later ones come in by the first port.
const STATIONS_MAX: usize = 65_536;
/// Time between periodic calls.
const TICK_NS: u64 = 10_000_000;
/// Periodic calls between two frames, and after the last, at most: half a second.
const TICKS_MAX: u64 = 50;
/// Frames of a burst when the cost is measured.
const BURST: usize = 32;
/// Bursts measured; one in sixteen is timed.
const BURSTS: usize = 1_024;
/// Frames kept for measuring.
const SAMPLE_MAX: usize = 1_024;

pub(super) fn run(args: &TryArgs) -> Result<Answer, Failure> {
    let library = Arc::new(load(&args.file)?);
    let config: String = args.config.iter().map(|(key, value)| format!("{key}={value}\n")).collect();
    let mut reader = Reader::open(&args.pcap).map_err(|error| unreadable(&error))?;
    let mut bench = Bench::new(&library, &config, args)?;
    let mut output = args.write.as_deref().map(|path| Output::create(path, &args.pcap)).transpose()?;
    let mut frame = Frame::default();
    let mut sample = Vec::new();
    let mut attempt = Attempt::new(args, library.facts());
    loop {
        let more = reader.next_into(&mut frame).map_err(|error| unreadable(&error))?;
        if !more {
            break;
        }
        if attempt.frames == FRAMES_MAX {
            let message = format!("{} has more than {FRAMES_MAX} frames; cut it with `editcap`", args.pcap.display());
            return Err(Failure::new(ErrorClass::Limit, message));
        }
        for fate in bench.show(&frame, &mut output)? {
            attempt.add(fate);
        }
        if sample.len() < SAMPLE_MAX {
            sample.push(frame.bytes.clone());
        }
    }
    for fate in bench.run_out(&mut output)? {
        attempt.add(fate);
    }
    if let Some(output) = output {
        output.finish()?;
    }
    attempt.take_facts(&bench.switch, bench.extension);
    let mut measured = Bench::new(&library, &config, args)?;
    attempt.cost = measured.cost(&sample);
    let answer = Answer::new(attempt.text(), &attempt)?;
    Ok(answer.failing(attempt.failure()))
}

fn unreadable(error: &ReadError) -> Failure {
    let class = match error {
        ReadError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => ErrorClass::NotFound,
        ReadError::Io { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied => ErrorClass::Permission,
        _ => ErrorClass::Refused,
    };
    Failure::new(class, error.to_string())
}

/// Judges, copies and opens the library. The copy is removed; what is mapped stays until this process ends.
fn load(path: &Path) -> Result<Library, Failure> {
    super::read_library(path)?;
    let copies = std::env::temp_dir().join(format!("heddle-try-{}", std::process::id()));
    // Only ours: a directory that somebody else made is refused.
    std::fs::DirBuilder::new().create(&copies).map_err(|error| Failure::file("make", &copies, &error))?;
    let library = loader::load(path, &copies);
    let _ = std::fs::remove_dir_all(&copies);
    library.map_err(|error| refused(path, &error))
}

/// An offline switch with the extension on it.
struct Bench {
    switch: OfflineSwitch,
    extension: u32,
    ports: Vec<PortId>,
    names: PortNames,
    stations: HashMap<[u8; 6], usize>,
    frames: u64,
    /// Virtual time of the next periodic call.
    next_tick: u64,
    /// Of the file's first frame, in the file's and in virtual time.
    start: Option<(i128, u64)>,
}

impl Bench {
    fn new(library: &Arc<Library>, config: &str, args: &TryArgs) -> Result<Self, Failure> {
        let failed = |reason: &dyn std::fmt::Display| refused(&args.file, reason);
        let setup =
            OfflineSetup { name: "try".to_owned(), measured: true, debug: args.debug, ..OfflineSetup::default() };
        let mut switch = OfflineSwitch::new(setup).map_err(|error| failed(&error))?;
        let mut ports = Vec::new();
        let mut names = PortNames::default();
        for number in 1..=args.ports {
            let mut spec = plain_port(&format!("port{number}"));
            spec.vlan = VlanMode::Trunk { native: 0, allowed: VlanSet::all() };
            spec.mtu = 9_216;
            let name = spec.name.clone();
            let port = switch.add_port(spec).map_err(|error| failed(&error))?;
            names.add(port, name);
            ports.push(port);
        }
        let extension = switch.enable(library, config).map_err(|error| failed(&error))?;
        let next_tick = switch.now_ns() + TICK_NS;
        let stations = HashMap::new();
        Ok(Self { switch, extension, ports, names, stations, frames: 0, next_tick, start: None })
    }

    /// The port a frame comes in by.
    fn port_of(&mut self, bytes: &[u8]) -> PortId {
        let mut station = [0; 6];
        if let Some(source) = bytes.get(6..12) {
            station.copy_from_slice(source);
        }
        let next = self.stations.len() % self.ports.len().max(1);
        let full = self.stations.len() >= STATIONS_MAX;
        let at = match self.stations.get(&station) {
            Some(at) => *at,
            None if full => 0,
            None => *self.stations.entry(station).or_insert(next),
        };
        self.ports.get(at).copied().unwrap_or(PortId::NONE)
    }

    /// Virtual time of a frame; the clock never goes back.
    fn time_of(&mut self, frame: &Frame) -> u64 {
        let now = self.switch.now_ns();
        let time = frame.time.unwrap_or_default();
        let (first, began) = *self.start.get_or_insert((time, now));
        let since = u64::try_from(time.saturating_sub(first)).unwrap_or(0);
        began.saturating_add(since).max(now)
    }

    /// Shows one frame, after the periodic calls due before it.
    fn show(&mut self, frame: &Frame, output: &mut Option<Output>) -> Result<Vec<Fate>, Failure> {
        let mut fates = Vec::new();
        let now = self.time_of(frame);
        self.tick_until(now, &mut fates, output)?;
        let port = self.port_of(&frame.bytes);
        let seen = self.switch.feed(now, 0, port, &[InFrame::from(frame.bytes.as_slice())]);
        self.frames += 1;
        self.write(&seen, now, output)?;
        fates.push(Fate::of_frame(self.frames, self.since_start(now), port, frame, &seen, &self.names));
        Ok(fates)
    }

    fn since_start(&self, now: u64) -> u64 {
        now - self.start.map_or(now, |(_, began)| began)
    }

    fn tick_until(&mut self, until: u64, fates: &mut Vec<Fate>, output: &mut Option<Output>) -> Result<(), Failure> {
        for _ in 0..TICKS_MAX {
            if self.next_tick > until {
                return Ok(());
            }
            let now = self.next_tick;
            self.tick(now, fates, output)?;
        }
        // The rest of a long pause passes without calls.
        self.next_tick = self.next_tick.max(until);
        Ok(())
    }

    fn tick(&mut self, now: u64, fates: &mut Vec<Fate>, output: &mut Option<Output>) -> Result<(), Failure> {
        self.next_tick = now + TICK_NS;
        let seen = self.switch.tick(now);
        self.write(&seen, now, output)?;
        fates.extend(Fate::of_tick(self.since_start(now), &seen, &self.names));
        Ok(())
    }

    /// Half a second more, so that what is held may come out.
    fn run_out(&mut self, output: &mut Option<Output>) -> Result<Vec<Fate>, Failure> {
        let mut fates = Vec::new();
        for _ in 0..TICKS_MAX {
            let now = self.next_tick.max(self.switch.now_ns());
            self.tick(now, &mut fates, output)?;
        }
        Ok(fates)
    }

    fn write(&self, seen: &Outcome, now: u64, output: &mut Option<Output>) -> Result<(), Failure> {
        let Some(output) = output else { return Ok(()) };
        let time = self.start.map_or(0, |(first, began)| {
            u64::try_from(first.saturating_add(i128::from(now.saturating_sub(began)))).unwrap_or(0)
        });
        for delivery in &seen.deliveries {
            output.frame(outcome::wire_bytes(delivery), CaptureDirection::Egress, time, None)?;
        }
        for drop in &seen.drops {
            let reason = format!("{}: {}", drop.reason, drop.text);
            output.frame(drop.header.clone(), CaptureDirection::Ingress, time, Some(reason))?;
        }
        Ok(())
    }

    /// Cycles a packet on each leg, over bursts of the sample.
    fn cost(&mut self, sample: &[Vec<u8>]) -> [Option<f64>; 2] {
        if sample.is_empty() {
            return [None, None];
        }
        let mut frames = sample.iter().cycle();
        let mut now = self.switch.now_ns();
        for _ in 0..BURSTS {
            now += 100_000;
            let burst: Vec<InFrame> =
                frames.by_ref().take(BURST).map(|bytes| InFrame::from(bytes.as_slice())).collect();
            let port = self.port_of(burst.first().map_or(&[][..], |frame| frame.bytes.as_slice()));
            self.switch.feed(now, 0, port, &burst);
            // One in sixteen steps of the worker is timed: an odd number of steps a burst meets every phase.
            self.switch.collect();
            if now >= self.next_tick {
                self.next_tick = now + TICK_NS;
                self.switch.tick(now);
            }
        }
        self.switch.stage_counters(self.extension).cost.map(|cost| {
            #[expect(
                clippy::cast_precision_loss,
                reason = "a mean of at most some thousand cycles, shown with one digit"
            )]
            let mean = cost.ticks as f64 / cost.packets as f64;
            (cost.packets > 0).then_some((mean * 10.0).round() / 10.0)
        })
    }
}

/// The file of `-w`.
struct Output {
    path: std::path::PathBuf,
    writer: Writer<BufWriter<File>>,
    frames: u64,
}

impl Output {
    fn create(path: &Path, from: &Path) -> Result<Self, Failure> {
        let file = File::create(path).map_err(|error| Failure::file("write", path, &error))?;
        let interface = Interface {
            name: "try".to_owned(),
            description: format!("what became of {}", from.display()),
            snap_length: 0,
            comment: None,
        };
        let writer =
            Writer::new(BufWriter::new(file), &interface).map_err(|error| Failure::file("write", path, &error))?;
        Ok(Self { path: path.to_owned(), writer, frames: 0 })
    }

    fn frame(
        &mut self,
        bytes: Vec<u8>,
        direction: CaptureDirection,
        unix_nanoseconds: u64,
        drop_reason: Option<String>,
    ) -> Result<(), Failure> {
        let original_length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let frame = CapturedFrame {
            unix_nanoseconds,
            direction,
            original_length,
            bytes,
            drop_reason: drop_reason.map(Into::into),
        };
        self.frames += 1;
        self.writer.frame(&frame).map_err(|error| Failure::file("write", &self.path, &error))
    }

    fn finish(mut self) -> Result<(), Failure> {
        self.writer.finish(self.frames, 0).map_err(|error| Failure::file("write", &self.path, &error))
    }
}
