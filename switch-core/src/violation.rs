//! Violations: what an extension did that its role, its leg or the contract does not allow, by rule.
//!
//! Each is undone or refused where it is found, and counted for that extension with the port it was about. Bounded: one
//! counter a rule, and the port of the latest.

use crate::port_id::PortId;

macro_rules! rules {
    ($($(#[doc = $doc:literal])+ $variant:ident = $code:literal, $name:literal;)+) => {
        /// A rule that an extension may break.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum Rule { $($(#[doc = $doc])+ $variant = $code,)+ }

        impl Rule {
            /// All rules, in the order of their numbers.
            pub const ALL: &'static [Rule] = &[$(Rule::$variant,)+];

            /// Kebab-case name, as operators see it.
            pub const fn name(self) -> &'static str {
                match self { $(Rule::$variant => $name,)+ }
            }

            /// What was done, in a sentence.
            pub const fn description(self) -> &'static str {
                match self { $(Rule::$variant => concat!($($doc,)+).trim_ascii(),)+ }
            }
        }
    };
}

rules! {
    /// It gave a verdict that its role or this leg does not have.
    VerdictNotAllowed = 0, "verdict-not-allowed";
    /// It changed a field of a descriptor that is the switch's.
    FieldChanged = 1, "field-changed";
    /// It left a frame outside its buffer.
    FrameOutsideBuffer = 2, "frame-outside-buffer";
    /// It asked to change a frame as a capture, or on egress.
    ModifyNotAllowed = 3, "modify-not-allowed";
    /// It asked to hold a frame as a capture.
    HoldNotAllowed = 4, "hold-not-allowed";
    /// It asked to clone a frame as a capture.
    CloneNotAllowed = 5, "clone-not-allowed";
    /// It injected without destinations as a forwarding extension, or with destinations in another role.
    InjectNotAllowed = 6, "inject-not-allowed";
    /// It named a source port that was never there.
    SourceInvalid = 7, "source-invalid";
    /// It named a destination that was never there, or a NIC index the port does not have.
    DestinationInvalid = 8, "destination-invalid";
    /// It gave destinations to a frame that is forwarded natively.
    NativeForwarding = 9, "native-forwarding";
    /// It asked for a group of ports and is no forwarding extension.
    GroupNotAllowed = 10, "group-not-allowed";
    /// It referred to a port or NIC in a state that does not allow it.
    ReferenceNotAllowed = 11, "reference-not-allowed";
    /// It gave back a reference it never took.
    ReferenceUnknown = 12, "reference-unknown";
    /// It kept a reference to a port or NIC that was to be deleted.
    ReferenceKept = 13, "reference-kept";
    /// It wrote bytes of a frame that it may not change.
    FrameWritten = 14, "frame-written";
    /// It touched memory in front of a frame or behind its end.
    FrameOverrun = 15, "frame-overrun";
    /// It touched memory around the packets of its batch, or wrote what is the host's of the batch.
    BatchOverrun = 16, "batch-overrun";
    /// It touched a frame that it had given back, holds, or was shown in an earlier call.
    FrameGivenBack = 17, "frame-given-back";
    /// It changed what the process does about fatal signals.
    SignalHandlersChanged = 18, "signal-handlers-changed";
    /// It gave a drop reason that it never registered.
    DropReasonInvalid = 19, "drop-reason-invalid";
    /// It injected for frames that came of its own injections, again and again.
    InjectionLoop = 20, "injection-loop";
    /// It returned an error from an event that cannot fail.
    EventNotInfallible = 21, "event-not-infallible";
}

/// Rules in all.
pub const RULES: usize = Rule::ALL.len();

/// What one extension broke.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Broken {
    counts: [u64; RULES],
    latest: [PortId; RULES],
}

impl Broken {
    /// Counts a violation that was about a port (or none).
    pub fn count(&mut self, rule: Rule, port: PortId) {
        self.count_times(rule, 1, port);
    }

    /// Counts several of a rule that were about a port (or none).
    pub fn count_times(&mut self, rule: Rule, times: u64, port: PortId) {
        let at = usize::from(rule as u8);
        if let (Some(count), Some(latest)) = (self.counts.get_mut(at), self.latest.get_mut(at)) {
            *count += times;
            if !port.is_none() {
                *latest = port;
            }
        }
    }

    /// Sum of two workers; the port of either.
    pub fn add(&mut self, other: &Broken) {
        self.counts.iter_mut().zip(other.counts).for_each(|(mine, theirs)| *mine += theirs);
        let known = self.latest.iter_mut().zip(other.latest).filter(|(_, theirs)| !theirs.is_none());
        known.for_each(|(mine, theirs)| *mine = theirs);
    }

    /// How often a rule was broken, and with which port last.
    pub fn of(&self, rule: Rule) -> (u64, PortId) {
        let at = usize::from(rule as u8);
        (self.counts.get(at).copied().unwrap_or(0), self.latest.get(at).copied().unwrap_or_default())
    }

    /// All violations.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_numbered_and_named_by_themselves() {
        let mut names = std::collections::BTreeSet::new();
        for (number, rule) in Rule::ALL.iter().enumerate() {
            assert_eq!(usize::from(*rule as u8), number);
            assert!(names.insert(rule.name()) && rule.description().ends_with('.'), "{}", rule.name());
        }
    }

    #[test]
    fn violations_add_up_by_rule_and_keep_the_latest_port() {
        let (mut a, mut b, port) = (Broken::default(), Broken::default(), PortId::new(3, 1));
        a.count(Rule::HoldNotAllowed, PortId::NONE);
        b.count(Rule::HoldNotAllowed, port);
        b.count(Rule::FieldChanged, PortId::NONE);
        a.add(&b);
        assert_eq!((a.of(Rule::HoldNotAllowed), a.of(Rule::FieldChanged)), ((2, port), (1, PortId::NONE)));
        assert_eq!(a.total(), 3);
    }
}
