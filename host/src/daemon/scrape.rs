//! Metrics in the switch process: the address is checked before anything starts, and taken again after each restart.

use crate::control::plane::{ControlPlane, ControlResult};
use crate::control::rpc::DaemonFacts;
use crate::metrics::{self, MetricsError, Reading};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// How long to wait before an address that is taken is tried again.
const RETRY: Duration = Duration::from_secs(1);

/// Whether metrics can be served there, before anything else is started.
///
/// # Errors
/// When the address is not a loopback address, or taken.
pub(super) fn check(address: Option<SocketAddr>) -> Result<(), MetricsError> {
    address.map_or(Ok(()), |address| metrics::listen(address).map(drop))
}

/// Serves metrics until the runtime ends. An address lost to someone else is said once and tried again: the switch
/// forwards with or without it.
pub(super) async fn run(address: SocketAddr, plane: Arc<dyn ControlPlane>, facts: DaemonFacts) {
    let mut said = false;
    let listener = loop {
        let bound = metrics::listen(address).map_err(|error| error.to_string()).and_then(|listener| {
            let made = listener.set_nonblocking(true).and_then(|()| tokio::net::TcpListener::from_std(listener));
            made.map_err(|error| error.to_string())
        });
        match bound {
            Ok(listener) => break listener,
            Err(error) if !said => tracing::error!("{error}; serving without metrics until it is free"),
            Err(_) => {}
        }
        said = true;
        tokio::time::sleep(RETRY).await;
    };
    tracing::info!(%address, "metrics are served at /metrics");
    let read = move || reading(plane.as_ref(), &facts).map_err(|error| error.to_string());
    metrics::serve(listener, Arc::new(read)).await;
}

fn reading(plane: &dyn ControlPlane, facts: &DaemonFacts) -> ControlResult<Reading> {
    let daemon = facts.view(plane)?;
    let mut switches = Vec::new();
    for switch in plane.switches()? {
        match plane.stats(&switch.name) {
            Ok(stats) => switches.push(stats),
            // Deleted meanwhile.
            Err(crate::control::error::ControlError::NoSuchSwitch { .. }) => {}
            Err(other) => return Err(other),
        }
    }
    Ok(Reading { daemon, switches })
}
