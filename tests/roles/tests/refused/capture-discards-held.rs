//! A capture extension has no held frames to let go or to drop.

use heddle_extension_api::{DropReason, HeldFrame, Observed};

fn ingress(batch: &mut Observed<'_>, held: HeldFrame, reason: DropReason) {
    let _ = batch.discard(held, reason);
}

fn main() {
    let _ = ingress;
}
