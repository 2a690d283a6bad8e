//! What became of each frame, for people and for programs.

use crate::cli::Failure;
use crate::cli::args::vendor::TryArgs;
use crate::cli::render;
use crate::control::error::ErrorClass;
use crate::loader::{ExtensionFacts, Finding};
use crate::offline::{Delivery, OfflineSwitch, Outcome};
use crate::ports::pcap::Frame;
use heddle_switch_core::port_id::PortId;
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt::Write as _;
use std::path::PathBuf;

/// What became of the frames of a file.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct Attempt {
    /// The library.
    file: PathBuf,
    /// Identifier of the extension.
    id: String,
    /// Its role.
    role: String,
    /// Where the frames came from.
    pcap: PathBuf,
    /// Frames shown.
    pub(super) frames: u64,
    /// Frames that were delivered to at least one port at once.
    delivered: u64,
    /// Frames that came out with other bytes somewhere.
    changed: u64,
    /// Frames of which nothing but drops came.
    dropped: u64,
    /// Frames the extension still holds at the end.
    held: u64,
    /// Frames the extension originated or cloned.
    originated: u64,
    /// Calls of the extension that failed: a panic, or a failure as answer.
    failures: u64,
    /// Rules of its role that it broke.
    violations: u64,
    /// What the debug mode found; null without it.
    findings: Option<Vec<FindingFact>>,
    /// Processor cycles of the extension for a packet, on ingress and on egress, in bursts of 32; null where it has no part.
    pub(super) cost: [Option<f64>; 2],
    /// Its counters.
    counters: Vec<CounterValue>,
    /// Its log.
    log: Vec<String>,
    /// Each frame in the order of the file, and what periodic calls brought between them.
    fates: Vec<Fate>,
}

/// What the debug mode found.
#[derive(Debug, Serialize, JsonSchema)]
struct FindingFact {
    /// The rule that was broken.
    rule: String,
    /// What was done, and where.
    text: String,
    /// The port of the frame it is about.
    port: Option<String>,
    /// First byte, counted from the first byte of what was lent; negative in front of it.
    offset: Option<i64>,
    /// The function of the extension that was called.
    function: String,
    /// Who did it, innermost first, as module and offset for `addr2line`; empty when it was noticed after the call.
    stack: Vec<String>,
    /// All of it in one line.
    line: String,
}

impl FindingFact {
    fn of(finding: Finding) -> FindingFact {
        let line = finding.line();
        let Finding { rule, function, text, port, offset, stack } = finding;
        FindingFact { rule: rule.name().to_owned(), text, port, offset, function: function.to_owned(), stack, line }
    }
}

/// A counter of the extension.
#[derive(Debug, Serialize, JsonSchema)]
struct CounterValue {
    /// Its name.
    name: String,
    /// What it counts.
    unit: String,
    /// Its value.
    value: u64,
}

/// What became of a frame, or what a periodic call brought.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct Fate {
    /// Number of the frame in the file, from 1; null for a periodic call.
    frame: Option<u64>,
    /// Nanoseconds since the first frame.
    nanoseconds: u64,
    /// The port it came in by; null for a periodic call.
    port: Option<String>,
    /// Its length.
    bytes: usize,
    /// The ports it was delivered to.
    to: Vec<String>,
    /// Whether it was delivered with other bytes than it came with.
    changed: bool,
    /// Why it, or deliveries of it, were dropped.
    drops: Vec<DropFact>,
    /// Frames more that are held now than before.
    held: i64,
    /// Frames the extension originated meanwhile.
    originated: u64,
}

/// Why something was dropped.
#[derive(Debug, Serialize, JsonSchema)]
struct DropFact {
    /// Name of the reason.
    reason: String,
    /// What it means.
    text: String,
    /// The port it would have gone to, if that was decided.
    port: Option<String>,
}

/// Names of ports by their slots.
#[derive(Debug, Default)]
pub(super) struct PortNames(Vec<(usize, String)>);

impl PortNames {
    pub(super) fn add(&mut self, port: PortId, name: String) {
        self.0.push((port.slot(), name));
    }

    fn of_slot(&self, slot: usize) -> Option<String> {
        self.0.iter().find(|(known, _)| *known == slot).map(|(_, name)| name.clone())
    }

    fn of(&self, port: PortId) -> Option<String> {
        if port == PortId::NONE { None } else { self.of_slot(port.slot()) }
    }
}

/// A delivery as it is on the wire: with the tag among its bytes.
pub(super) fn wire_bytes(delivery: &Delivery) -> Vec<u8> {
    let mut bytes = delivery.bytes.clone();
    if let Some(tci) = delivery.tag.filter(|_| bytes.len() >= 12) {
        let [high, low] = tci.to_be_bytes();
        drop(bytes.splice(12..12, [0x81, 0x00, high, low]));
    }
    bytes
}

impl Fate {
    fn of(seen: &Outcome, names: &PortNames) -> Fate {
        let drops = seen.drops.iter().map(|drop| DropFact {
            reason: drop.reason.clone(),
            text: drop.text.clone(),
            port: names.of(drop.destination),
        });
        let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        Fate {
            frame: None,
            nanoseconds: 0,
            port: None,
            bytes: 0,
            to: seen.deliveries.iter().filter_map(|delivery| names.of_slot(delivery.slot)).collect(),
            changed: false,
            drops: drops.collect(),
            held: signed(seen.held) - signed(seen.held_before),
            originated: seen.originated,
        }
    }

    pub(super) fn of_frame(
        number: u64,
        nanoseconds: u64,
        port: PortId,
        frame: &Frame,
        seen: &Outcome,
        names: &PortNames,
    ) -> Fate {
        let changed = seen.deliveries.iter().any(|delivery| wire_bytes(delivery) != frame.bytes);
        let bytes = frame.bytes.len();
        Fate { frame: Some(number), nanoseconds, port: names.of(port), bytes, changed, ..Fate::of(seen, names) }
    }

    /// Of a periodic call; none when nothing came of it.
    pub(super) fn of_tick(nanoseconds: u64, seen: &Outcome, names: &PortNames) -> Option<Fate> {
        let fate = Fate { nanoseconds, ..Fate::of(seen, names) };
        let quiet = fate.to.is_empty() && fate.drops.is_empty() && fate.held == 0 && fate.originated == 0;
        (!quiet).then_some(fate)
    }

    fn line(&self) -> String {
        let mut parts = Vec::new();
        if !self.to.is_empty() {
            let changed = if self.changed { ", with changed bytes" } else { "" };
            parts.push(format!("delivered to {}{changed}", self.to.join(", ")));
        }
        for drop in &self.drops {
            let port = drop.port.as_ref().map_or_else(String::new, |port| format!(" for {port}"));
            parts.push(format!("dropped{port}: {} ({})", drop.reason, drop.text));
        }
        match self.held {
            0 => {}
            more if more > 0 => parts.push("held".to_owned()),
            _ => parts.push("released".to_owned()),
        }
        if self.originated > 0 {
            parts.push(format!("{} originated", self.originated));
        }
        if parts.is_empty() {
            parts.push("ended on purpose".to_owned());
        }
        let who = match (&self.frame, &self.port) {
            (Some(number), Some(port)) => format!("{number:>6} {port:<6} {:>5} B", self.bytes),
            _ => format!("{:>6} {:<6} {:>7}", "-", "tick", ""),
        };
        let [seconds, micros] = [self.nanoseconds / 1_000_000_000, self.nanoseconds / 1_000 % 1_000_000];
        format!("{seconds:>4}.{micros:06} {who}  {}", parts.join("; "))
    }
}

impl Attempt {
    pub(super) fn new(args: &TryArgs, facts: &ExtensionFacts) -> Attempt {
        Attempt {
            file: args.file.clone(),
            id: facts.id.clone(),
            role: facts.role_name().to_owned(),
            pcap: args.pcap.clone(),
            frames: 0,
            delivered: 0,
            changed: 0,
            dropped: 0,
            held: 0,
            originated: 0,
            failures: 0,
            violations: 0,
            findings: None,
            cost: [None, None],
            counters: Vec::new(),
            log: Vec::new(),
            fates: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, fate: Fate) {
        if fate.frame.is_some() {
            self.frames += 1;
            self.delivered += u64::from(!fate.to.is_empty());
            self.changed += u64::from(fate.changed);
            self.dropped += u64::from(fate.to.is_empty() && !fate.drops.is_empty());
        }
        self.originated += fate.originated;
        self.fates.push(fate);
    }

    /// What the extension says about itself at the end.
    pub(super) fn take_facts(&mut self, switch: &OfflineSwitch, extension: u32) {
        let stage = switch.stage_counters(extension);
        self.failures = stage.failures;
        self.violations = stage.violations;
        self.held = switch.counters().law.held;
        let counters = switch.extension_counters(extension).into_iter();
        self.counters = counters.map(|(name, unit, value)| CounterValue { name, unit, value }).collect();
        let one = switch.extension(extension);
        let findings = one.and_then(|one| one.instance().here()?.findings()).map(|findings| findings.all());
        self.findings = findings.map(|found| found.into_iter().map(FindingFact::of).collect());
        let lines = one.map(|one| one.log()).unwrap_or_default();
        let found = |text: &str| self.findings.iter().flatten().any(|finding| finding.line == text);
        // Findings are in its log, too.
        self.log = lines.into_iter().map(|line| line.text).filter(|text| !found(text)).collect();
    }

    /// Why the command fails: the debug mode found something.
    pub(super) fn failure(&self) -> Option<Failure> {
        let count = self.findings.as_ref().map_or(0, Vec::len);
        let message = format!(
            "{} touched what it was not lent ({count} times shown): look up the stack with `addr2line -fe {}`",
            self.id,
            self.file.display()
        );
        (count > 0).then(|| Failure::new(ErrorClass::Extension, message))
    }

    pub(super) fn text(&self) -> String {
        let mut text: String = self.fates.iter().map(|fate| render::plain(&fate.line()).to_string() + "\n").collect();
        let _ = writeln!(
            text,
            "{} frames: {} delivered, {} changed, {} dropped, {} held at the end; {} originated",
            self.frames, self.delivered, self.changed, self.dropped, self.held, self.originated
        );
        for (leg, cost) in ["ingress", "egress"].into_iter().zip(self.cost) {
            if let Some(cycles) = cost {
                let _ = writeln!(text, "cost on {leg}: {cycles:.1} cycles a packet");
            }
        }
        for finding in self.findings.iter().flatten() {
            let _ = writeln!(text, "debug: {}", render::plain(&finding.line));
        }
        for counter in &self.counters {
            let line = format!("counter {}: {} {}", counter.name, counter.value, counter.unit);
            let _ = writeln!(text, "{}", render::plain(&line));
        }
        for line in &self.log {
            let _ = writeln!(text, "log: {}", render::plain(line));
        }
        if self.failures > 0 || self.violations > 0 {
            let _ = writeln!(
                text,
                "the extension FAILED in {} calls and broke rules of its role {} times",
                self.failures, self.violations
            );
        }
        text
    }
}
