//! Filters of captures: classic BPF programs, checked once and run on each frame before it is copied.
//!
//! The instruction set is that of McCanne and Jacobson's paper, numbered as in Linux `filter.h` and `bpf(4)`; libpcap compiles
//! its filter language to it. A program comes from a client, so [`Program::new`] believes nothing: at most
//! [`MAX_INSTRUCTIONS`], known codes, jumps forward and inside the program, memory words that exist, no division by a
//! constant zero, and an end in a return. What is left can be run without a bound on time: each instruction runs once at
//! most. A load past the end of the frame, or a division by zero, ends the program with "no match", as in the kernel.
//!
//! Cost: some nanoseconds an instruction, only while a capture with a filter runs. Kernel extensions (negative offsets) are
//! not there; libpcap does not use them for files.

use super::model::InvalidValue;

/// Most instructions of a program, as in the kernel.
pub const MAX_INSTRUCTIONS: usize = 4096;
/// Words of scratch memory.
const WORDS: usize = 16;

/// An instruction as it travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instruction {
    /// Class, size, mode or operation.
    pub code: u16,
    /// Instructions to skip when a condition holds.
    pub yes: u8,
    /// And when it does not.
    pub no: u8,
    /// The operand.
    pub k: u32,
}

/// A program that may be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    steps: Box<[Step]>,
}

/// A frame as a capture shows it: the tag, which travels beside the bytes, in its place after the addresses.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    bytes: &'a [u8],
    tag: Option<[u8; 4]>,
}

/// Where the tag goes: after destination and source.
const TAG_AT: usize = 12;

impl<'a> Frame<'a> {
    /// A frame without its checksum, and the tag control information of its tag.
    #[must_use]
    pub fn new(bytes: &'a [u8], tag_control: Option<u16>) -> Self {
        let [a, b] = heddle_switch_core::parse::ether_type::CUSTOMER_TAG.to_be_bytes();
        let tag = tag_control.map(|control| {
            let [c, d] = control.to_be_bytes();
            [a, b, c, d]
        });
        Self { bytes, tag }
    }

    fn len(&self) -> u32 {
        let tag = if self.tag.is_some() { 4 } else { 0 };
        u32::try_from(self.bytes.len() + tag).unwrap_or(u32::MAX)
    }

    fn byte(&self, at: usize) -> Option<u8> {
        match self.tag {
            Some(tag) if at >= TAG_AT => match tag.get(at - TAG_AT) {
                Some(byte) => Some(*byte),
                None => self.bytes.get(at - tag.len()).copied(),
            },
            _ => self.bytes.get(at).copied(),
        }
    }

    /// `size` bytes at `at` in network order.
    fn load(&self, at: u32, size: usize) -> Option<u32> {
        let at = usize::try_from(at).ok()?;
        let end = at.checked_add(size)?;
        if self.tag.is_none() || end <= TAG_AT {
            return match *self.bytes.get(at..end)? {
                [a] => Some(a.into()),
                [a, b] => Some(u16::from_be_bytes([a, b]).into()),
                [a, b, c, d] => Some(u32::from_be_bytes([a, b, c, d])),
                _ => None,
            };
        }
        (at..end).try_fold(0, |word, at| Some(word << 8 | u32::from(self.byte(at)?)))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operand {
    K(u32),
    X,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Arithmetic {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Or,
    And,
    Xor,
    Left,
    Right,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Test {
    Equal,
    Greater,
    AtLeast,
    AnyBit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    LoadA(Load),
    LoadX(Load),
    StoreA(usize),
    StoreX(usize),
    Compute(Arithmetic, Operand),
    Negate,
    Jump(usize),
    Branch { test: Test, with: Operand, yes: usize, no: usize },
    ReturnK(u32),
    ReturnA,
    AToX,
    XToA,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Load {
    Constant(u32),
    At {
        offset: u32,
        size: usize,
    },
    AtX {
        offset: u32,
        size: usize,
    },
    Memory(usize),
    Length,
    /// Four times the low four bits of a byte: the length of an IPv4 header.
    HeaderLength(u32),
}

impl Program {
    /// Checks a program.
    ///
    /// # Errors
    /// When it is empty, too long, or has an instruction that cannot be run.
    pub fn new(instructions: &[Instruction]) -> Result<Self, InvalidValue> {
        let fix = "send a program that libpcap compiled for Ethernet";
        let count = instructions.len();
        if count == 0 || count > MAX_INSTRUCTIONS {
            let reason = format!("is not a program of 1 to {MAX_INSTRUCTIONS} instructions");
            return Err(InvalidValue::new("filter", format!("{count} instructions"), reason, fix));
        }
        let step = |(at, instruction): (usize, &Instruction)| {
            decode(at, count, *instruction)
                .map_err(|reason| InvalidValue::new("filter", format!("instruction {at}"), reason, fix))
        };
        let steps: Box<[Step]> = instructions.iter().enumerate().map(step).collect::<Result<_, _>>()?;
        match steps.last() {
            Some(Step::ReturnA | Step::ReturnK(_)) => Ok(Self { steps }),
            _ => Err(InvalidValue::new("filter", format!("instruction {}", count - 1), "is not a return", fix)),
        }
    }

    /// Whether the program takes the frame.
    #[must_use]
    pub fn matches(&self, frame: &Frame<'_>) -> bool {
        self.run(frame).is_some_and(|kept| kept != 0)
    }

    fn run(&self, frame: &Frame<'_>) -> Option<u32> {
        let (mut a, mut x, mut memory) = (0u32, 0u32, [0u32; WORDS]);
        let mut next = 0;
        loop {
            let step = *self.steps.get(next)?;
            next += 1;
            match step {
                Step::LoadA(load) => a = load.value(frame, x, &memory)?,
                Step::LoadX(load) => x = load.value(frame, x, &memory)?,
                Step::StoreA(word) => *memory.get_mut(word)? = a,
                Step::StoreX(word) => *memory.get_mut(word)? = x,
                Step::Compute(operation, with) => a = operation.of(a, with.value(x))?,
                Step::Negate => a = a.wrapping_neg(),
                Step::Jump(to) => next = to,
                Step::Branch { test, with, yes, no } => next = if test.holds(a, with.value(x)) { yes } else { no },
                Step::ReturnK(kept) => return Some(kept),
                Step::ReturnA => return Some(a),
                Step::AToX => x = a,
                Step::XToA => a = x,
            }
        }
    }
}

impl Operand {
    const fn value(self, x: u32) -> u32 {
        match self {
            Self::K(k) => k,
            Self::X => x,
        }
    }
}

impl Load {
    fn value(self, frame: &Frame<'_>, x: u32, memory: &[u32; WORDS]) -> Option<u32> {
        match self {
            Self::Constant(k) => Some(k),
            Self::At { offset, size } => frame.load(offset, size),
            Self::AtX { offset, size } => frame.load(x.checked_add(offset)?, size),
            Self::Memory(word) => memory.get(word).copied(),
            Self::Length => Some(frame.len()),
            Self::HeaderLength(offset) => Some(4 * (frame.load(offset, 1)? & 0xF)),
        }
    }
}

impl Arithmetic {
    fn of(self, a: u32, b: u32) -> Option<u32> {
        match self {
            Self::Add => Some(a.wrapping_add(b)),
            Self::Sub => Some(a.wrapping_sub(b)),
            Self::Mul => Some(a.wrapping_mul(b)),
            Self::Div => a.checked_div(b),
            Self::Mod => a.checked_rem(b),
            Self::Or => Some(a | b),
            Self::And => Some(a & b),
            Self::Xor => Some(a ^ b),
            Self::Left => Some(a.checked_shl(b).unwrap_or(0)),
            Self::Right => Some(a.checked_shr(b).unwrap_or(0)),
        }
    }
}

impl Test {
    const fn holds(self, a: u32, b: u32) -> bool {
        match self {
            Self::Equal => a == b,
            Self::Greater => a > b,
            Self::AtLeast => a >= b,
            Self::AnyBit => a & b != 0,
        }
    }
}

type Decoded<T> = Result<T, &'static str>;
const UNKNOWN: &str = "has an unknown code";

fn decode(at: usize, count: usize, instruction: Instruction) -> Decoded<Step> {
    let Instruction { code, k, .. } = instruction;
    match code & 0x07 {
        0x00 => decode_load(code, k).map(Step::LoadA),
        0x01 => decode_load(code, k).map(Step::LoadX),
        0x02 if code == 0x02 => word(k).map(Step::StoreA),
        0x03 if code == 0x03 => word(k).map(Step::StoreX),
        0x04 => decode_arithmetic(code, k),
        0x05 => decode_jump(at, count, instruction),
        0x06 => match code {
            0x06 => Ok(Step::ReturnK(k)),
            0x16 => Ok(Step::ReturnA),
            _ => Err(UNKNOWN),
        },
        0x07 => match code {
            0x07 => Ok(Step::AToX),
            0x87 => Ok(Step::XToA),
            _ => Err(UNKNOWN),
        },
        _ => Err(UNKNOWN),
    }
}

fn word(k: u32) -> Decoded<usize> {
    usize::try_from(k).ok().filter(|word| *word < WORDS).ok_or("names a memory word above 15")
}

fn decode_load(code: u16, k: u32) -> Decoded<Load> {
    let to_x = code & 0x07 == 0x01;
    let size = match code & 0x18 {
        0x00 => 4,
        0x08 => 2,
        0x10 => 1,
        _ => return Err(UNKNOWN),
    };
    match (code & 0xE0, to_x, size) {
        (0x00, _, 4) => Ok(Load::Constant(k)),
        (0x20, false, size) => Ok(Load::At { offset: k, size }),
        (0x40, false, size) => Ok(Load::AtX { offset: k, size }),
        (0x60, _, 4) => word(k).map(Load::Memory),
        (0x80, _, 4) => Ok(Load::Length),
        (0xA0, true, 1) => Ok(Load::HeaderLength(k)),
        _ => Err(UNKNOWN),
    }
}

fn operand(code: u16, k: u32) -> Operand {
    if code & 0x08 == 0 { Operand::K(k) } else { Operand::X }
}

fn decode_arithmetic(code: u16, k: u32) -> Decoded<Step> {
    let with = operand(code, k);
    let operation = match code & 0xF0 {
        0x00 => Arithmetic::Add,
        0x10 => Arithmetic::Sub,
        0x20 => Arithmetic::Mul,
        0x30 => Arithmetic::Div,
        0x40 => Arithmetic::Or,
        0x50 => Arithmetic::And,
        0x60 => Arithmetic::Left,
        0x70 => Arithmetic::Right,
        0x80 => return Ok(Step::Negate),
        0x90 => Arithmetic::Mod,
        0xA0 => Arithmetic::Xor,
        _ => return Err(UNKNOWN),
    };
    if matches!(operation, Arithmetic::Div | Arithmetic::Mod) && with == Operand::K(0) {
        return Err("divides by zero");
    }
    Ok(Step::Compute(operation, with))
}

fn decode_jump(at: usize, count: usize, instruction: Instruction) -> Decoded<Step> {
    let Instruction { code, yes, no, k } = instruction;
    let target = |skip: usize| {
        let to = (at + 1).checked_add(skip).filter(|to| *to < count);
        to.ok_or("jumps out of the program")
    };
    let test = match code & 0xF0 {
        0x00 => return usize::try_from(k).map_err(|_| UNKNOWN).and_then(target).map(Step::Jump),
        0x10 => Test::Equal,
        0x20 => Test::Greater,
        0x30 => Test::AtLeast,
        0x40 => Test::AnyBit,
        _ => return Err(UNKNOWN),
    };
    Ok(Step::Branch { test, with: operand(code, k), yes: target(yes.into())?, no: target(no.into())? })
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn i(code: u16, yes: u8, no: u8, k: u32) -> Instruction {
        Instruction { code, yes, no, k }
    }

    /// What `tcpdump -d udp dst port 53` prints for IPv4.
    const UDP_53: [Instruction; 10] = [
        i(0x28, 0, 0, 12),
        i(0x15, 0, 7, 0x800),
        i(0x30, 0, 0, 23),
        i(0x15, 0, 5, 17),
        i(0x28, 0, 0, 20),
        i(0x45, 3, 0, 0x1FFF),
        i(0xB1, 0, 0, 14),
        i(0x48, 0, 0, 16),
        i(0x15, 0, 0, 53),
        i(0x06, 0, 0, 0),
    ];

    fn udp(port: u16) -> Vec<u8> {
        let mut frame = vec![0; 64];
        frame[12..14].copy_from_slice(&[8, 0]);
        frame[14] = 0x45;
        frame[23] = 17;
        frame[36..38].copy_from_slice(&port.to_be_bytes());
        frame
    }

    fn udp_53() -> Result<Program, InvalidValue> {
        let mut program = UDP_53.to_vec();
        program[8] = i(0x15, 1, 0, 53);
        program.push(i(0x06, 0, 0, 262_144));
        Program::new(&program)
    }

    #[test]
    fn a_program_takes_what_it_was_written_for() -> Result<(), InvalidValue> {
        let program = udp_53()?;
        assert!(program.matches(&Frame::new(&udp(53), None)));
        assert!(!program.matches(&Frame::new(&udp(54), None)));
        assert!(!program.matches(&Frame::new(&udp(53)[..37], None)), "a load past the end is no match");
        assert!(!program.matches(&Frame::new(&udp(53), Some(5))), "the type of a tagged frame is the tag's");
        Ok(())
    }

    #[test]
    fn the_tag_stands_where_a_capture_shows_it() -> Result<(), InvalidValue> {
        let frame = udp(53);
        let tagged = Frame::new(&frame, Some(0x6005));
        let mut whole = frame.clone();
        whole.splice(12..12, [0x81, 0x00, 0x60, 0x05]);
        for (at, byte) in whole.iter().enumerate() {
            assert_eq!(tagged.byte(at), Some(*byte), "{at}");
        }
        assert_eq!((tagged.byte(whole.len()), tagged.len()), (None, 68));
        assert_eq!(tagged.load(11, 4), Some(u32::from_be_bytes([whole[11], whole[12], whole[13], whole[14]])));
        assert_eq!(tagged.load(u32::MAX, 4), None);
        Ok(())
    }

    #[test]
    fn what_cannot_be_run_is_refused_with_its_place() {
        let refused = |program: &[Instruction]| {
            Program::new(program).err().map_or_else(|| "taken".to_owned(), |error| error.to_string())
        };
        let end = i(0x06, 0, 0, 1);
        assert!(refused(&[]).contains("0 instructions"));
        assert!(refused(&vec![end; MAX_INSTRUCTIONS + 1]).contains("4097 instructions"));
        assert!(refused(&[i(0x15, 1, 0, 0), end]).contains("'instruction 0' jumps out of the program"));
        assert!(refused(&[i(0x05, 0, 0, u32::MAX), end]).contains("jumps out of the program"));
        assert!(refused(&[i(0x34, 0, 0, 0), end]).contains("divides by zero"));
        assert!(refused(&[i(0x02, 0, 0, 16), end]).contains("above 15"));
        assert!(refused(&[i(0x60, 0, 0, 16), end]).contains("above 15"));
        assert!(refused(&[end, i(0x07, 0, 0, 0)]).contains("'instruction 1' is not a return"));
        for code in [0x18, 0x21, 0xA0, 0x22, 0xB4, 0x55, 0x0E, 0x17, 0xFFFF] {
            assert!(refused(&[i(code, 0, 0, 1), end]).contains("unknown code"), "{code:#x}");
        }
    }

    #[test]
    fn arithmetic_is_that_of_32_bits() -> Result<(), InvalidValue> {
        let frame = [7, 0, 0, 3];
        for (operation, k, expected) in [
            (0x04, 1, 0x0700_0004),
            (0x14, 8, 0x06FF_FFFB),
            (0x24, 256, 0x0000_0300),
            (0x34, 0x0700_0003, 1),
            (0x94, 4, 3),
            (0x44, 0x10, 0x0700_0013),
            (0x54, 0xFF, 3),
            (0xA4, 3, 0x0700_0000),
            (0x64, 8, 0x0000_0300),
            (0x64, 40, 0),
            (0x74, 24, 7),
            (0x84, 0, 0xF8FF_FFFD),
        ] {
            let program = Program::new(&[i(0x20, 0, 0, 0), i(operation, 0, 0, k), i(0x16, 0, 0, 0)])?;
            assert_eq!(program.run(&Frame::new(&frame, None)), Some(expected), "{operation:#x}");
        }
        // Division by a register that is zero, and memory between both registers.
        let by_x = Program::new(&[i(0x3C, 0, 0, 0), i(0x06, 0, 0, 1)])?;
        assert_eq!(by_x.run(&Frame::new(&frame, None)), None);
        let steps = [i(0x80, 0, 0, 0), i(0x02, 0, 0, 15), i(0x61, 0, 0, 15), i(0x87, 0, 0, 0), i(0x16, 0, 0, 0)];
        assert_eq!(Program::new(&steps)?.run(&Frame::new(&frame, None)), Some(4));
        Ok(())
    }
}
