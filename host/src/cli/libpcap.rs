//! The compiler of pcap filter syntax: that of the installed libpcap, loaded when a capture has a filter.
//!
//! Linking against libpcap would make everything here need its development files to build, for one option of one command.
//! The five functions used have had the same signatures since libpcap 0.8 (2004; `pcap_compile(3PCAP)`). It runs in this
//! command, not in heddled, because libpcap looks names up and reads files; heddled gets a program and checks it.
//!
//! Unsafe: the rest of this file rests on those signatures. A handle and a program are freed once, where they are dropped.

#![allow(unsafe_code, reason = "an island: calls into libpcap")]

use crate::control::bpf::Instruction;
use libloading::Library;
use std::ffi::{CStr, CString, c_char, c_int, c_uint, c_void};

/// Names of the library: Debian's, and everybody else's.
const NAMES: [&str; 2] = ["libpcap.so.0.8", "libpcap.so.1"];
/// `DLT_EN10MB`.
const ETHERNET: c_int = 1;
/// The snap length a matching program returns; any frame is shorter.
const SNAP_LENGTH: c_int = 262_144;
/// `PCAP_NETMASK_UNKNOWN`.
const NETMASK_UNKNOWN: c_uint = u32::MAX;

#[repr(C)]
struct RawInstruction {
    code: u16,
    jt: u8,
    jf: u8,
    k: u32,
}

#[repr(C)]
struct RawProgram {
    length: c_uint,
    instructions: *mut RawInstruction,
}

type OpenDead = unsafe extern "C" fn(c_int, c_int) -> *mut c_void;
type Compile = unsafe extern "C" fn(*mut c_void, *mut RawProgram, *const c_char, c_int, c_uint) -> c_int;
type LastError = unsafe extern "C" fn(*mut c_void) -> *const c_char;
type FreeCode = unsafe extern "C" fn(*mut RawProgram);
type Close = unsafe extern "C" fn(*mut c_void);

/// Why there is no compiler.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Missing(String);

/// The compiler.
pub(super) struct Compiler {
    open: OpenDead,
    compile: Compile,
    last_error: LastError,
    free: FreeCode,
    close: Close,
    /// Holds the functions above.
    _library: Library,
}

impl Compiler {
    /// Loads libpcap.
    pub(super) fn load() -> Result<Self, Missing> {
        let mut reason = String::new();
        for name in NAMES {
            // SAFETY: a system library found by its soname; its initialisers are those every program that links it runs.
            match unsafe { Library::new(name) } {
                Ok(library) => return Self::of(library).map_err(|error| Missing(error.to_string())),
                Err(error) => reason = error.to_string(),
            }
        }
        Err(Missing(reason))
    }

    fn of(library: Library) -> Result<Self, libloading::Error> {
        // SAFETY: the types are the signatures of pcap_open_dead, pcap_compile, pcap_geterr, pcap_freecode and
        // pcap_close in pcap.h; the copies live as long as the library, which is kept beside them.
        unsafe {
            Ok(Self {
                open: *library.get::<OpenDead>(b"pcap_open_dead\0")?,
                compile: *library.get::<Compile>(b"pcap_compile\0")?,
                last_error: *library.get::<LastError>(b"pcap_geterr\0")?,
                free: *library.get::<FreeCode>(b"pcap_freecode\0")?,
                close: *library.get::<Close>(b"pcap_close\0")?,
                _library: library,
            })
        }
    }

    /// Compiles a filter for Ethernet frames, or says what libpcap says.
    pub(super) fn compile(&self, filter: &str) -> Result<Vec<Instruction>, String> {
        let text = CString::new(filter).map_err(|_| "it contains a zero byte".to_owned())?;
        // SAFETY: takes two numbers and gives a handle of its own, or null when memory is short.
        let handle = unsafe { (self.open)(ETHERNET, SNAP_LENGTH) };
        if handle.is_null() {
            return Err("libpcap has no memory".to_owned());
        }
        let mut program = RawProgram { length: 0, instructions: std::ptr::null_mut() };
        // SAFETY: the handle is open, the program is writable, the text ends in zero; none of them is kept.
        let failed = unsafe { (self.compile)(handle, &raw mut program, text.as_ptr(), 1, NETMASK_UNKNOWN) } != 0;
        let compiled = if failed {
            // SAFETY: the handle is open; the text is its own, ends in zero and is copied before the handle is closed.
            Err(unsafe { CStr::from_ptr((self.last_error)(handle)) }.to_string_lossy().into_owned())
        } else {
            let length = usize::try_from(program.length).unwrap_or(0);
            // SAFETY: a compiled program has `length` initialised instructions, which stay until it is freed.
            let raw = unsafe { std::slice::from_raw_parts(program.instructions, length) };
            let read = |raw: &RawInstruction| Instruction { code: raw.code, yes: raw.jt, no: raw.jf, k: raw.k };
            let instructions = raw.iter().map(read).collect();
            // SAFETY: filled by pcap_compile and freed here only; the slice above is not used any more.
            unsafe { (self.free)(&raw mut program) };
            Ok(instructions)
        };
        // SAFETY: opened above, closed here only.
        unsafe { (self.close)(handle) };
        compiled
    }
}
