//! Control functions cannot be called from another thread; a `HostHandle` can be kept.

use heddle_extension_api::{rights, Control};

fn tick(host: &Control<'_, rights::Capture>) {
    std::thread::scope(|scope| {
        scope.spawn(|| host.ports());
    });
}

fn main() {
    let _ = tick;
}
