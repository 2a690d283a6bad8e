//! A frame gets one verdict.

use heddle_extension_api::{DropReason, FilterIngress};

fn ingress(batch: &mut FilterIngress<'_>, reason: DropReason) {
    for frame in batch.packets() {
        frame.drop(reason);
        frame.drop(reason);
    }
}

fn main() {
    let _ = ingress;
}
