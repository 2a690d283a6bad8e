//! A filter may not make groups.

use heddle_extension_api::{rights, Control};

fn create(host: &Control<'_, rights::Filter>) {
    let _ = host.create_group(&[]);
}

fn main() {
    let _ = create;
}
