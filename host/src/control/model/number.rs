//! Numbers with a range and a unit. Each range is enforced once, here, and quoted in `heddle --help`.

use super::InvalidValue;
use serde::Serialize;
use std::fmt;

macro_rules! ranged {
    ($(#[$meta:meta])* $name:ident($inner:ty), $field:literal, $min:literal ..= $max:literal, default $default:literal, $unit:literal) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        #[serde(transparent)]
        pub struct $name($inner);

        impl $name {
            /// Smallest value.
            pub const MIN: $inner = $min;
            /// Largest value.
            pub const MAX: $inner = $max;

            /// Checks and takes a value.
            ///
            /// # Errors
            /// When the value is outside `MIN..=MAX`.
            pub fn new(value: u64) -> Result<Self, InvalidValue> {
                match <$inner>::try_from(value) {
                    Ok(inner) if (Self::MIN..=Self::MAX).contains(&inner) => Ok(Self(inner)),
                    _ => Err(InvalidValue::new(
                        $field, value, "is out of range",
                        format!("give {} to {} {}", Self::MIN, Self::MAX, $unit))),
                }
            }

            /// The value.
            #[must_use]
            pub const fn get(self) -> $inner {
                self.0
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self($default)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

ranged!(
    /// Largest layer-3 payload of a port in bytes, without Ethernet header, tags and checksum. 68 is the least IPv4
    /// allows (RFC 791); above 65535 no IP length field reaches.
    Mtu(u32), "mtu", 68 ..= 65535, default 1500, "bytes"
);
ranged!(
    /// How long frames are in the hands of an extension's process before they go on without it, in milliseconds.
    LateAfter(u32), "late-after", 5 ..= 1000, default 25, "ms"
);
ranged!(
    /// How long an extension's process may stay behind before it is killed, in milliseconds.
    KillAfter(u32), "kill-after", 100 ..= 60000, default 1000, "ms"
);
ranged!(
    /// Receive and transmit queue pairs of a port. 64 is what the backends take (`ports::QUEUES_MAX`).
    QueueCount(u16), "queues", 1 ..= 64, default 1, "queues"
);
ranged!(
    /// Data-plane threads of a switch.
    WorkerCount(u16), "workers", 1 ..= 64, default 1, "workers"
);
ranged!(
    /// Ageing time of the filtering database in seconds. IEEE 802.1Q recommends 300 and a range of 10 to 1000000;
    /// shorter times are allowed for tests.
    AgeingTime(u32), "ageing", 1 ..= 1_000_000, default 300, "seconds"
);
