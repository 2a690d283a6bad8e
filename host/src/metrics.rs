//! `/metrics`: what the switches count, for a Prometheus on the same host.
//!
//! Text in the OpenMetrics 1.0 format over HTTP/1.1, at the address `--metrics` names and nowhere else: no
//! authentication is built in, so only loopback addresses are accepted. A scrape reads the same views as `heddle stats`
//! and costs the data path nothing beyond that.
//!
//! Limits: [`CONNECTIONS_MAX`] scrapers at a time, the next waits; [`DEADLINE`] for a request with its answer; series grow with
//! switches, ports and drop reasons only, never with traffic. The switch goes on without metrics when the address is lost.

mod families;
mod http;
mod text;

pub use http::{CONNECTIONS_MAX, DEADLINE, Read, serve};
pub use text::{Reading, exposition};

use std::io;
use std::net::{SocketAddr, TcpListener};

/// Why `--metrics` cannot be served there.
#[derive(Debug, thiserror::Error)]
pub enum MetricsError {
    /// The address can be reached from other hosts.
    #[error("--metrics {address}: metrics carry no access control, so only loopback addresses serve them; give 127.0.0.1:{port} or [::1]:{port}", port = address.port())]
    NotLoopback {
        /// What was asked for.
        address: SocketAddr,
    },
    /// The kernel refused.
    #[error("--metrics {address}: {source}; give an address that is free")]
    Bind {
        /// What was asked for.
        address: SocketAddr,
        /// The kernel's answer.
        source: io::Error,
    },
}

/// Listens for scrapers.
///
/// # Errors
/// When the address is not a loopback address, or taken.
pub fn listen(address: SocketAddr) -> Result<TcpListener, MetricsError> {
    if !address.ip().is_loopback() {
        return Err(MetricsError::NotLoopback { address });
    }
    // The library sets SO_REUSEADDR here: connections of a daemon before do not keep the address.
    TcpListener::bind(address).map_err(|source| MetricsError::Bind { address, source })
}
