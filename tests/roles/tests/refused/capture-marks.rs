//! A capture extension may not write descriptors.

use heddle_extension_api::Observed;

fn ingress(batch: &mut Observed<'_>) {
    for mut frame in batch.packets() {
        frame.set_mark(1);
    }
}

fn main() {
    let _ = ingress;
}
