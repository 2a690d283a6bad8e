//! A frame cannot be kept beyond its call: hold it.

use heddle_extension_api::{FilterIngress, Frame, rights};

fn ingress(kept: &mut Vec<Frame<'static, 'static, rights::FilterIn>>, batch: &mut FilterIngress<'_>) {
    kept.extend(batch.packets());
}

fn main() {
    let _ = ingress;
}
