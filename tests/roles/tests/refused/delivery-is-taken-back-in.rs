//! An excluded delivery cannot be let through again: the drop took the frame.

use heddle_extension_api::{DropReason, FilterEgress};

fn egress(batch: &mut FilterEgress<'_>, reason: DropReason) {
    for frame in batch.packets() {
        frame.drop(reason);
        let _ = frame.hold();
    }
}

fn main() {
    let _ = egress;
}
