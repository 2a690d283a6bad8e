//! Whom an operator trusts: signatures over extension files, conformance reports, and the policy that asks for them.
//!
//! A signature is ed25519 (RFC 8032) over all bytes of the file and lies beside it as `FILE.sig`; a report is what
//! `heddle-conformance run --format json` printed, as `FILE.conformance.json`, and belongs to the file whose SHA-256 it
//! names. Everything is read without running any code of the vendor.
//!
//! What this proves: a signature says that the holder of the key has seen these very bytes. A report is not signed; it
//! keeps out what was never tested, not somebody who may write beside the file.

mod keys;
mod policy;
mod report;
mod signature;
pub(crate) mod writers;

pub use keys::{KeyError, PublicKey, SecretKey};
pub use policy::{Policy, Refusal, ReportWanted};
pub use report::{Report, ReportError};
pub use signature::{Signature, SignatureError};

use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Longest signature file in bytes; a whole one has about 400.
const SIGNATURE_FILE_MAX: u64 = 4 << 10;
/// Longest key file in bytes.
const KEY_FILE_MAX: u64 = 16 << 10;
/// Longest report in bytes; one of a hundred cases has about 30 KiB.
const REPORT_FILE_MAX: u64 = 4 << 20;

/// Where the signature of a file lies.
#[must_use]
pub fn signature_beside(file: &Path) -> PathBuf {
    beside(file, "sig")
}

/// Where the conformance report of a file lies.
#[must_use]
pub fn report_beside(file: &Path) -> PathBuf {
    beside(file, "conformance.json")
}

/// Copies signature and report of a file to another place, as far as there are any; what lay there goes.
pub fn copy_beside(from: &Path, to: &Path) -> std::io::Result<()> {
    for (of, limit) in
        [(signature_beside as fn(&Path) -> PathBuf, SIGNATURE_FILE_MAX), (report_beside, REPORT_FILE_MAX)]
    {
        match read_small(&of(from), limit) {
            Ok(bytes) => std::fs::write(of(to), bytes)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => remove(&of(to))?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Removes signature and report of a file, as far as there are any.
pub fn remove_beside(file: &Path) -> std::io::Result<()> {
    remove(&signature_beside(file)).and_then(|()| remove(&report_beside(file)))
}

fn remove(file: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    PathBuf::from(name)
}

/// SHA-256 of some bytes, in hexadecimal.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    let digest: [u8; 32] = Sha256::digest(bytes).into();
    hex(&digest)
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// `N` bytes in hexadecimal, and nothing else.
fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != N * 2 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut bytes = [0; N];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// A file of at most `limit` bytes.
fn read_small(path: &Path, limit: u64) -> std::io::Result<Vec<u8>> {
    use std::io::Read;
    let mut bytes = Vec::new();
    let length = std::fs::File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if length as u64 > limit {
        return Err(std::io::Error::other(format!("it has more than {limit} bytes")));
    }
    Ok(bytes)
}
