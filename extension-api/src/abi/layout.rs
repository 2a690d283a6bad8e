//! The layout table: what makes the binary promise checkable.
//!
//! `abi_struct!` declares a `#[repr(C)]` struct once and derives from that single text the struct, its rows in the
//! layout table and the text the C header is generated from. `abi_fn!` does the same for a function pointer type.
//! Every extension exports its table as `heddle_extension_layout`; the host compares it with its own *before* any code
//! of the extension runs, which is why a row is pointer-free: fixed arrays of bytes, readable straight from the file.
//!
//! Rules (checked by the host):
//! * `frozen`: both sides list the same fields at the same offsets, for the whole life of the major version;
//! * `growable`: the shorter list is a prefix of the longer one; the struct's first field is its own `struct_size`;
//! * `function`: the signature text is the same;
//! * `constant`: type and value are the same.
//!
//! Type texts are compared without white space, since compilers print them differently. rustc 1.63 has no
//! `offset_of!`, so offsets follow from the C layout rule (each field at the next multiple of its alignment) and are
//! asserted against the compiler's own answer in this crate's tests.

/// Longest name of a struct or field, in bytes.
pub const NAME_LEN: usize = 32;
/// Longest type or signature text, in bytes.
pub const TYPE_LEN: usize = 112;

/// Row of a struct that never changes within a major version.
pub const KIND_FROZEN: u32 = 1;
/// Row of a struct that only grows at its end.
pub const KIND_GROWABLE: u32 = 2;
/// Row of a function signature: `field` is empty, `ty` is the signature.
pub const KIND_FUNCTION: u32 = 3;

/// Row of a constant: `field` is empty, `offset` is the value (as 32 bits, negative ones in two's complement).
pub const KIND_CONSTANT: u32 = 4;

/// One row of the layout table: a field of a struct, a function signature or a constant. Pointer-free, 192 bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LayoutRow {
    /// Name of the struct, function type or constant, zero-padded.
    pub owner: [u8; NAME_LEN],
    /// Name of the field, zero-padded; empty for a function or constant.
    pub field: [u8; NAME_LEN],
    /// Type of the field or signature of the function, zero-padded.
    pub ty: [u8; TYPE_LEN],
    /// Offset of the field from the start of the struct, in bytes; value of a constant.
    pub offset: u32,
    /// Size of the field, in bytes.
    pub size: u32,
    /// [`KIND_FROZEN`], [`KIND_GROWABLE`], [`KIND_FUNCTION`] or [`KIND_CONSTANT`].
    pub kind: u32,
    /// Zero.
    pub reserved: u32,
}

/// Copies `text` into a zero-padded array. A text that does not fit stops the compilation of the constant.
pub const fn padded<const N: usize>(text: &str) -> [u8; N] {
    let bytes = text.as_bytes();
    let mut out = [0u8; N];
    let mut i = 0;
    while i < bytes.len() {
        out[i] = bytes[i];
        i += 1;
    }
    out
}

/// The next multiple of `align` (a power of two) at or above `offset`.
pub const fn align_up(offset: usize, align: usize) -> usize {
    (offset + align - 1) & !(align - 1)
}

/// One row for a field of a struct.
pub const fn row(owner: &str, field: &str, ty: &str, offset: usize, size: usize, kind: u32) -> LayoutRow {
    assert!(offset < 65_536 && size < 65_536);
    LayoutRow {
        owner: padded(owner),
        field: padded(field),
        ty: padded(ty),
        offset: offset as u32,
        size: size as u32,
        kind,
        reserved: 0,
    }
}

/// One row for a constant. Values fit in 32 bits.
pub const fn constant(name: &str, ty: &str, value: i64, size: usize) -> LayoutRow {
    assert!(value >= i32::MIN as i64 && value <= u32::MAX as i64);
    // Asserted above: the upper half says nothing.
    let bits = value as u32;
    LayoutRow { offset: bits, ..row(name, "", ty, 0, size, KIND_CONSTANT) }
}

/// Declares a `#[repr(C)]` ABI struct and its layout rows (`Struct::LAYOUT`).
///
/// `abi_struct! { frozen|growable, /// docs  pub struct Name { /// docs  pub field: Type, … } }`
#[macro_export]
#[doc(hidden)]
macro_rules! abi_struct {
    (@kind frozen) => { $crate::abi::layout::KIND_FROZEN };
    (@kind growable) => { $crate::abi::layout::KIND_GROWABLE };
    ($kind:ident, $(#[$meta:meta])* pub struct $name:ident {
        $($(#[$fmeta:meta])* $vis:vis $field:ident : $ty:ty,)+
    }) => {
        #[repr(C)]
        $(#[$meta])*
        pub struct $name { $($(#[$fmeta])* $vis $field: $ty,)+ }

        impl $name {
            /// Number of fields, hence of layout rows.
            pub const FIELDS: usize = 0 $(+ { let _ = stringify!($field); 1 })+;
            /// This struct's rows of the layout table, in the order of the fields.
            pub const LAYOUT: [$crate::abi::layout::LayoutRow; Self::FIELDS] = {
                let mut rows = [$crate::abi::layout::row("", "", "", 0, 0, 0); Self::FIELDS];
                let mut offset = 0usize;
                let mut i = 0usize;
                $(
                    offset = $crate::abi::layout::align_up(offset, core::mem::align_of::<$ty>());
                    rows[i] = $crate::abi::layout::row(
                        stringify!($name), stringify!($field), stringify!($ty),
                        offset, core::mem::size_of::<$ty>(), $crate::abi_struct!(@kind $kind),
                    );
                    offset += core::mem::size_of::<$ty>();
                    i += 1;
                )+
                assert!(i == Self::FIELDS);
                assert!($crate::abi::layout::align_up(offset, core::mem::align_of::<$name>()) == core::mem::size_of::<$name>());
                rows
            };

            /// Where the compiler puts the fields, in the order of `LAYOUT`.
            #[cfg(test)]
            #[allow(unsafe_code)]
            pub(crate) fn compiler_offsets() -> Vec<usize> {
                let place = core::mem::MaybeUninit::<$name>::uninit();
                let start = place.as_ptr();
                // SAFETY: only addresses inside `place` are taken, nothing is read.
                vec![$(unsafe { core::ptr::addr_of!((*start).$field) as usize - start as usize }),+]
            }
        }
    };
}

/// Declares an ABI function pointer type and its layout row (a constant named like the type, in upper case, given by
/// the caller).
///
/// `abi_fn! { /// docs  pub type Name = fn(a: A, b: B) -> R; row ROW }`
#[macro_export]
#[doc(hidden)]
macro_rules! abi_fn {
    ($(#[$meta:meta])* pub type $name:ident = fn($($arg:ident : $ty:ty),* $(,)?) $(-> $ret:ty)?; row $row:ident) => {
        $(#[$meta])*
        pub type $name = unsafe extern "C" fn($($arg: $ty),*) $(-> $ret)?;
        /// Layout row of the function type of the same name.
        pub const $row: $crate::abi::layout::LayoutRow = $crate::abi::layout::row(
            stringify!($name), "", concat!("fn(", $(stringify!($ty), ",",)* ")" $(, "->", stringify!($ret))?),
            0, core::mem::size_of::<$name>(), $crate::abi::layout::KIND_FUNCTION,
        );
    };
}
