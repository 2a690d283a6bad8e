//! A capture extension may not make groups of ports.

use heddle_extension_api::{rights, Control};

fn event(host: &Control<'_, rights::Capture>) {
    let _ = host.create_group(&[]);
}

fn main() {
    let _ = event;
}
