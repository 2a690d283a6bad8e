//! A capture extension may not change frames.

use heddle_extension_api::Observed;

fn ingress(batch: &mut Observed<'_>) {
    for frame in batch.packets() {
        let _ = frame.make_writable();
    }
}

fn main() {
    let _ = ingress;
}
