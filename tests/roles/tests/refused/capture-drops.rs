//! A capture extension may not drop.

use heddle_extension_api::{DropReason, Observed};

fn ingress(batch: &mut Observed<'_>, reason: DropReason) {
    for frame in batch.packets() {
        frame.drop(reason);
    }
}

fn main() {
    let _ = ingress;
}
