//! Why a frame ends without being delivered: one reason, one counter.
//!
//! Codes below [`EXTENSION_FIRST`] are the switch's own and listed here; the codes from there on are registered by
//! extensions under names of their own. Every frame that is not transmitted, consumed or held is counted under exactly
//! one code, per switch and per port.

/// First code given to reasons that extensions register.
pub const EXTENSION_FIRST: u16 = 64;
/// Codes in all: the switch's own and those of extensions.
pub const CODES: usize = 512;

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $variant:ident = $code:literal, $name:literal;)+) => {
        /// The switch's own drop reasons.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        #[repr(u16)]
        pub enum DropReason { $($(#[doc = $doc])+ $variant = $code,)+ }

        impl DropReason {
            /// All reasons, by code.
            pub const ALL: &'static [DropReason] = &[$(DropReason::$variant,)+];

            /// Kebab-case name, as operators see it everywhere.
            pub const fn name(self) -> &'static str {
                match self { $(DropReason::$variant => $name,)+ }
            }

            /// What it means, in a sentence.
            pub const fn description(self) -> &'static str {
                match self { $(DropReason::$variant => concat!($($doc,)+).trim_ascii(),)+ }
            }

            /// The reason with this code.
            pub const fn from_code(code: u16) -> Option<DropReason> {
                match code { $($code => Some(DropReason::$variant),)+ _ => None }
            }
        }
    };
}

reasons! {
    /// No port could receive the frame (802.1Q 8.6.1).
    NoDestination = 1, "no-destination";
    /// The destination is behind the port the frame came from (802.1Q 8.6.1).
    SamePort = 2, "same-port";
    /// Destination 01-80-C2-00-00-00..0F is never forwarded (802.1Q 8.6.3).
    ReservedMulticast = 3, "reserved-multicast";
    /// The source MAC is a group address (802.3 3.2.3).
    SourceMulticast = 4, "source-multicast";
    /// The port takes untagged frames only and the frame has a VLAN tag.
    VlanTagNotAllowed = 5, "vlan-tag-not-allowed";
    /// The frame's VLAN is not allowed on the port it came from.
    VlanNotAllowedIngress = 6, "vlan-not-allowed-ingress";
    /// The frame's VLAN is not allowed on the port it would go to.
    VlanNotAllowedEgress = 7, "vlan-not-allowed-egress";
    /// The destination port has no connected network adapter or is administratively down.
    PortDown = 8, "port-down";
    /// The source port has no network adapter or is administratively down.
    SourcePortDown = 9, "source-port-down";
    /// The source or destination port was deleted while the frame was under way.
    PortGone = 10, "port-gone";
    /// Shorter than an Ethernet header.
    FrameTooShort = 11, "frame-too-short";
    /// Longer than the MTU of the destination port.
    FrameTooLong = 12, "frame-too-long";
    /// No packet buffer was free.
    PoolEmpty = 13, "pool-empty";
    /// The device's transmit queue was full.
    TxQueueFull = 14, "tx-queue-full";
    /// The device of the destination port is gone or down.
    DeviceGone = 15, "device-gone";
    /// The ring to the worker that owns the destination port was full.
    HandoverFull = 16, "handover-full";
    /// The queue of frames that re-enter the pipeline was full.
    ResumeQueueFull = 17, "resume-queue-full";
    /// An extension held the frame longer than allowed.
    HoldExpired = 18, "hold-expired";
    /// An extension held the frame when it was disabled, or when another version took its place.
    ExtensionDisabled = 19, "extension-disabled";
    /// An extension panicked after it had made the frame writable.
    ExtensionPanic = 20, "extension-panic";
    /// An extension returned a verdict its role or leg does not have.
    ExtensionBadVerdict = 21, "extension-bad-verdict";
    /// An extension left a frame outside its buffer.
    ExtensionBadBounds = 22, "extension-bad-bounds";
    /// An extension dropped the frame without naming a registered reason.
    ExtensionDrop = 23, "extension-drop";
    /// The forwarding extension gave the frame no destination.
    NoForwardingDecision = 24, "no-forwarding-decision";
    /// The forwarding extension named a group that does not exist.
    GroupGone = 25, "group-gone";
    /// A segmentation-offload frame could not be cut into wire segments.
    SegmentationFailed = 26, "segmentation-failed";
    /// A partial checksum points outside the frame.
    ChecksumFailed = 27, "checksum-failed";
    /// An extension discarded a frame it held without naming a registered reason.
    ExtensionDiscard = 28, "extension-discard";
    /// The switch or the extension that held the frame is shutting down.
    ShuttingDown = 29, "shutting-down";
    /// The device rejected the frame itself: a runt, or offload facts it does not take.
    DeviceRefused = 30, "device-refused";
    /// The forwarding extension named a destination that was never there, or a NIC index the port does not have.
    ExtensionBadDestination = 31, "extension-bad-destination";
    /// Extensions injected it for a frame that came of injections itself, eight times over.
    InjectionLoop = 32, "injection-loop";
}

impl DropReason {
    /// The code under which the frame is counted.
    pub const fn code(self) -> u16 {
        self as u16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_own_code_and_name_below_the_extensions_range() {
        let mut names = std::collections::BTreeSet::new();
        for reason in DropReason::ALL {
            assert!(reason.code() > 0 && reason.code() < EXTENSION_FIRST);
            assert_eq!(DropReason::from_code(reason.code()), Some(*reason));
            assert!(names.insert(reason.name()), "{} twice", reason.name());
            assert!(reason.description().ends_with('.'));
        }
    }
}
