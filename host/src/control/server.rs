//! Serving the control API on a listening UNIX socket until told to stop.
//!
//! Every client is accepted at once and given one of the seats of `seats.rs`. A request has to fit [`MAX_MESSAGE`]. After
//! the stop signal running requests get [`DRAIN`] to finish.

use super::peer::{AccessPolicy, Peer, PeerStream};
use super::rpc::ControlService;
use super::seats::Seats;
use super::wire::control_server::ControlServer;
use std::io;
use std::time::{Duration, Instant};
use tokio::net::UnixListener;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Server;

/// Largest request in bytes: a configuration file of 64 KiB and 1024 keys fit.
pub const MAX_MESSAGE: usize = 1024 * 1024;
/// What running requests get to finish after the stop signal.
pub const DRAIN: Duration = Duration::from_millis(500);

/// Why serving ended other than by the stop signal.
#[derive(Debug, thiserror::Error)]
#[error("serving the control socket failed: {0}")]
pub struct ServeError(String);

/// Serves until `stopping` turns true.
///
/// # Errors
/// When the socket cannot be used.
pub async fn serve(
    listener: std::os::unix::net::UnixListener,
    service: ControlService,
    mut stopping: watch::Receiver<bool>,
) -> Result<(), ServeError> {
    let listener = listener
        .set_nonblocking(true)
        .and_then(|()| UnixListener::from_std(listener))
        .map_err(|error| ServeError(error.to_string()))?;
    let (connections, incoming) = mpsc::channel(1);
    let accepting = tokio::spawn(accept(listener, service.access(), connections));
    let service = ControlServer::new(service).max_decoding_message_size(MAX_MESSAGE);
    let mut drained = stopping.clone();
    let stop = async move {
        let _ = stopping.wait_for(|stopping| *stopping).await;
        accepting.abort();
    };
    let served = Server::builder().serve_with_incoming_shutdown(service, ReceiverStream::new(incoming), stop);
    tokio::select! {
        served = served => served.map_err(|error| ServeError(error.to_string())),
        () = async { let _ = drained.wait_for(|stopping| *stopping).await; tokio::time::sleep(DRAIN).await } => Ok(()),
    }
}

/// Accepts connections, looks at each one's credentials and seats it.
async fn accept(listener: UnixListener, access: AccessPolicy, connections: mpsc::Sender<io::Result<PeerStream>>) {
    let seats = Seats::default();
    let seat = |peer: &Peer| seats.take(access.is_owner(peer), Instant::now());
    loop {
        match listener.accept().await.and_then(|(stream, _)| PeerStream::identify(stream, seat)) {
            Ok(peer) => {
                if connections.send(Ok(peer)).await.is_err() {
                    return;
                }
            }
            // Out of descriptors, or the client left at once: neither may end or spin the daemon.
            Err(error) => {
                tracing::warn!(%error, "a client could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}
