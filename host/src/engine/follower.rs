//! Follows network devices for all switches: a thread that sleeps until the kernel says something about a link or an
//! address, or until somebody rings because a port is new or has lost its device. Nothing is polled.
//!
//! Every event goes to every switch, under that switch's lock; a switch whose lock is held by a slow request delays the
//! others' news by as much.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::{EfdFlags, EventFd};

use super::{Shared, lock};
use crate::ports::device::DeviceWatch;

/// Makes the follower look.
#[derive(Clone)]
pub(crate) struct News(Arc<EventFd>);

impl News {
    pub(super) fn new() -> std::io::Result<News> {
        Ok(News(Arc::new(EventFd::from_flags(EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC)?)))
    }

    /// There is something to look at: a new port, a lost device, or the end.
    pub(crate) fn ring(&self) {
        // A full counter means that it was rung already.
        let _ = self.0.write(1);
    }
}

/// The thread: until the engine stops.
pub(super) fn run(shared: &Shared) {
    let opened = DeviceWatch::open().and_then(|watch| {
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        epoll.add(watch.poll_fd(), EpollEvent::new(EpollFlags::EPOLLIN, 0))?;
        epoll.add(shared.news.0.as_ref(), EpollEvent::new(EpollFlags::EPOLLIN, 1))?;
        Ok((watch, epoll))
    });
    let (mut watch, epoll) = match opened {
        Ok(opened) => opened,
        // Ports look for their devices by name then.
        Err(error) => return tracing::warn!(%error, "network devices cannot be followed"),
    };
    let mut ready = [EpollEvent::empty(); 2];
    while !shared.stopping.load(Ordering::Acquire) {
        // An interrupted wait looks in vain, which does no harm.
        let _ = epoll.wait(&mut ready, EpollTimeout::NONE);
        let _ = shared.news.0.read();
        let events = watch.poll();
        let switches: Vec<_> = lock(&shared.switches).values().cloned().collect();
        for switch in switches {
            switch.follow(&watch, &events);
        }
    }
}
