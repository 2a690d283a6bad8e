//! Services of the daemon that all instances share: drop reasons, and the thread that sends datagrams for extensions.
//!
//! Sending never blocks: a bounded queue stands before the sockets, and a full one is refused to the caller. Each
//! address has a connected socket of its own, because only a connected one hears that nobody listens; what became of
//! the datagrams is counted per instance and address.

use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex};

use super::{Reasons, lock};

/// Datagrams that wait for the sockets.
const DATAGRAMS_MAX: usize = 1_024;
/// Sockets kept open; when there are more addresses all are closed and opened anew as they are needed.
const SOCKETS_MAX: usize = 64;
/// Addresses of one instance whose datagrams are counted; further ones are refused.
pub(crate) const ADDRESSES_MAX: usize = 16;

/// Services of the daemon for all instances.
pub struct Services {
    /// Drop reasons.
    pub reasons: Reasons,
    datagrams: SyncSender<Datagram>,
}

struct Datagram {
    address: SocketAddr,
    payload: Vec<u8>,
    outcome: Arc<Outcome>,
}

/// What became of the datagrams of one instance to one address.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Handed to the network.
    pub sent: AtomicU64,
    /// Refused by the network, or of those sent, answered by a host on which nobody listens.
    pub failed: AtomicU64,
    /// Not taken: a queue was full.
    pub dropped: AtomicU64,
}

/// Why a datagram was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendRefused {
    /// The queue is full, or the instance has too many addresses.
    Full,
    /// Not an address with a port.
    Address,
}

/// The addresses of one instance.
#[derive(Debug, Default)]
pub struct Addresses(Mutex<Vec<(SocketAddr, Arc<Outcome>)>>);

impl Addresses {
    fn outcome(&self, address: SocketAddr) -> Option<Arc<Outcome>> {
        let mut known = lock(&self.0);
        if let Some((_, outcome)) = known.iter().find(|(one, _)| *one == address) {
            return Some(Arc::clone(outcome));
        }
        if known.len() >= ADDRESSES_MAX {
            return None;
        }
        let outcome = Arc::new(Outcome::default());
        known.push((address, Arc::clone(&outcome)));
        Some(outcome)
    }

    /// What became of the datagrams to an address; `None` before the first.
    pub fn counts(&self, address: SocketAddr) -> Option<Arc<Outcome>> {
        lock(&self.0).iter().find(|(one, _)| *one == address).map(|(_, outcome)| Arc::clone(outcome))
    }
}

impl Services {
    /// Starts the thread that owns the sockets; it ends with the last reference.
    pub fn start() -> io::Result<Arc<Services>> {
        let (sender, receiver) = sync_channel::<Datagram>(DATAGRAMS_MAX);
        let send = move || {
            let mut sockets = HashMap::new();
            while let Ok(datagram) = receiver.recv() {
                carry(&mut sockets, &datagram);
            }
        };
        std::thread::Builder::new().name("heddle-datagram".to_owned()).spawn(send)?;
        Ok(Arc::new(Services { reasons: Reasons::default(), datagrams: sender }))
    }

    /// Services without a thread: datagrams wait until somebody takes them.
    pub fn unsent() -> (Arc<Services>, Unsent) {
        let (sender, receiver) = sync_channel(DATAGRAMS_MAX);
        (Arc::new(Services { reasons: Reasons::default(), datagrams: sender }), Unsent(receiver))
    }

    pub(crate) fn send(&self, from: &Addresses, address: &str, payload: &[u8]) -> Result<(), SendRefused> {
        let address: SocketAddr = address.parse().map_err(|_| SendRefused::Address)?;
        let outcome = from.outcome(address).ok_or(SendRefused::Full)?;
        let datagram = Datagram { address, payload: payload.to_vec(), outcome };
        self.datagrams.try_send(datagram).map_err(|error| {
            let (TrySendError::Full(datagram) | TrySendError::Disconnected(datagram)) = error;
            datagram.outcome.dropped.fetch_add(1, Ordering::Relaxed);
            SendRefused::Full
        })
    }
}

/// Datagrams that nobody sends.
pub struct Unsent(Receiver<Datagram>);

impl Unsent {
    /// Takes out what waits, as if it had been sent.
    pub fn take(&self) -> Vec<(SocketAddr, Vec<u8>)> {
        let take = |datagram: Datagram| {
            datagram.outcome.sent.fetch_add(1, Ordering::Relaxed);
            (datagram.address, datagram.payload)
        };
        self.0.try_iter().map(take).collect()
    }
}

/// Sends one datagram and counts what became of it.
fn carry(sockets: &mut HashMap<SocketAddr, UdpSocket>, datagram: &Datagram) {
    let Datagram { address, payload, outcome } = datagram;
    let count = |counter: &AtomicU64| counter.fetch_add(1, Ordering::Relaxed);
    if sockets.len() >= SOCKETS_MAX && !sockets.contains_key(address) {
        sockets.clear();
    }
    let mut sent = socket(sockets, *address).and_then(|socket| socket.send(payload));
    if matches!(&sent, Err(error) if error.kind() == ErrorKind::ConnectionRefused) {
        // That is the answer to an earlier datagram, which did leave; this one has not yet.
        count(&outcome.failed);
        sent = socket(sockets, *address).and_then(|socket| socket.send(payload));
    }
    match sent {
        Ok(_) => count(&outcome.sent),
        Err(error) if error.kind() == ErrorKind::WouldBlock => count(&outcome.dropped),
        Err(error) => {
            tracing::debug!(%address, %error, "a datagram of an extension was not sent");
            // An address of this host may have gone, or a route come: the next datagram gets a new socket.
            sockets.remove(address);
            count(&outcome.failed)
        }
    };
}

fn socket(sockets: &mut HashMap<SocketAddr, UdpSocket>, address: SocketAddr) -> io::Result<&UdpSocket> {
    use std::collections::hash_map::Entry;
    match sockets.entry(address) {
        Entry::Occupied(known) => Ok(known.into_mut()),
        Entry::Vacant(place) => {
            let any: SocketAddr = match address {
                SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
                SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
            };
            let socket = UdpSocket::bind(any)?;
            socket.set_nonblocking(true)?;
            socket.connect(address)?;
            Ok(place.insert(socket))
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use std::net::UdpSocket;
    use std::sync::atomic::Ordering;
    use std::time::{Duration, Instant};

    use super::{ADDRESSES_MAX, Addresses, SendRefused, Services};

    fn counts(addresses: &Addresses, to: &str) -> [u64; 3] {
        let outcome = addresses.counts(to.parse().unwrap()).unwrap();
        [&outcome.sent, &outcome.failed, &outcome.dropped].map(|count| count.load(Ordering::Relaxed))
    }

    /// Waits until so many datagrams have been carried.
    fn carried(addresses: &Addresses, to: &str, number: u64) -> [u64; 3] {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let [sent, failed, dropped] = counts(addresses, to);
            if sent + failed + dropped >= number || Instant::now() > deadline {
                return [sent, failed, dropped];
            }
            std::thread::yield_now();
        }
    }

    #[test]
    fn an_address_where_nobody_listens_is_counted_as_failed_and_the_others_get_all() {
        let (services, addresses) = (Services::start().unwrap(), Addresses::default());
        let receiver = UdpSocket::bind("127.0.0.1:0").unwrap();
        receiver.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let up = receiver.local_addr().unwrap().to_string();
        let down = {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            socket.local_addr().unwrap().to_string()
        };
        for number in 0..20_u8 {
            services.send(&addresses, &down, &[number]).unwrap();
            services.send(&addresses, &up, &[number]).unwrap();
            let mut buffer = [0; 8];
            assert_eq!(receiver.recv(&mut buffer).unwrap(), 1);
            assert_eq!(buffer[0], number);
        }
        assert_eq!(carried(&addresses, &up, 20), [20, 0, 0]);
        let [sent, failed, dropped] = carried(&addresses, &down, 20);
        assert!(sent + failed >= 20 && failed > 10 && dropped == 0, "{sent} {failed} {dropped}");
    }

    #[test]
    fn an_address_without_a_route_is_counted_as_failed() {
        let (services, addresses) = (Services::start().unwrap(), Addresses::default());
        // The discard prefix of RFC 6666 with the port of nobody: no host has a route there that takes it; a network
        // that does would count as sent.
        let nowhere = "[100::1]:9";
        services.send(&addresses, nowhere, b"x").unwrap();
        let [sent, failed, dropped] = carried(&addresses, nowhere, 1);
        assert_eq!(sent + failed + dropped, 1);
    }

    #[test]
    fn the_addresses_of_an_instance_are_limited_and_those_of_others_are_apart() {
        let (services, addresses, others) = (Services::start().unwrap(), Addresses::default(), Addresses::default());
        for port in 1..=ADDRESSES_MAX {
            services.send(&addresses, &format!("127.0.0.1:{}", 40_000 + port), b"x").unwrap();
        }
        assert_eq!(services.send(&addresses, "127.0.0.1:39999", b"x"), Err(SendRefused::Full));
        assert_eq!(services.send(&others, "127.0.0.1:39999", b"x"), Ok(()));
        assert_eq!(services.send(&addresses, "nowhere:1", b"x"), Err(SendRefused::Address));
        assert!(addresses.counts("127.0.0.1:39999".parse().unwrap()).is_none());
    }
}
