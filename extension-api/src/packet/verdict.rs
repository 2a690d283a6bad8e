//! What an extension decides about a packet: drop, hold, clone, modify, and where it goes.
//!
//! Part of the unsafe island of [`super`]. A verdict takes the frame, so that it is given once. A frame without a
//! verdict passes.
#![allow(unsafe_code)]

use core::fmt;
use core::slice;

use super::draft::{Draft, HeldFrame, Preserve};
use super::frame::Frame;
use crate::abi::packet as abi;
use crate::rights::{MayClone, MayDrop, MayForward, MayHold, MayModify, Rights};
use crate::status::{check, HostError, Refusal};
use crate::types::{DropReason, GroupId, NicIndex, PortId};

/// A frame the host would not hold or make writable, given back for another decision.
#[derive(Debug)]
pub struct Refused<F> {
    /// The frame, without a verdict.
    pub frame: F,
    /// Why.
    pub error: HostError,
}

impl<F> fmt::Display for Refused<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<F: fmt::Debug> std::error::Error for Refused<F> {}

impl<R: Rights> Frame<'_, '_, R> {
    #[inline]
    fn descriptor_mut(&mut self) -> &mut abi::Packet {
        // SAFETY: a valid descriptor of the running call, of which this is the only frame. Callers hold a right that
        // capture extensions, whose descriptors are read-only, do not have.
        unsafe { self.packet.as_mut() }
    }
}

impl<R: MayDrop> Frame<'_, '_, R> {
    /// Drops the frame on ingress, excludes the delivery on egress.
    #[inline]
    pub fn drop(mut self, reason: DropReason) {
        let packet = self.descriptor_mut();
        packet.verdict = abi::VERDICT_DROP;
        packet.drop_reason = reason.0;
    }

    /// Sets the mark that extensions lower in the stack see.
    #[inline]
    pub fn set_mark(&mut self, mark: u32) {
        self.descriptor_mut().mark = mark;
    }

    /// The word that is free for the extension within one call. Undefined before [`Frame::set_user`].
    #[inline]
    pub fn user(&self) -> u64 {
        self.descriptor().user
    }

    /// Sets the word that is free for the extension within one call.
    #[inline]
    pub fn set_user(&mut self, user: u64) {
        self.descriptor_mut().user = user;
    }
}

impl<R: MayHold> Frame<'_, '_, R> {
    /// Takes the frame out of the batch until [`Call::release`](crate::Call::release).
    pub fn hold(self) -> Result<HeldFrame, Refused<Self>> {
        let mut handle = 0;
        let outcome = match self.call.host.hold {
            None => Err(HostError::new("hold", Refusal::NotOffered)),
            // SAFETY: an index of the running call and a valid out pointer; no reference to the descriptor lives.
            Some(function) => check("hold", unsafe { function(self.call.raw, self.index(), &mut handle) }),
        };
        match outcome {
            Ok(()) => Ok(HeldFrame::new(handle)),
            Err(error) => Err(Refused { frame: self, error }),
        }
    }
}

impl<'b, R: MayClone> Frame<'b, '_, R> {
    /// Copies the frame into a draft that can be changed and injected on ingress. Destinations are not kept.
    pub fn clone_packet(&self) -> Result<Draft<'b, R>, HostError> {
        let function = self.call.host.clone_packet.ok_or(HostError::new("clone_packet", Refusal::NotOffered))?;
        let (call, index) = (self.call.raw, self.index());
        // SAFETY: the index is one of the running call, the out pointers are valid for the call.
        unsafe {
            Draft::make("clone_packet", self.call.draft_door(), |handle, packet| function(call, index, handle, packet))
        }
    }
}

impl<'b, 'a, R: MayModify> Frame<'b, 'a, R> {
    /// Gives write access to the bytes; the host copies them first when the buffer is shared.
    pub fn make_writable(self) -> Result<WritableFrame<'b, 'a, R>, Refused<Self>> {
        let outcome = match self.call.host.make_writable {
            None => Err(HostError::new("make_writable", Refusal::NotOffered)),
            // SAFETY: an index of the running call; no reference to the descriptor or its bytes lives.
            Some(function) => check("make_writable", unsafe { function(self.call.raw, self.index()) }),
        };
        match outcome {
            Ok(()) => Ok(WritableFrame { frame: self }),
            Err(error) => Err(Refused { frame: self, error }),
        }
    }
}

/// A frame whose bytes may be changed. After a change of headers, [`WritableFrame::reparse`] makes the facts true again.
#[derive(Debug)]
pub struct WritableFrame<'b, 'a, R: MayModify> {
    frame: Frame<'b, 'a, R>,
}

impl<'b, 'a, R: MayModify> WritableFrame<'b, 'a, R> {
    /// The bytes, from the destination MAC on.
    #[inline]
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        let packet = self.frame.descriptor();
        let (offset, length) = (packet.buffer as usize * 64 + packet.start as usize, packet.length as usize);
        // SAFETY: `make_writable` succeeded, so the `length` bytes here belong to this descriptor alone and are mapped
        // writable for the role; `&mut self` is the only access to them.
        unsafe { slice::from_raw_parts_mut(self.frame.call.base.add(offset) as *mut u8, length) }
    }

    /// Has the core parse the headers anew and gives the frame back.
    pub fn reparse(self) -> Result<Frame<'b, 'a, R>, Refused<Frame<'b, 'a, R>>> {
        let frame = self.frame;
        let outcome = match frame.call.host.reparse {
            None => Err(HostError::new("reparse", Refusal::NotOffered)),
            // SAFETY: an index of the running call; no reference to the descriptor or its bytes lives.
            Some(function) => check("reparse", unsafe { function(frame.call.raw, frame.index()) }),
        };
        match outcome {
            Ok(()) => Ok(frame),
            Err(error) => Err(Refused { frame, error }),
        }
    }

    /// The frame, when no header was changed.
    #[inline]
    pub fn payload_only(self) -> Frame<'b, 'a, R> {
        self.frame
    }
}

impl<R: MayForward> Frame<'_, '_, R> {
    /// Delivers the frame to one port.
    #[inline]
    pub fn to_port(mut self, port: PortId) {
        let packet = self.descriptor_mut();
        packet.verdict = abi::VERDICT_TO_PORT;
        packet.destination = port.get();
    }

    /// Delivers the frame to one port by one NIC: 0 but for the external port, where 1..32 is a member of its team.
    #[inline]
    pub fn to_nic(mut self, port: PortId, nic: NicIndex) {
        let packet = self.descriptor_mut();
        packet.verdict = abi::VERDICT_TO_PORT;
        packet.destination = port.get();
        packet.destination_nic = nic.get();
    }

    /// Has deliveries of the frame keep of its tag what `preserve` says.
    #[inline]
    pub fn preserve(&mut self, preserve: Preserve) {
        let both = abi::PACKET_PRESERVE_VLAN | abi::PACKET_PRESERVE_PRIORITY;
        let packet = self.descriptor_mut();
        packet.flags = (packet.flags & !both) | preserve.flags();
    }

    /// Delivers the frame to each port of a group, except the one it came from.
    #[inline]
    pub fn to_group(mut self, group: GroupId) {
        let packet = self.descriptor_mut();
        packet.verdict = abi::VERDICT_TO_GROUP;
        packet.destination = group.0;
    }
}
