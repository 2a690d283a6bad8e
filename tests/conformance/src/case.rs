//! What a case is, and the list of all.
//!
//! A case belongs to a level and to the roles it says something about; an extension's run has the cases of its role and no
//! others, so nothing is ever left out of it. Each case has an extension in C that breaks its rule and no other:
//! `tests/misbehaving/NAME.c`.

use heddle_extension_api::abi::meta::{ROLE_CAPTURE, ROLE_FILTER, ROLE_FORWARDING, ROLE_SERVICE};

use crate::cases;
use crate::rig::Subject;

/// A level; each includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(crate) enum Level {
    /// The file is an extension, can be opened, and makes an instance.
    Loads,
    /// It keeps to the rights of its role.
    Role,
    /// What it keeps, it gives back.
    State,
    /// Events, configuration, what it asks of the host.
    Control,
    /// Frames that are more than a frame: tags, checksums, segments.
    Offload,
    /// Hostile frames and a host that refuses.
    Robustness,
    /// A floor, not a benchmark.
    Performance,
}

impl Level {
    pub(crate) const ALL: [Level; 7] = [
        Level::Loads,
        Level::Role,
        Level::State,
        Level::Control,
        Level::Offload,
        Level::Robustness,
        Level::Performance,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Level::Loads => "loads",
            Level::Role => "role",
            Level::State => "state",
            Level::Control => "control",
            Level::Offload => "offload",
            Level::Robustness => "robustness",
            Level::Performance => "performance",
        }
    }
}

/// Roles, as bits.
pub(crate) const C: u8 = 1 << ROLE_CAPTURE;
pub(crate) const F: u8 = 1 << ROLE_FILTER;
pub(crate) const W: u8 = 1 << ROLE_FORWARDING;
pub(crate) const FW: u8 = F | W;
pub(crate) const CFW: u8 = C | F | W;
pub(crate) const ALL: u8 = CFW | 1 << ROLE_SERVICE;

/// The end of a case: why it passed, when that is not plain, or why it failed.
pub(crate) type Verdict = Result<String, String>;

/// A case.
pub(crate) struct Case {
    /// Kebab-case.
    pub(crate) name: &'static str,
    pub(crate) level: Level,
    /// Roles it says something about.
    pub(crate) roles: u8,
    /// Where the rule is written.
    pub(crate) clause: &'static str,
    /// The rule in a sentence.
    pub(crate) text: &'static str,
    pub(crate) run: fn(&Subject) -> Verdict,
    /// Whether it calls the extension itself, or looks at the process it is in, and not at what comes out of a switch.
    pub(crate) beside: bool,
}

impl Case {
    /// Marks one that has to be in the extension's process.
    pub(crate) const fn beside(self) -> Case {
        Case { beside: true, ..self }
    }

    pub(crate) fn is_of(&self, role: u8) -> bool {
        role < 8 && self.roles & (1 << role) != 0
    }

    /// Whether it drives everyday traffic and only looks for its own rule.
    pub(crate) fn is_everyday(&self) -> bool {
        std::ptr::fn_addr_eq(self.run, cases::everyday as fn(&Subject) -> Verdict)
    }

    /// The roles in words.
    pub(crate) fn role_names(&self) -> String {
        if self.roles == ALL {
            return "all".to_owned();
        }
        let names = [(C, "capture"), (F, "filter"), (W, "forwarding")];
        names.iter().filter(|(bit, _)| self.roles & bit != 0).map(|(_, name)| *name).collect::<Vec<_>>().join(", ")
    }

    /// The extension that fails it and nothing else.
    pub(crate) fn misbehaving(&self) -> String {
        format!("tests/misbehaving/{}.c", self.name)
    }
}

/// All cases, by level, in the order they run.
pub(crate) fn all() -> impl Iterator<Item = &'static Case> {
    cases::TABLES.iter().flat_map(|table| table.iter())
}

/// A row of a table of cases.
pub(crate) const fn case(
    (level, name): (Level, &'static str),
    roles: u8,
    clause: &'static str,
    text: &'static str,
    run: fn(&Subject) -> Verdict,
) -> Case {
    Case { name, level, roles, clause, text, run, beside: false }
}
