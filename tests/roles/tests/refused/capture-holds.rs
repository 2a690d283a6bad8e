//! A capture extension may not hold frames.

use heddle_extension_api::Observed;

fn egress(batch: &mut Observed<'_>) {
    for frame in batch.packets() {
        let _ = frame.hold();
    }
}

fn main() {
    let _ = egress;
}
