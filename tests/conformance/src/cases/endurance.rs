//! Level robustness, in the long run: whoever keeps the rules keeps them when nobody seems to look any more.
//!
//! How long that is, the seed says, so that no extension knows when it may stop.

use crate::case::{CFW, Case, Level, Verdict, case};
use crate::rig::{Rig, Subject};

const L: Level = Level::Robustness;

pub(crate) const CASES: &[Case] = &[case(
    (L, "manners-last"),
    CFW,
    "model 1.3, all of it",
    "After thousands of frames every rule is kept as after the first.",
    |subject| super::beyond_everyday(subject, thousands),
)];

/// Three to six thousand frames of a port; how many, the seed says.
fn thousands(subject: &Subject) -> Verdict {
    let mut rig = Rig::new(subject, 2, 1)?;
    for _ in 0..48 + rig.random.below(48) {
        let frames = rig.ordinary(0, 64);
        rig.feed(0, 0, &frames);
        rig.tick();
    }
    Ok(String::new())
}
