//! The service role: no data path. For offload providers and the like, which thus coexist with a forwarding extension.

use crate::config::Config;
use crate::control::Event;
use crate::host::Control;
use crate::rights::Service;
use crate::status::CreateError;

/// An instance of a service extension, one per switch.
///
/// All methods are `[control]`: never called concurrently with each other.
pub trait ServiceExtension: Sized + Send + 'static {
    /// Whether [`ServiceExtension::event`] is called.
    const HAS_EVENT: bool = true;
    /// Whether [`ServiceExtension::tick`] is called.
    const HAS_TICK: bool = true;

    /// Makes the instance.
    fn create(host: &Control<'_, Service>, config: &Config<'_>) -> Result<Self, CreateError>;

    /// Something happened to the switch, a port or a NIC.
    fn event(&mut self, host: &Control<'_, Service>, event: &Event<'_>) {
        let _ = (host, event);
    }

    /// About every 100 ms. `now_ns` is the monotonic clock.
    fn tick(&mut self, host: &Control<'_, Service>, now_ns: u64) {
        let _ = (host, now_ns);
    }
}
