//! The cases, a table for each level.

mod control;
mod endurance;
mod exchange;
mod loads;
mod offload;
mod performance;
mod policy;
mod process;
mod robustness;
mod role;
mod state;

use crate::case::{Case, Verdict};
use crate::proxy;
use crate::rig::{Rig, Subject};

/// All tables, in the order of levels.
pub(crate) const TABLES: [&[Case]; 10] = [
    loads::CASES,
    role::CASES,
    state::CASES,
    exchange::CASES,
    control::CASES,
    policy::CASES,
    offload::CASES,
    robustness::CASES,
    endurance::CASES,
    performance::CASES,
];

/// Everyday traffic; the rule is judged by what was found meanwhile.
pub(crate) fn everyday(subject: &Subject) -> Verdict {
    let mut rig = Rig::new(subject, 4, 1)?;
    rig.everyday();
    Ok(String::new())
}

/// Everyday traffic and then something else: a rule that is broken only then is a failure of the case.
fn beyond_everyday(subject: &Subject, drive: impl FnOnce(&Subject) -> Verdict) -> Verdict {
    everyday(subject)?;
    let before = proxy::rules_broken();
    let passed = drive(subject)?;
    only_then(&before).map_or(Ok(passed), Err)
}

/// The first rule that was broken since.
fn only_then(before: &[&'static str]) -> Option<String> {
    let new = proxy::rules_broken().into_iter().find(|rule| !before.contains(rule))?;
    Some(format!("{new}: {}", proxy::finding(new).map(|finding| finding.text).unwrap_or_default()))
}
