//! The cases, a table for each level.

mod control;
mod loads;
mod offload;
mod performance;
mod process;
mod robustness;
mod role;
mod state;

use crate::case::{Case, Verdict};
use crate::rig::{Rig, Subject};

/// All tables, in the order of levels.
pub(crate) const TABLES: [&[Case]; 7] =
    [loads::CASES, role::CASES, state::CASES, control::CASES, offload::CASES, robustness::CASES, performance::CASES];

/// Everyday traffic; the rule is judged by what was found meanwhile.
pub(crate) fn everyday(subject: &Subject) -> Verdict {
    let mut rig = Rig::new(subject, 4, 1)?;
    rig.everyday();
    Ok(String::new())
}
