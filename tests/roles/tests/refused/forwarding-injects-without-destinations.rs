//! A forwarding extension names the destinations of what it injects: nobody below it decides.

use heddle_extension_api::ForwardIngress;

fn ingress(batch: &mut ForwardIngress<'_>) {
    if let Ok(draft) = batch.originate(60) {
        let _ = draft.inject_trusted();
    }
}

fn main() {
    let _ = ingress;
}
