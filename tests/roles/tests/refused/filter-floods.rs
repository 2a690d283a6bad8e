//! A filter may not send frames to groups.

use heddle_extension_api::{FilterIngress, GroupId};

fn ingress(batch: &mut FilterIngress<'_>, group: GroupId) {
    for frame in batch.packets() {
        frame.to_group(group);
    }
}

fn main() {
    let _ = ingress;
}
