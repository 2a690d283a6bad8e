//! Capturing on a port: what is asked for, and one frame of the answer.

use super::super::bpf::Program;
use super::{InvalidValue, PortName, SwitchName, words};
use serde::Serialize;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

words!(
    /// Which way a captured frame went, seen from the switch.
    CaptureDirection, "direction" {
        /// From the port into the switch.
        Ingress = "ingress",
        /// From the switch out of the port.
        Egress = "egress",
    }
);

/// Bytes kept of each frame: 1 to 262144, the largest value capture tools accept. The default keeps whole frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct SnapLength(u32);

impl SnapLength {
    /// Largest value.
    pub const MAX: u32 = 262_144;

    /// Checks and takes a length in bytes.
    ///
    /// # Errors
    /// When it is 0 or above [`SnapLength::MAX`].
    pub fn new(bytes: u64) -> Result<Self, InvalidValue> {
        match u32::try_from(bytes) {
            Ok(inner) if (1..=Self::MAX).contains(&inner) => Ok(Self(inner)),
            _ => Err(InvalidValue::new("snaplen", bytes, "is out of range", "give 1 to 262144 bytes")),
        }
    }

    /// The length in bytes.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl Default for SnapLength {
    fn default() -> Self {
        Self(Self::MAX)
    }
}

impl fmt::Display for SnapLength {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where to capture and how much of each frame. How many frames and for how long is the server's business.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptureSpec {
    switch: SwitchName,
    port: PortName,
    snap_length: SnapLength,
    filter: Option<Arc<Program>>,
    drops: bool,
}

impl CaptureSpec {
    /// Every part is valid by itself.
    #[must_use]
    pub const fn new(switch: SwitchName, port: PortName, snap_length: SnapLength) -> Self {
        Self { switch, port, snap_length, filter: None, drops: false }
    }

    /// The same with a filter.
    #[must_use]
    pub fn filtered(self, filter: Program) -> Self {
        Self { filter: Some(Arc::new(filter)), ..self }
    }

    /// The same with dropped frames of the port, each with its reason.
    #[must_use]
    pub fn with_drops(self, drops: bool) -> Self {
        Self { drops, ..self }
    }

    /// Whether dropped frames are wanted, too.
    #[must_use]
    pub const fn drops(&self) -> bool {
        self.drops
    }

    /// What frames must match, when not all are wanted.
    #[must_use]
    pub const fn filter(&self) -> Option<&Arc<Program>> {
        self.filter.as_ref()
    }

    /// The switch.
    #[must_use]
    pub const fn switch(&self) -> &SwitchName {
        &self.switch
    }

    /// The port.
    #[must_use]
    pub const fn port(&self) -> &PortName {
        &self.port
    }

    /// Bytes to keep of each frame.
    #[must_use]
    pub const fn snap_length(&self) -> SnapLength {
        self.snap_length
    }
}

/// One captured frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CapturedFrame {
    /// When, in nanoseconds since 1970 UTC.
    pub unix_nanoseconds: u64,
    /// Which way.
    pub direction: CaptureDirection,
    /// Length of the frame on the port, before it was cut to the snap length.
    pub original_length: u32,
    /// The frame as the port's station sees it, from the destination address, tag included, without the checksum.
    pub bytes: Vec<u8>,
    /// Set when the frame was dropped: the reason's stable name.
    pub drop_reason: Option<Cow<'static, str>>,
}
