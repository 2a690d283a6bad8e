//! The contract of the Heddle virtual switch with its extensions.
//!
//! [`abi`] is the binary truth (C structs and function tables).

#![warn(missing_docs)]

pub mod abi;
