//! Reaching the daemon: one connection over the UNIX socket for one command.

use super::Failure;
use crate::control::wire::control_client::ControlClient;
use hyper_util::rt::TokioIo;
use std::io;
use std::path::Path;
use tokio::net::UnixStream;
use tonic::transport::{Channel, Endpoint};

/// A client of the control service.
pub(super) type Client = ControlClient<Channel>;

/// Connects to the daemon on `socket`.
pub(super) async fn connect(socket: &Path) -> Result<Client, Failure> {
    let stream = UnixStream::connect(socket).await.map_err(|error| Failure::connect(socket, &error))?;
    // Connected above so that the kernel's answer is not hidden in a transport error; handed over once.
    let mut stream = Some(TokioIo::new(stream));
    let connector = tower::service_fn(move |_| {
        let once = stream.take().ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected));
        std::future::ready(once)
    });
    let channel = Endpoint::from_static("http://heddled.invalid")
        .connect_with_connector(connector)
        .await
        .map_err(|error| Failure::connect(socket, &io::Error::other(error)))?;
    Ok(ControlClient::new(channel))
}
