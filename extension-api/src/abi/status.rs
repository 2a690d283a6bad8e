//! Status codes: what every ABI function returns.
//!
//! Zero is success, negative is a failure with a name. An extension's own text goes into the caller's [`ErrorText`].

use crate::abi_struct;

/// Success.
pub const OK: i32 = 0;
/// An argument is out of range or names nothing.
pub const E_INVALID: i32 = -1;
/// A limit is reached (pool, quota, table); may work later.
pub const E_FULL: i32 = -2;
/// The role, leg or state does not allow this call.
pub const E_FORBIDDEN: i32 = -3;
/// The thing named does not exist (any more).
pub const E_GONE: i32 = -4;
/// A veto: the extension refuses the control request for good.
pub const E_VETO: i32 = -5;
/// The extension's code panicked; returned by the panic guard only.
pub const E_PANIC: i32 = -6;
/// The configuration is not acceptable; the text says why.
pub const E_CONFIG: i32 = -7;
/// Not available right now, may be tried again.
pub const E_AGAIN: i32 = -8;
/// Any other failure; the text says why.
pub const E_FAILED: i32 = -9;

/// Room for an error text, in bytes.
pub const ERROR_TEXT_LEN: usize = 512;

abi_struct! { frozen,
/// Error text, allocated by the caller and filled by the callee. 516 bytes.
#[derive(Clone, Copy, Debug)]
pub struct ErrorText {
    /// Number of bytes used.
    pub length: u32,
    /// UTF-8 text; cut at a character when too long.
    pub text: [u8; 512],
}
}

impl Default for ErrorText {
    fn default() -> Self {
        ErrorText { length: 0, text: [0; ERROR_TEXT_LEN] }
    }
}

abi_struct! { frozen,
/// A borrowed run of bytes; valid until the call returns. Null with length 0 is an empty one.
#[derive(Clone, Copy, Debug)]
pub struct Bytes {
    /// First byte.
    pub data: *const u8,
    /// Number of bytes.
    pub length: u64,
}
}
