//! A held frame is let go once.

use heddle_extension_api::{FilterIngress, HeldFrame};

fn ingress(batch: &mut FilterIngress<'_>, held: HeldFrame) {
    let _ = batch.release(held);
    let _ = batch.release(held);
}

fn main() {
    let _ = ingress;
}
