//! Commands for vendors. All of them work on files alone: no daemon, no rights.

mod attempt;
mod inspect;
mod keys;
mod project;

pub(super) use attempt::Attempt;
pub(super) use inspect::Inspection;
pub(super) use keys::{KeyPair, Signed, Verified};
pub(super) use project::NewProject;

use super::args::vendor::VendorCommand;
use super::{Answer, Failure};
use crate::control::error::ErrorClass;
use crate::loader::FILE_MAX_MIB;
use std::io::Read;
use std::path::Path;

pub(super) fn run(command: &VendorCommand) -> Result<Answer, Failure> {
    match command {
        VendorCommand::Inspect(args) => inspect::run(args),
        VendorCommand::New(args) => project::run(args),
        VendorCommand::Try(args) => attempt::run(args),
        VendorCommand::Keygen(args) => keys::generate(args),
        VendorCommand::Sign(args) => keys::sign(args),
        VendorCommand::Verify(args) => keys::verify(args),
    }
}

/// The bytes of an extension's file, as many as heddled would take.
fn read_library(path: &Path) -> Result<Vec<u8>, Failure> {
    let unreadable = |error| Failure::file("read", path, &error);
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let length = file.take((FILE_MAX_MIB << 20) + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if length as u64 > FILE_MAX_MIB << 20 {
        let message = format!("{} has more than {FILE_MAX_MIB} MiB; strip it of debug information", path.display());
        return Err(Failure::new(ErrorClass::Limit, message));
    }
    Ok(bytes)
}

/// A file heddled would refuse, in its words.
fn refused(path: &Path, reason: &dyn std::fmt::Display) -> Failure {
    Failure::new(ErrorClass::Extension, format!("{}: {reason}", path.display()))
}
