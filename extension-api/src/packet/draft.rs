//! Frames an extension makes ([`Draft`]) or keeps ([`HeldFrame`]).
//!
//! Part of the unsafe island of [`super`]. A draft lives within the call that made it: what is not injected goes back
//! to the pool at its end. A held frame is a name only; the host checks it and refuses a stale one.
#![allow(unsafe_code)]

use core::ffi::c_void;
use core::marker::PhantomData;
use core::slice;

use crate::abi::host::{Destination, Host};
use crate::abi::packet as abi;
use crate::rights::{MayDestine, MayInject, Rights};
use crate::status::{check, HostError, Refusal};
use crate::types::{GroupId, NicIndex, PortId};

/// A frame the host keeps for the extension.
///
/// Release or discard it in a call of the same worker. One that is forgotten is dropped by the host when its maximum
/// age is reached, or when the extension is disabled.
#[derive(Debug, PartialEq, Eq, Hash)]
#[must_use = "a held frame goes nowhere until it is released or discarded"]
pub struct HeldFrame(u64);

impl HeldFrame {
    pub(super) fn new(handle: u64) -> Self {
        HeldFrame(handle)
    }

    pub(super) fn into_handle(self) -> u64 {
        self.0
    }

    /// The frame's handle, to be written into the state of a worker context.
    pub fn to_state(&self) -> [u8; 8] {
        self.0.to_le_bytes()
    }

    /// The frame behind a handle that another version wrote; see [`Stateful::KEEPS_HELD`](crate::Stateful::KEEPS_HELD). A
    /// handle that names nothing is refused by the host when it is used.
    pub fn from_state(handle: [u8; 8]) -> HeldFrame {
        HeldFrame(u64::from_le_bytes(handle))
    }
}

/// What a draft needs of its call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Door<'b> {
    pub(super) host: &'b Host,
    pub(super) call: *mut c_void,
    pub(super) base: *mut u8,
}

/// A frame that is not in the switch yet. Dropped without being injected, it goes back to the pool.
///
/// Captures and filters send it down the ingress leg ([`Draft::inject_from`], [`Draft::inject_trusted`]); a forwarding
/// extension names its destinations ([`Draft::inject_to_port`], [`Draft::inject_to_group`]).
#[derive(Debug)]
#[must_use = "a draft reaches the switch only when it is injected"]
pub struct Draft<'b, R: Rights> {
    door: Door<'b>,
    handle: u64,
    packet: abi::Packet,
    rights: PhantomData<R>,
}

impl<'b, R: Rights> Draft<'b, R> {
    /// # Safety
    /// `make` calls a host function of the running call that fills both out pointers when it returns success.
    pub(super) unsafe fn make(
        function: &'static str,
        door: Door<'b>,
        make: impl FnOnce(*mut u64, *mut abi::Packet) -> i32,
    ) -> Result<Self, HostError> {
        let mut handle = 0;
        let mut packet = abi::Packet::default();
        check(function, make(&mut handle, &mut packet))?;
        if door.base.is_null() {
            return Err(HostError::new(function, Refusal::Invalid));
        }
        Ok(Draft { door, handle, packet, rights: PhantomData })
    }

    /// Length in bytes.
    #[inline]
    pub fn length(&self) -> u32 {
        self.packet.length
    }

    /// The bytes, from the destination MAC on.
    #[inline]
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: `start` names `length` bytes of a buffer that is this draft's alone.
        unsafe { slice::from_raw_parts(self.start(), self.packet.length as usize) }
    }

    /// The bytes, to be written.
    #[inline]
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `bytes`, through the writable base of drafts; `&mut self` is the only access.
        unsafe { slice::from_raw_parts_mut(self.start(), self.packet.length as usize) }
    }

    #[inline]
    fn start(&self) -> *mut u8 {
        let offset = self.packet.buffer as usize * 64 + self.packet.start as usize;
        // SAFETY: the host named this offset of the arena for a draft that is alive.
        unsafe { self.door.base.add(offset) }
    }
}

impl<R: MayInject> Draft<'_, R> {
    /// Sends it down the ingress leg, below this extension, as if it came from `port`: port policy applies.
    pub fn inject_from(self, port: PortId) -> Result<(), HostError> {
        self.inject(port.get())
    }

    /// Sends it down the ingress leg, below this extension, as trusted: no port policy applies. Use sparingly.
    pub fn inject_trusted(self) -> Result<(), HostError> {
        self.inject(0)
    }

    fn inject(self, source_port: u32) -> Result<(), HostError> {
        let function = self.door.host.inject.ok_or(HostError::new("inject", Refusal::NotOffered))?;
        // SAFETY: the running call and a handle of it. A refused draft stays ours and is discarded by `Drop`.
        check("inject", unsafe { function(self.door.call, self.handle, source_port) })?;
        core::mem::forget(self);
        Ok(())
    }
}

/// What a delivery keeps of the tag a frame came with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Preserve {
    /// The tag itself, or its absence.
    pub vlan: bool,
    /// Its priority, when the tag is taken off.
    pub priority: bool,
}

impl Preserve {
    pub(super) fn flags(self) -> u32 {
        let flag = |on: bool, flag: u32| if on { flag } else { 0 };
        flag(self.vlan, abi::PACKET_PRESERVE_VLAN) | flag(self.priority, abi::PACKET_PRESERVE_PRIORITY)
    }
}

impl<R: MayDestine> Draft<'_, R> {
    /// Sends it to a port, as if it came from `source` (`None` = trusted, no port policy on ingress).
    pub fn inject_to_port(self, source: Option<PortId>, port: PortId) -> Result<(), HostError> {
        self.inject_to_nic(source, port, NicIndex::default(), Preserve::default())
    }

    /// As [`Draft::inject_to_port`], by one NIC of the external team, and with what is kept of the tag.
    pub fn inject_to_nic(
        self,
        source: Option<PortId>,
        port: PortId,
        nic: NicIndex,
        preserve: Preserve,
    ) -> Result<(), HostError> {
        let flags = preserve.flags();
        let destination =
            Destination { target: port.get(), flags, verdict: abi::VERDICT_TO_PORT, nic: nic.get(), reserved: 0 };
        self.inject_to(source, destination)
    }

    /// Sends it to each port of a group but `source`.
    pub fn inject_to_group(self, source: Option<PortId>, group: GroupId) -> Result<(), HostError> {
        let target = group.0;
        let destination = Destination { target, verdict: abi::VERDICT_TO_GROUP, ..Destination::default() };
        self.inject_to(source, destination)
    }

    fn inject_to(self, source: Option<PortId>, destination: Destination) -> Result<(), HostError> {
        let function = self.door.host.inject_to.ok_or(HostError::new("inject_to", Refusal::NotOffered))?;
        let source = source.map_or(0, PortId::get);
        // SAFETY: the running call, a handle of it and a struct that outlives the call.
        check("inject_to", unsafe { function(self.door.call, self.handle, source, &destination) })?;
        core::mem::forget(self);
        Ok(())
    }
}

impl<R: Rights> Drop for Draft<'_, R> {
    fn drop(&mut self) {
        if let Some(discard) = self.door.host.discard {
            // SAFETY: the running call and a handle of it that was not injected; a stale one is refused harmlessly.
            let _ = unsafe { discard(self.door.call, self.handle, abi::DROP_REASON_UNSPECIFIED) };
        }
    }
}
