//! Reaching the daemon: one connection over the UNIX socket for one command, within a time.
//!
//! A daemon that serves sends its HTTP/2 settings as soon as it takes a connection, so a socket that stays silent is a
//! daemon that is stopped, stuck or just being restarted, and the operator learns that rather than "no answer".

use super::Failure;
use crate::control::wire::control_client::ControlClient;
use hyper_util::rt::TokioIo;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::time::{Instant, timeout, timeout_at};
use tonic::transport::{Channel, Endpoint};

/// A client of the control service.
pub(super) type Client = ControlClient<Channel>;

/// How long a daemon may take to accept a connection: longer than a restart with its pauses.
const CONNECT_TIME: Duration = Duration::from_secs(10);
/// When the socket's backlog is full, how long until the next try.
const BACKLOG_PAUSE: Duration = Duration::from_millis(20);

/// Where the daemon is and how long it may take.
#[derive(Debug, Clone)]
pub(super) struct Reach {
    pub(super) socket: PathBuf,
    /// For a connection and an answer together.
    pub(super) patience: Duration,
}

impl Reach {
    /// Connects to the daemon.
    pub(super) async fn connect(&self) -> Result<Client, Failure> {
        let waiting = self.patience.min(CONNECT_TIME);
        let stream = timeout(waiting, accepted(&self.socket))
            .await
            .map_err(|_| Failure::not_accepted(&self.socket, waiting))?
            .map_err(|error| Failure::connect(&self.socket, &error))?;
        // Connected above so that the kernel's answer is not hidden in a transport error; handed over once.
        let mut stream = Some(TokioIo::new(stream));
        let connector = tower::service_fn(move |_| {
            let once = stream.take().ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected));
            std::future::ready(once)
        });
        let channel = Endpoint::from_static("http://heddled.invalid")
            .connect_with_connector(connector)
            .await
            .map_err(|error| Failure::connect(&self.socket, &io::Error::other(error)))?;
        Ok(ControlClient::new(channel))
    }

    /// `work` within the time for a connection and an answer.
    pub(super) async fn within<T>(&self, work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        let end = Instant::now() + self.patience;
        timeout_at(end, work).await.unwrap_or_else(|_| Err(Failure::silent(&self.socket, self.patience)))
    }
}

/// A connection whose other end has said something, or has closed it.
async fn accepted(socket: &Path) -> io::Result<UnixStream> {
    let stream = loop {
        match UnixStream::connect(socket).await {
            // unix(7): a full backlog answers EAGAIN to a socket that does not block.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => tokio::time::sleep(BACKLOG_PAUSE).await,
            other => break other?,
        }
    };
    stream.readable().await?;
    Ok(stream)
}
