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
use crate::regular_file;
use std::io::ErrorKind;
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
    regular_file::read(path, FILE_MAX_MIB).map_err(|error| match error.kind() {
        ErrorKind::FileTooLarge => {
            let message = format!("{} has more than {FILE_MAX_MIB} MiB; strip it of debug information", path.display());
            Failure::new(ErrorClass::Limit, message)
        }
        _ => Failure::file("read", path, &error),
    })
}

/// A file heddled would refuse, in its words.
fn refused(path: &Path, reason: &dyn std::fmt::Display) -> Failure {
    Failure::new(ErrorClass::Extension, format!("{}: {reason}", path.display()))
}
