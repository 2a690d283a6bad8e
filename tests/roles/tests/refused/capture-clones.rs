//! A capture extension may not clone frames.

use heddle_extension_api::Observed;

fn ingress(batch: &mut Observed<'_>) {
    for frame in batch.packets() {
        let _ = frame.clone_packet();
    }
}

fn main() {
    let _ = ingress;
}
