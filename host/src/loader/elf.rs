//! What an extension file says, read without running any of it.
//!
//! `heddle_extension_meta` and `heddle_extension_layout` are pointer-free, so their bytes in the file are their values.
//! The file is untrusted input: every offset is checked by the `object` crate or here, lengths are bounded.

use heddle_extension_api::abi::layout::{LayoutRow, NAME_LEN, TYPE_LEN};
use heddle_extension_api::abi::meta::{ABI_MAJOR, ENTRY_SYMBOL, LAYOUT_SYMBOL, META_SYMBOL, Meta};
use object::read::elf::{ElfFile64, FileHeader};
use object::{Endianness, Object, ObjectSection, ObjectSymbol};

use super::library::ENTRY_LEAST;
use super::{ExtensionFacts, LoadError};

/// Rows a layout table may have.
const ROWS_MAX: usize = 4_096;

/// What was read.
#[derive(Debug, Clone)]
pub struct Inspected {
    /// Who it is.
    pub facts: ExtensionFacts,
    /// Its layout table.
    pub layout: Vec<LayoutRow>,
}

/// Reads metadata and layout table from the bytes of a file.
pub fn inspect(file: &[u8]) -> Result<Inspected, LoadError> {
    check_header(file)?;
    let damaged = |error: object::Error| LoadError::DamagedElf { reason: error.to_string() };
    let elf = ElfFile64::<Endianness>::parse(file).map_err(damaged)?;
    let meta_bytes = symbol(&elf, META_SYMBOL, size_of::<Meta>())?;
    let meta = read_meta(meta_bytes).ok_or(LoadError::DamagedElf { reason: "metadata is cut short".to_owned() })?;
    let facts = ExtensionFacts::new(&meta)?;
    check_entry_symbol(&elf)?;
    let rows = (meta.layout_rows as usize).min(ROWS_MAX);
    let layout_bytes = symbol(&elf, LAYOUT_SYMBOL, rows * size_of::<LayoutRow>())?;
    let layout = layout_bytes.chunks_exact(size_of::<LayoutRow>()).filter_map(read_row).collect();
    Ok(Inspected { facts, layout })
}

/// Architecture and type, before anything else is believed.
fn check_header(file: &[u8]) -> Result<(), LoadError> {
    if !file.starts_with(b"\x7fELF") {
        return Err(LoadError::NotElf);
    }
    let short = || LoadError::DamagedElf { reason: format!("{} bytes are no ELF header", file.len()) };
    if file.get(5) == Some(&2) {
        return Err(LoadError::Endianness);
    }
    if file.get(4) != Some(&2) {
        return Err(LoadError::WrongArchitecture { found: "32 bit".to_owned(), host: HOST });
    }
    let header = object::elf::FileHeader64::<Endianness>::parse(file).map_err(|_| short())?;
    let endian = Endianness::Little;
    let machine = header.e_machine.get(endian);
    if machine != HOST_MACHINE {
        return Err(LoadError::WrongArchitecture { found: machine_name(machine), host: HOST });
    }
    match header.e_type.get(endian) {
        object::elf::ET_DYN => check_segments(header, file),
        object::elf::ET_REL => Err(LoadError::NotShared { found: "object file" }),
        object::elf::ET_EXEC => Err(LoadError::NotShared { found: "program" }),
        _ => Err(LoadError::NotShared { found: "file of another type" }),
    }
}

/// What the dynamic linker would map must be in the file: touching a page behind its end kills the process.
fn check_segments(header: &object::elf::FileHeader64<Endianness>, file: &[u8]) -> Result<(), LoadError> {
    let endian = Endianness::Little;
    let damaged = |reason: &str| LoadError::DamagedElf { reason: reason.to_owned() };
    let segments = header.program_headers(endian, file).map_err(|_| damaged("its program headers are outside it"))?;
    let inside = |segment: &object::elf::ProgramHeader64<Endianness>| {
        let end = segment.p_offset.get(endian).checked_add(segment.p_filesz.get(endian));
        end.is_some_and(|end| end <= file.len() as u64)
    };
    match segments.iter().all(inside) {
        true => Ok(()),
        false => Err(damaged("a segment reaches behind the end of the file")),
    }
}

#[cfg(target_arch = "x86_64")]
const HOST_MACHINE: u16 = object::elf::EM_X86_64;
#[cfg(target_arch = "x86_64")]
const HOST: &str = "x86-64";
#[cfg(target_arch = "aarch64")]
const HOST_MACHINE: u16 = object::elf::EM_AARCH64;
#[cfg(target_arch = "aarch64")]
const HOST: &str = "aarch64";

fn machine_name(machine: u16) -> String {
    match machine {
        object::elf::EM_X86_64 => "x86-64".to_owned(),
        object::elf::EM_AARCH64 => "aarch64".to_owned(),
        object::elf::EM_386 => "i386".to_owned(),
        object::elf::EM_RISCV => "RISC-V".to_owned(),
        other => format!("ELF machine {other}"),
    }
}

/// The function table is there, and as long as this major's shortest.
fn check_entry_symbol(elf: &ElfFile64<'_, Endianness>) -> Result<(), LoadError> {
    let least = u32::try_from(ENTRY_LEAST).unwrap_or(u32::MAX);
    let size = elf
        .dynamic_symbols()
        .find(|symbol| symbol.name() == Ok(ENTRY_SYMBOL) && symbol.is_definition())
        .map(|symbol| u32::try_from(symbol.size()).unwrap_or(u32::MAX))
        .ok_or(LoadError::MissingSymbol { symbol: ENTRY_SYMBOL })?;
    if size < least {
        return Err(LoadError::EntrySize { found: size, least, major: ABI_MAJOR });
    }
    Ok(())
}

/// The bytes of a data symbol, at least `length` of them.
fn symbol<'d>(elf: &ElfFile64<'d, Endianness>, name: &'static str, length: usize) -> Result<&'d [u8], LoadError> {
    let damaged = |reason: &str| LoadError::DamagedElf { reason: format!("`{name}` {reason}") };
    let (address, size, section) = elf
        .dynamic_symbols()
        .find(|symbol| symbol.name() == Ok(name) && symbol.is_definition())
        .map(|symbol| (symbol.address(), symbol.size(), symbol.section_index()))
        .ok_or(LoadError::MissingSymbol { symbol: name })?;
    if size < length as u64 {
        return Err(damaged("is shorter than what it holds"));
    }
    let section = section.ok_or_else(|| damaged("is in no section"))?;
    let section = elf.section_by_index(section).map_err(|_| damaged("is in no section"))?;
    let data = section.data().map_err(|_| damaged("is outside the file"))?;
    let start = address.checked_sub(section.address()).and_then(|start| usize::try_from(start).ok());
    let start = start.ok_or_else(|| damaged("is outside its section"))?;
    start.checked_add(length).and_then(|end| data.get(start..end)).ok_or_else(|| damaged("is longer than its section"))
}

/// Reads little-endian fields one after the other.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }
    fn u16(&mut self) -> Option<u16> {
        self.take().map(u16::from_le_bytes)
    }
    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }
}

fn read_meta(bytes: &[u8]) -> Option<Meta> {
    let mut fields = Fields(bytes);
    Some(Meta {
        magic: fields.take()?,
        record_size: fields.u32()?,
        abi_major: fields.u16()?,
        abi_minor: fields.u16()?,
        min_host_minor: fields.u16()?,
        role: fields.take::<1>()?[0],
        endianness: fields.take::<1>()?[0],
        layout_rows: fields.u32()?,
        capabilities: fields.take().map(u64::from_le_bytes)?,
        id: fields.take()?,
        name: fields.take()?,
        vendor: fields.take()?,
        version: fields.take()?,
        toolchain: fields.take()?,
        reserved: fields.take()?,
    })
}

fn read_row(bytes: &[u8]) -> Option<LayoutRow> {
    let mut fields = Fields(bytes);
    Some(LayoutRow {
        owner: fields.take::<NAME_LEN>()?,
        field: fields.take::<NAME_LEN>()?,
        ty: fields.take::<TYPE_LEN>()?,
        offset: fields.u32()?,
        size: fields.u32()?,
        kind: fields.u32()?,
        reserved: fields.u32()?,
    })
}
