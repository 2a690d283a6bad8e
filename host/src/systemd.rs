//! What heddled tells the service manager that started it (sd_notify(3)), and nothing when none did.
//!
//! * `READY=1` once, when the switch process answers on the control socket; `STOPPING=1` on the way out.
//! * `WATCHDOG=1` three times in each `WatchdogSec=`, and only after the data plane has answered a question that goes through
//!   every worker: a wedged plane stops the pings, and the service manager restarts heddled.
//! * `STATUS=`: one line for `systemctl status`.
//!
//! The switch process speaks for the service, so a unit needs `NotifyAccess=all`; while it is being restarted the
//! supervisor keeps the watchdog quiet. A message that cannot be sent is logged and changes nothing.

use crate::control::plane::{ControlPlane, ControlResult};
use sd_notify::NotifyState;
use std::sync::Arc;
use std::time::Duration;

/// Pings in one watchdog time: two may be late before the service manager acts.
const PINGS: u32 = 3;

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager could not be told");
    }
}

/// The switch process is about to answer.
pub(crate) fn ready() {
    tell(&[NotifyState::Ready, NotifyState::Status("forwarding")]);
}

/// heddled is on its way out.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("stopping")]);
}

/// The switch process died and another is being started.
pub(crate) fn restarting(ended: &str) {
    let status = format!("the switch process was restarted: {ended}");
    tell(&[NotifyState::Watchdog, NotifyState::Status(&status)]);
}

/// Pings the watchdog for as long as the plane answers. Ends at once when no watchdog is set.
pub(crate) async fn keep_alive(plane: Arc<dyn ControlPlane>) {
    let Some(limit) = sd_notify::watchdog_enabled() else { return };
    let mut pings = tokio::time::interval((limit / PINGS).max(Duration::from_millis(1)));
    loop {
        pings.tick().await;
        let plane = Arc::clone(&plane);
        // A plane that never answers keeps this loop here, which is the point.
        match tokio::task::spawn_blocking(move || status(plane.as_ref())).await {
            Ok(Ok(status)) => tell(&[NotifyState::Watchdog, NotifyState::Status(&status)]),
            Ok(Err(error)) => tracing::error!(%error, "the data plane failed the watchdog's question"),
            Err(error) => tracing::error!(%error, "the watchdog's question failed"),
        }
    }
}

/// One line about the whole, from the workers themselves.
fn status(plane: &dyn ControlPlane) -> ControlResult<String> {
    let switches = plane.switches()?;
    let ports: u32 = switches.iter().map(|switch| switch.ports).sum();
    let many = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "es" });
    let held: u64 = switches.iter().map(|switch| switch.law.held).sum();
    Ok(format!("{}, ports: {ports}, frames held: {held}", many(switches.len(), "switch")))
}
