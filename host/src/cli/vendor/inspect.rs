//! `heddle extension inspect`: what a file says, judged as the loader would, and nothing of it run.
//!
//! Interfaces are found by asking the extension, which would run its code; here they are the ids of known interfaces that
//! occur as text in the file, so "may offer" is all that can be said.

use super::{read_library, refused};
use crate::cli::args::vendor::InspectArgs;
use crate::cli::{Answer, Failure, render};
use crate::loader::{self, elf};
use crate::trust::{Report, Signature, SignatureError, report_beside, sha256, signature_beside};
use schemars::JsonSchema;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// What every id of an optional interface begins with.
const INTERFACE: &[u8] = b"heddle.";
/// Interfaces named, at most.
const INTERFACES_MAX: usize = 32;

/// What a file says about itself.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct Inspection {
    /// The file.
    file: PathBuf,
    /// Its length.
    bytes: u64,
    /// SHA-256 of all of it.
    sha256: String,
    /// Identifier.
    id: String,
    /// Name for people.
    name: String,
    /// Who made it.
    vendor: String,
    /// Its version.
    version: String,
    /// capture, filter, forwarding or service.
    role: String,
    /// What it says it does.
    capabilities: Vec<String>,
    /// Optional interfaces whose ids are in the file; whether it offers them only running it would tell.
    interfaces: Vec<String>,
    /// Compiler.
    toolchain: String,
    /// ABI version it was built for.
    abi: String,
    /// Lowest ABI version of a host it runs on.
    needs_abi: String,
    /// ABI version of this heddle.
    host_abi: String,
    /// Whether its structs and functions are those of this heddle.
    layout: LayoutVerdict,
    /// Whether this heddled would load it, its policy apart.
    loadable: bool,
    /// The signature beside it.
    signature: SignatureState,
    /// The conformance report beside it.
    conformance: ConformanceState,
}

/// Whether the layout fits.
#[derive(Debug, Serialize, JsonSchema)]
struct LayoutVerdict {
    /// Whether it does.
    fits: bool,
    /// Rows of its table.
    rows: usize,
    /// The first difference.
    reason: Option<String>,
}

/// What there is of a signature.
#[derive(Debug, Serialize, JsonSchema)]
struct SignatureState {
    /// none, good or bad.
    state: String,
    /// The key it names.
    key: Option<String>,
    /// Why it is bad.
    reason: Option<String>,
}

/// What there is of a conformance report.
#[derive(Debug, Serialize, JsonSchema)]
struct ConformanceState {
    /// none, passed or bad.
    state: String,
    /// How far it went.
    level: Option<String>,
    /// Why it is bad.
    reason: Option<String>,
}

pub(super) fn run(args: &InspectArgs) -> Result<Answer, Failure> {
    let bytes = read_library(&args.file)?;
    let inspected = elf::inspect(&bytes).map_err(|error| refused(&args.file, &error))?;
    let verdict = loader::layout_verdict(&inspected);
    let facts = inspected.facts;
    let host = loader::ABI;
    let layout = LayoutVerdict {
        fits: verdict.is_ok(),
        rows: inspected.layout.len(),
        reason: verdict.err().map(|error| error.to_string()),
    };
    let sha256 = sha256(&bytes);
    let found = Inspection {
        file: args.file.clone(),
        bytes: bytes.len() as u64,
        role: facts.role_name().to_owned(),
        capabilities: facts.capability_words().into_iter().map(str::to_owned).collect(),
        interfaces: interfaces(&bytes),
        abi: format!("{}.{}", facts.abi.0, facts.abi.1),
        needs_abi: format!("{}.{}", facts.abi.0, facts.min_host_minor),
        host_abi: format!("{}.{}", host.0, host.1),
        loadable: layout.fits,
        layout,
        signature: signature(&args.file, &bytes),
        conformance: conformance(&args.file, &sha256),
        sha256,
        id: facts.id,
        name: facts.name,
        vendor: facts.vendor,
        version: facts.version,
        toolchain: facts.toolchain,
    };
    Answer::new(text(&found), &found)
}

/// Texts of the form `heddle.WORDS/NUMBER` in the file.
fn interfaces(file: &[u8]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut rest = file;
    while let Some(at) = rest.windows(INTERFACE.len()).position(|window| window == INTERFACE) {
        rest = rest.get(at..).unwrap_or_default();
        let word = |byte: &u8| byte.is_ascii_lowercase() || matches!(byte, b'.' | b'-');
        let words = rest.iter().take_while(|byte| word(byte)).count();
        let number = rest.get(words + 1).filter(|byte| rest.get(words) == Some(&b'/') && byte.is_ascii_digit());
        if number.is_some() && words < 48 {
            let id = String::from_utf8_lossy(rest.get(..words + 2).unwrap_or_default()).into_owned();
            if !found.contains(&id) && found.len() < INTERFACES_MAX {
                found.push(id);
            }
        }
        rest = rest.get(INTERFACE.len()..).unwrap_or_default();
    }
    found.sort();
    found
}

fn signature(path: &Path, bytes: &[u8]) -> SignatureState {
    let state = |state: &str, key: Option<String>, reason: Option<String>| SignatureState {
        state: state.to_owned(),
        key,
        reason,
    };
    match Signature::read(&signature_beside(path)) {
        Err(SignatureError::Missing { .. }) => state("none", None, None),
        Err(error) => state("bad", None, Some(error.to_string())),
        Ok(signature) => match signature.check(bytes) {
            Ok(()) => state("good", Some(signature.key.to_string()), None),
            Err(error) => state("bad", Some(signature.key.to_string()), Some(error.to_string())),
        },
    }
}

fn conformance(path: &Path, sha256: &str) -> ConformanceState {
    let place = report_beside(path);
    if !place.exists() {
        return ConformanceState { state: "none".to_owned(), level: None, reason: None };
    }
    let read = Report::read(&place);
    let level = read.as_ref().ok().and_then(|report| report.level.clone());
    match read.and_then(|report| report.check(&place, sha256, None)) {
        Ok(()) => ConformanceState { state: "passed".to_owned(), level, reason: None },
        Err(error) => ConformanceState { state: "bad".to_owned(), level, reason: Some(error.to_string()) },
    }
}

fn text(found: &Inspection) -> String {
    let list = |words: &[String]| if words.is_empty() { "none".to_owned() } else { words.join(", ") };
    let layout = match &found.layout.reason {
        None => format!("fits ({} rows)", found.layout.rows),
        Some(reason) => format!("does not fit: {reason}"),
    };
    let signature = match (&found.signature.key, &found.signature.reason) {
        (_, Some(reason)) => format!("bad: {reason}"),
        (Some(key), None) => format!("good, by {key}"),
        (None, None) => "none".to_owned(),
    };
    let conformance = match (&found.conformance.level, &found.conformance.reason) {
        (_, Some(reason)) => format!("bad: {reason}"),
        (Some(level), None) => format!("passed, level {level}"),
        (None, None) => "none".to_owned(),
    };
    let file = found.file.display().to_string();
    let abi = format!("{} (needs a host of {}, this one has {})", found.abi, found.needs_abi, found.host_abi);
    let capabilities = list(&found.capabilities);
    let interfaces = match found.interfaces.as_slice() {
        [] => "none".to_owned(),
        some => format!("may offer {}", some.join(", ")),
    };
    let rows: [(&str, &str); 14] = [
        ("file", &file),
        ("id", &found.id),
        ("name", &found.name),
        ("vendor", &found.vendor),
        ("version", &found.version),
        ("role", &found.role),
        ("capabilities", &capabilities),
        ("interfaces", &interfaces),
        ("abi", &abi),
        ("layout", &layout),
        ("toolchain", &found.toolchain),
        ("sha256", &found.sha256),
        ("signature", &signature),
        ("conformance", &conformance),
    ];
    rows.iter().map(|(key, value)| format!("{:<14}{}\n", format!("{key}:"), render::plain(value))).collect()
}
