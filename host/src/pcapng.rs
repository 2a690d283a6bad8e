//! Writing pcapng (IETF draft-ietf-opsawg-pcapng): section header, one interface, enhanced packets, interface statistics.
//!
//! Times are nanoseconds (if_tsresol 9). Each packet carries its direction in epb_flags, seen from the switch: inbound is
//! ingress. A dropped frame carries its drop reason as a comment, so that it shows in every tool. Little-endian.

use crate::control::model::{CaptureDirection, CapturedFrame};
use std::io::{self, Write};

/// Type of the first block.
pub(crate) const SECTION_HEADER: u32 = 0x0A0D_0D0A;
const BYTE_ORDER: u32 = 0x1A2B_3C4D;
const INTERFACE_DESCRIPTION: u32 = 1;
const ENHANCED_PACKET: u32 = 6;
const INTERFACE_STATISTICS: u32 = 5;
/// Type, and length before and behind.
const BLOCK_LEN: u64 = 12;
/// LINKTYPE_ETHERNET.
const LINK_ETHERNET: u16 = 1;

const OPT_END: u16 = 0;
const OPT_COMMENT: u16 = 1;
const SHB_USERAPPL: u16 = 4;
const IF_NAME: u16 = 2;
const IF_DESCRIPTION: u16 = 3;
const IF_TSRESOL: u16 = 9;
const EPB_FLAGS: u16 = 2;
const ISB_IFRECV: u16 = 4;
const ISB_IFDROP: u16 = 5;

/// What the file says about the port.
pub(crate) struct Interface {
    pub(crate) name: String,
    pub(crate) description: String,
    /// Bytes kept of each frame; 0 = all.
    pub(crate) snap_length: u32,
    /// Comment on every packet.
    pub(crate) comment: Option<String>,
}

/// A pcapng file being written.
pub(crate) struct Writer<W: Write> {
    to: W,
    last_time: u64,
    comment: Option<String>,
}

/// The body of one block, padded to 32 bits after each part.
#[derive(Default)]
struct Body(Vec<u8>);

impl Body {
    fn u16(mut self, value: u16) -> Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    fn u32(mut self, value: u32) -> Self {
        self.0.extend(value.to_le_bytes());
        self
    }

    fn time(self, nanoseconds: u64) -> Self {
        let [a, b, c, d, e, f, g, h] = nanoseconds.to_le_bytes();
        self.u32(u32::from_le_bytes([e, f, g, h])).u32(u32::from_le_bytes([a, b, c, d]))
    }

    fn padded(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }

    /// An option; longer values than the 16-bit length field holds are cut.
    fn option(self, code: u16, value: &[u8]) -> Self {
        let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
        let value = value.get(..usize::from(length)).unwrap_or(value);
        self.u16(code).u16(length).padded(value)
    }
}

impl<W: Write> Writer<W> {
    /// Starts a file with one section and one interface.
    pub(crate) fn new(to: W, interface: &Interface) -> io::Result<Self> {
        let mut writer = Self { to, last_time: 0, comment: interface.comment.clone() };
        let program = concat!("heddle ", env!("CARGO_PKG_VERSION"));
        // Version 1.0; section length unknown (all ones).
        let section = Body::default().u32(BYTE_ORDER).u16(1).u16(0).u32(u32::MAX).u32(u32::MAX);
        writer.block(SECTION_HEADER, section.option(SHB_USERAPPL, program.as_bytes()).option(OPT_END, &[]))?;
        let description = Body::default()
            .u16(LINK_ETHERNET)
            .u16(0)
            .u32(interface.snap_length)
            .option(IF_NAME, interface.name.as_bytes())
            .option(IF_DESCRIPTION, interface.description.as_bytes())
            .option(IF_TSRESOL, &[9])
            .option(OPT_END, &[]);
        writer.block(INTERFACE_DESCRIPTION, description)?;
        writer.flush()?;
        Ok(writer)
    }

    /// Bytes a frame takes in the file.
    pub(crate) fn size_of(&self, frame: &CapturedFrame) -> u64 {
        self.packet(frame).map_or(0, |body| BLOCK_LEN + u64::try_from(body.0.len()).unwrap_or(u64::MAX))
    }

    /// Appends a frame.
    pub(crate) fn frame(&mut self, frame: &CapturedFrame) -> io::Result<()> {
        let body = self.packet(frame)?;
        self.last_time = self.last_time.max(frame.unix_nanoseconds);
        self.block(ENHANCED_PACKET, body)
    }

    fn packet(&self, frame: &CapturedFrame) -> io::Result<Body> {
        let captured = u32::try_from(frame.bytes.len()).map_err(io::Error::other)?;
        let direction: u32 = match frame.direction {
            CaptureDirection::Ingress => 1,
            CaptureDirection::Egress => 2,
        };
        let mut body = Body::default()
            .u32(0)
            .time(frame.unix_nanoseconds)
            .u32(captured)
            .u32(frame.original_length)
            .padded(&frame.bytes)
            .option(EPB_FLAGS, &direction.to_le_bytes());
        if let Some(reason) = &frame.drop_reason {
            body = body.option(OPT_COMMENT, format!("dropped: {reason}").as_bytes());
        }
        if let Some(comment) = &self.comment {
            body = body.option(OPT_COMMENT, comment.as_bytes());
        }
        Ok(body.option(OPT_END, &[]))
    }

    /// Ends the file with how many frames it has and how many are missing.
    pub(crate) fn finish(&mut self, frames: u64, missed: u64) -> io::Result<()> {
        let body = Body::default()
            .u32(0)
            .time(self.last_time)
            .option(ISB_IFRECV, &frames.saturating_add(missed).to_le_bytes())
            .option(ISB_IFDROP, &missed.to_le_bytes())
            .option(OPT_END, &[]);
        self.block(INTERFACE_STATISTICS, body)?;
        self.flush()
    }

    /// Hands everything written so far to the system.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }

    fn block(&mut self, kind: u32, body: Body) -> io::Result<()> {
        let length = u32::try_from(body.0.len()).ok().and_then(|length| length.checked_add(12));
        let length = length.ok_or(io::ErrorKind::InvalidInput)?;
        self.to.write_all(&kind.to_le_bytes())?;
        self.to.write_all(&length.to_le_bytes())?;
        self.to.write_all(&body.0)?;
        self.to.write_all(&length.to_le_bytes())
    }
}
