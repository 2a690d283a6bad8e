//! Services of the daemon that all instances share: drop reasons, and the thread that sends datagrams for extensions.
//!
//! Sending never blocks: a bounded queue stands before the sockets, and a full one is refused to the caller.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};

use super::Reasons;

/// Datagrams that wait for the socket.
const DATAGRAMS_MAX: usize = 1_024;

/// Services of the daemon for all instances.
pub struct Services {
    /// Drop reasons.
    pub reasons: Reasons,
    datagrams: SyncSender<(SocketAddr, Vec<u8>)>,
}

/// Why a datagram was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendRefused {
    /// The queue is full.
    Full,
    /// Not an address with a port.
    Address,
}

impl Services {
    /// Starts the thread that owns the sockets; it ends with the last reference.
    pub fn start() -> std::io::Result<Arc<Services>> {
        let (sender, receiver) = sync_channel::<(SocketAddr, Vec<u8>)>(DATAGRAMS_MAX);
        let send = move || {
            let sockets = (UdpSocket::bind("0.0.0.0:0"), UdpSocket::bind("[::]:0"));
            while let Ok((address, payload)) = receiver.recv() {
                let socket = if address.is_ipv4() { &sockets.0 } else { &sockets.1 };
                let sent = match socket {
                    Ok(socket) => socket.send_to(&payload, address).map_err(|error| error.to_string()),
                    Err(error) => Err(error.to_string()),
                };
                if let Err(error) = sent {
                    tracing::debug!(%address, error, "a datagram of an extension was not sent");
                }
            }
        };
        std::thread::Builder::new().name("heddle-datagram".to_owned()).spawn(send)?;
        Ok(Arc::new(Services { reasons: Reasons::default(), datagrams: sender }))
    }

    pub(crate) fn send(&self, address: &str, payload: &[u8]) -> Result<(), SendRefused> {
        let address: SocketAddr = address.parse().map_err(|_| SendRefused::Address)?;
        self.datagrams.try_send((address, payload.to_vec())).map_err(|error| match error {
            TrySendError::Full(_) | TrySendError::Disconnected(_) => SendRefused::Full,
        })
    }
}
