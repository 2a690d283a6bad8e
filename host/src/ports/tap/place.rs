//! Where a TAP interface is, for whoever wants to find it again when all its queues are closed.
//!
//! A persistent interface outlives its queues, in whatever network namespace it is by then and under whatever name it has
//! there. A [`Place`] says both, and the MAC, so that another interface of that name is not taken for it. Namespaces are known
//! by the number of their file (namespaces(7)) and looked for in this process, in `/run/netns` and in `/proc`.
//!
//! Limits: another namespace is entered to attach there, which takes CAP_SYS_ADMIN ([`elsewhere`] says whether this process
//! may); a namespace that neither a process nor a name holds cannot be found.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::ports::sys::{interface, tun};

/// The network namespace of this thread.
const HERE: &str = "/proc/thread-self/ns/net";

/// A TAP interface, as far as it can be recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Device and inode number of the network namespace.
    pub namespace: (u64, u64),
    /// Its name there.
    pub name: String,
    /// Its MAC.
    pub mac: [u8; 6],
}

fn number(file: &fs::Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}

impl Place {
    /// Where the interface of `queue` is now.
    ///
    /// # Errors
    /// When the interface was deleted.
    pub fn of(queue: &impl AsFd) -> io::Result<Place> {
        let name = tun::name(queue)?;
        let mac = tun::mac(queue)?.ok_or(io::ErrorKind::InvalidData)?;
        Ok(Place { namespace: number(&tun::namespace(queue)?.metadata()?), name, mac })
    }

    /// Whether it is in the network namespace of this thread.
    #[must_use]
    pub fn is_here(&self) -> bool {
        fs::metadata(HERE).is_ok_and(|here| number(&here) == self.namespace)
    }

    /// Attaches `count` queues to the interface, where it is.
    ///
    /// # Errors
    /// `NotFound` when its namespace or the interface is gone, `ResourceBusy` while somebody else has it, and the kernel's.
    pub fn attach(&self, count: usize) -> io::Result<Vec<OwnedFd>> {
        if self.is_here() {
            return self.attach_here(count);
        }
        let namespace = self.find()?;
        // A thread of its own is in the other namespace, and ends there.
        let attach = || {
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
            self.attach_here(count)
        };
        std::thread::scope(|scope| {
            let entered =
                std::thread::Builder::new().name("heddle-elsewhere".to_owned()).spawn_scoped(scope, attach)?;
            entered.join().unwrap_or_else(|_| Err(io::Error::other("the thread in the other namespace ended")))
        })
    }

    fn attach_here(&self, count: usize) -> io::Result<Vec<OwnedFd>> {
        // Attaching to a name that nothing has would make an interface.
        if interface::mac(&self.name)? != Some(self.mac) {
            return Err(io::Error::new(io::ErrorKind::NotFound, "another interface has its name"));
        }
        let (first, _, multi_queue) = tun::attach_to_fit(&self.name, count > 1)?;
        let further = (1..count).map(|_| tun::attach(&self.name, multi_queue).map(|(queue, _)| queue));
        std::iter::once(Ok(first)).chain(further).map(|queue| queue.map(OwnedFd::from)).collect()
    }

    fn find(&self) -> io::Result<File> {
        let named = fs::read_dir("/run/netns").into_iter().flatten().flatten().map(|entry| entry.path());
        let of_processes =
            fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.path().join("ns/net"));
        let is_it = |path: &PathBuf| fs::metadata(path).is_ok_and(|file| number(&file) == self.namespace);
        let found = named.chain(of_processes).find(is_it);
        File::open(found.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "its network namespace is gone"))?)
    }
}

/// Whether this process may attach to interfaces in other network namespaces.
#[must_use]
pub fn elsewhere() -> bool {
    let enter = || -> io::Result<()> {
        let here = File::open(HERE)?;
        Ok(move_into_link_name_space(here.as_fd(), Some(LinkNameSpaceType::Network))?)
    };
    enter().is_ok()
}

/// Has the interface of `queue` outlive its queues, or not.
///
/// # Errors
/// When the interface was deleted.
pub fn persist(queue: &impl AsFd, persist: bool) -> io::Result<()> {
    tun::set_persist(queue, persist)
}
