//! Frames of a capture file, pcap or pcapng in either byte order, with their times in nanoseconds.
//!
//! The parsing is the pcap-parser crate's; here is what a replay needs of it: Ethernet only, times of every resolution
//! (`if_tsresol`, `if_tsoffset`), several sections and interfaces, and errors with the file's name and the offset of the
//! block that is damaged. Memory is constant: a window of the file, which grows up to [`WINDOW_MAX`] for a long block.

use std::io;
use std::path::{Path, PathBuf};

use pcap_parser::traits::{PcapNGPacketBlock, PcapReaderIterator};
use pcap_parser::{Block, Linktype, PcapBlockOwned, PcapError, create_reader};

use crate::regular_file;

/// Window of the file that is in memory.
const WINDOW: usize = 64 << 10;
/// Largest window: a longer block is no frame anybody captured.
const WINDOW_MAX: usize = 4 << 20;
/// Interfaces of one section.
const INTERFACES_MAX: usize = 4_096;
const BILLION: i128 = 1_000_000_000;

/// Why a file cannot be read, or not further.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It cannot be opened or read.
    #[error("{file} cannot be read: {source}; check the path and heddled's rights to it", file = file.display())]
    Io {
        /// The file.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is no capture.
    #[error("{file} is not a capture: {reason}; give a pcap or pcapng file", file = file.display())]
    NotACapture {
        /// The file.
        file: PathBuf,
        /// What is wrong with its beginning.
        reason: &'static str,
    },
    /// It has frames that are not Ethernet.
    #[error("{file} has frames of link type {link_type}, not Ethernet (1); convert it with `editcap -T ether`", file = file.display())]
    LinkType {
        /// The file.
        file: PathBuf,
        /// Its link type.
        link_type: i32,
    },
    /// It is damaged.
    #[error("{file} is damaged at byte {offset}: {reason}; repair or capture it again", file = file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// Where the block that cannot be read begins.
        offset: u64,
        /// What is wrong.
        reason: &'static str,
    },
}

/// What is known about an interface of the file.
#[derive(Clone, Copy)]
struct Interface {
    link_type: Linktype,
    /// Bytes of frame check sequence at the end of each frame.
    fcs: u32,
    snap: u32,
    /// Units of a second.
    resolution: u64,
    /// Seconds to add.
    offset: i64,
}

/// A frame of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// When it was captured, in nanoseconds since 1970; `None` when the file does not say.
    pub time: Option<i128>,
    /// Its bytes, as far as they were captured.
    pub bytes: Vec<u8>,
    /// Whether some are missing.
    pub is_cut: bool,
}

/// Reads a file frame by frame.
pub struct Reader {
    file: PathBuf,
    blocks: Box<dyn PcapReaderIterator + Send>,
    interfaces: Vec<Interface>,
    offset: u64,
    /// Size the window was last asked to have.
    window: usize,
}

impl Reader {
    /// Opens a file and judges its beginning.
    pub fn open(file: &Path) -> Result<Reader, ReadError> {
        let io = |source| ReadError::Io { file: file.to_path_buf(), source };
        let not = |reason| ReadError::NotACapture { file: file.to_path_buf(), reason };
        let opened = regular_file::open(file).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidInput => not("it is not a regular file"),
            _ => io(error),
        })?;
        let blocks = create_reader(WINDOW, opened).map_err(|error| match error {
            PcapError::Eof => not("it is empty"),
            PcapError::Incomplete(_) | PcapError::UnexpectedEof => not("it ends within its header"),
            PcapError::ReadError => io(io::Error::other("the system gave no reason")),
            _ => not("it does not begin like one"),
        })?;
        Ok(Reader { file: file.to_path_buf(), blocks, interfaces: Vec::new(), offset: 0, window: WINDOW })
    }

    /// Puts the next frame into `frame`; `false` at the end of the file.
    pub fn next_into(&mut self, frame: &mut Frame) -> Result<bool, ReadError> {
        loop {
            let step = match self.blocks.next() {
                Ok((length, block)) => {
                    let taken = take(&mut self.interfaces, &block, frame);
                    Step::Block(length, taken)
                }
                Err(PcapError::Eof) => Step::End,
                Err(PcapError::Incomplete(_)) => Step::Refill,
                Err(PcapError::BufferTooSmall) => Step::Grow,
                Err(PcapError::UnexpectedEof) => Step::Bad("it ends within a block"),
                Err(PcapError::ReadError) => Step::Bad("the system cannot read on"),
                Err(_) => Step::Bad("a block is not as the format says"),
            };
            match step {
                Step::Block(length, taken) => {
                    let found = taken.map_err(|wrong| self.error(wrong))?;
                    self.blocks.consume(length);
                    self.offset += u64::try_from(length).unwrap_or(0);
                    if found {
                        return Ok(true);
                    }
                }
                Step::End => return Ok(false),
                Step::Refill => self.refill()?,
                Step::Grow => {
                    self.window *= 2;
                    if self.window > WINDOW_MAX || !self.blocks.grow(self.window) {
                        return Err(self.damaged("a block is longer than any frame"));
                    }
                    self.refill()?;
                }
                Step::Bad(reason) => return Err(self.damaged(reason)),
            }
        }
    }

    fn refill(&mut self) -> Result<(), ReadError> {
        let refilled = self.blocks.refill().is_ok();
        if refilled { Ok(()) } else { Err(self.damaged("the system cannot read on")) }
    }

    fn damaged(&self, reason: &'static str) -> ReadError {
        ReadError::Damaged { file: self.file.clone(), offset: self.offset, reason }
    }

    fn error(&self, wrong: Wrong) -> ReadError {
        match wrong {
            Wrong::LinkType(link_type) => ReadError::LinkType { file: self.file.clone(), link_type },
            Wrong::Block(reason) => self.damaged(reason),
        }
    }
}

/// What came of asking for a block, without what it borrows.
enum Step {
    Block(usize, Result<bool, Wrong>),
    End,
    Refill,
    Grow,
    Bad(&'static str),
}

/// What is wrong with a block.
enum Wrong {
    LinkType(i32),
    Block(&'static str),
}

/// Takes in a block; whether it was a frame.
fn take(interfaces: &mut Vec<Interface>, block: &PcapBlockOwned<'_>, frame: &mut Frame) -> Result<bool, Wrong> {
    match block {
        PcapBlockOwned::LegacyHeader(header) => {
            let resolution = if header.is_nanosecond_precision() { 1_000_000_000 } else { 1_000_000 };
            let (link_type, fcs) = link_of(header.network);
            interfaces.push(Interface { link_type, fcs, snap: header.snaplen, resolution, offset: 0 });
            Ok(false)
        }
        PcapBlockOwned::Legacy(packet) => {
            let interface = known(interfaces, 0)?;
            let units = i128::from(packet.ts_sec) * i128::from(interface.resolution) + i128::from(packet.ts_usec);
            frame.time = Some(nanoseconds(units, &interface));
            // Of a frame that was cut, as much of it is there as the cut left.
            let without_fcs = packet.origlen.saturating_sub(interface.fcs);
            fill(frame, packet.data, packet.caplen.min(without_fcs), without_fcs);
            Ok(true)
        }
        PcapBlockOwned::NG(Block::SectionHeader(_)) => {
            interfaces.clear();
            Ok(false)
        }
        PcapBlockOwned::NG(Block::InterfaceDescription(about)) => {
            if interfaces.len() >= INTERFACES_MAX {
                return Err(Wrong::Block("a section has more than 4096 interfaces"));
            }
            let resolution = units_of(about.if_tsresol);
            let resolution = resolution.ok_or(Wrong::Block("an interface's time resolution cannot be"))?;
            let (link_type, snap) = (about.linktype, about.snaplen);
            interfaces.push(Interface { link_type, fcs: 0, snap, resolution, offset: about.ts_offset() });
            Ok(false)
        }
        PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
            let interface = known(interfaces, packet.if_id)?;
            let units = i128::from(packet.ts_high) << 32 | i128::from(packet.ts_low);
            frame.time = Some(nanoseconds(units, &interface));
            fill(frame, packet.packet_data(), packet.caplen, packet.origlen);
            Ok(true)
        }
        PcapBlockOwned::NG(Block::SimplePacket(packet)) => {
            let interface = known(interfaces, 0)?;
            let snap = if interface.snap == 0 { u32::MAX } else { interface.snap };
            frame.time = None;
            fill(frame, packet.data, packet.origlen.min(snap), packet.origlen);
            Ok(true)
        }
        PcapBlockOwned::NG(_) => Ok(false),
    }
}

fn known(interfaces: &[Interface], number: u32) -> Result<Interface, Wrong> {
    let found = usize::try_from(number).ok().and_then(|number| interfaces.get(number)).copied();
    let interface = found.ok_or(Wrong::Block("a frame is of an interface that was not described"))?;
    if interface.link_type != Linktype::ETHERNET {
        return Err(Wrong::LinkType(interface.link_type.0));
    }
    Ok(interface)
}

/// Link type and length of the frame check sequence from the last word of a pcap header (draft-ietf-opsawg-pcap section 4):
/// the length counts 16-bit words, and only when a bit says so; what else is above the type means nothing.
fn link_of(word: Linktype) -> (Linktype, u32) {
    const FCS_IS_THERE: i32 = 1 << 26;
    let words = u32::try_from(word.0 >> 28 & 0xf).unwrap_or(0);
    (Linktype(word.0 & 0xffff), if word.0 & FCS_IS_THERE == 0 { 0 } else { 2 * words })
}

/// Units of a second by `if_tsresol`: a power of ten or, with the highest bit set, of two.
fn units_of(tsresol: u8) -> Option<u64> {
    let (base, exponent): (u64, u8) = if tsresol & 0x80 == 0 { (10, tsresol) } else { (2, tsresol & 0x7f) };
    base.checked_pow(exponent.into())
}

fn nanoseconds(units: i128, interface: &Interface) -> i128 {
    units * BILLION / i128::from(interface.resolution.max(1)) + i128::from(interface.offset) * BILLION
}

fn fill(frame: &mut Frame, data: &[u8], captured: u32, original: u32) {
    let length = usize::try_from(captured).unwrap_or(usize::MAX).min(data.len());
    frame.bytes.clear();
    frame.bytes.extend_from_slice(data.get(..length).unwrap_or_default());
    frame.is_cut = u64::from(original) > u64::try_from(length).unwrap_or(u64::MAX);
}
