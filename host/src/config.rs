//! The configuration file: the desired state as people write it, in TOML.
//!
//! It is made of the records that are stored (`state::record`), so whatever can be stored can be written and the other way
//! round; its JSON Schema comes from the same types. A file is judged whole before anything is touched: its syntax, then its
//! keys, then each value, then what must fit together. Every complaint names file, line and column; an unknown key is
//! refused with the valid key that is most like it.
//!
//! With `heddled --config FILE` the file is the desired state at start: what is stored and not in it is removed, which the
//! log tells. Changes made later are stored and hold until the next start with the file.

mod fit;
mod keys;
mod place;
mod schema;
mod shape;

pub use schema::schema;

use crate::control::model::{ExtensionConfig, ExtensionRef};
use crate::state::record::DesiredState;
use place::{Places, Step};
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Longest file in bytes; a host with thousands of ports needs a tenth of it.
const FILE_MAX: u64 = 4 << 20;

/// Something wrong in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong and what to do.
    pub message: String,
}

/// Why a file is no configuration.
#[derive(Debug)]
pub enum ConfigError {
    /// It cannot be read.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The kernel's answer.
        source: io::Error,
    },
    /// It says what cannot be done; all that was found, in the order of lines.
    Wrong {
        /// The file.
        path: PathBuf,
        /// What is wrong in it.
        complaints: Vec<Complaint>,
    },
}

impl std::error::Error for ConfigError {}

impl fmt::Display for ConfigError {
    /// One line a complaint, as compilers write them: `FILE:LINE:COLUMN: what`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { path, source } => {
                write!(f, "cannot read the configuration {}: {source}; give another --config", path.display())
            }
            Self::Wrong { path, complaints } => {
                for (nth, Complaint { line, column, message }) in complaints.iter().enumerate() {
                    let end = if nth + 1 == complaints.len() { "" } else { "\n" };
                    write!(f, "{}:{line}:{column}: {message}{end}", path.display())?;
                }
                Ok(())
            }
        }
    }
}

/// Reads and judges a file.
///
/// # Errors
/// When it cannot be read, or for everything that is wrong in it.
pub fn read(path: &Path) -> Result<DesiredState, ConfigError> {
    let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    // Not by its stated length: that of a device is 0.
    let length = File::open(path).and_then(|file| file.take(FILE_MAX + 1).read_to_end(&mut bytes));
    if u64::try_from(length.map_err(unreadable)?).unwrap_or(u64::MAX) > FILE_MAX {
        return Err(unreadable(io::Error::other(format!("it has more than {FILE_MAX} bytes"))));
    }
    let wrong = |complaints| ConfigError::Wrong { path: path.to_owned(), complaints };
    let text = String::from_utf8(bytes).map_err(|error| wrong(vec![not_text(&error)]))?;
    parse(&text).map_err(wrong)
}

/// Judges the keys of extensions, which need the extensions' files: `wrong` gives each key that is none with the sentence
/// about it.
///
/// # Errors
/// Everything that is wrong, or when the file cannot be read any more.
pub fn judge_extensions(
    path: &Path,
    wrong: impl Fn(&ExtensionRef, &ExtensionConfig) -> Vec<(String, String)>,
) -> Result<(), ConfigError> {
    let unreadable = |source| ConfigError::Unreadable { path: path.to_owned(), source };
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    let state = parse(&text).map_err(|complaints| ConfigError::Wrong { path: path.to_owned(), complaints })?;
    let (table, _) = toml::de::DeTable::parse_recoverable(&text);
    let places = Places::new(&text, &table);
    let mut complaints = Vec::new();
    for (nth, switch) in state.switches.iter().enumerate() {
        for (which, extension) in switch.extensions.iter().enumerate() {
            // What is malformed was refused above.
            let (Ok(reference), Ok(config)) = (extension.reference(), extension.configuration()) else { continue };
            let at =
                [Step::Key("switch"), Step::Nth(nth), Step::Key("extension"), Step::Nth(which), Step::Key("config")];
            for (key, sentence) in wrong(&reference, &config) {
                let path = [at.as_slice(), &[Step::Key(&key)]].concat();
                complaints.push(places.complaint_at(&path, &sentence));
            }
        }
    }
    if complaints.is_empty() {
        return Ok(());
    }
    Err(ConfigError::Wrong { path: path.to_owned(), complaints: sorted(complaints) })
}

/// Where a file ceases to be text.
fn not_text(error: &std::string::FromUtf8Error) -> Complaint {
    let good = error.as_bytes().get(..error.utf8_error().valid_up_to()).unwrap_or_default();
    let line_start = good.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let line = good.iter().filter(|byte| **byte == b'\n').count() + 1;
    let column = String::from_utf8_lossy(good.get(line_start..).unwrap_or_default()).chars().count() + 1;
    let message =
        "what stands here is not UTF-8; save the file as UTF-8, without letters of another encoding".to_owned();
    Complaint { line, column, message }
}

/// Judges a text.
///
/// # Errors
/// Everything that is wrong in it, in the order of lines.
pub fn parse(text: &str) -> Result<DesiredState, Vec<Complaint>> {
    let (table, errors) = toml::de::DeTable::parse_recoverable(text);
    let places = Places::new(text, &table);
    let of_toml = |error: &toml::de::Error| places.complaint(error.span(), error.message());
    if !errors.is_empty() {
        return Err(sorted(errors.iter().map(of_toml).collect()));
    }
    let unknown = keys::unknown(&places);
    if !unknown.is_empty() {
        return Err(sorted(unknown));
    }
    // A file that was cut off, or never written: it would remove everything that is stored.
    if places.root().is_empty() {
        let message =
            "the file says nothing, which would remove every stored switch; write `switch = []` if that is meant";
        return Err(vec![places.complaint(None, message)]);
    }
    let misshapen = shape::misshapen(&places);
    if !misshapen.is_empty() {
        return Err(sorted(misshapen));
    }
    let state: DesiredState = toml::from_str(text).map_err(|error| vec![of_toml(&error)])?;
    let misfits = fit::misfits(&state, &places);
    if misfits.is_empty() { Ok(state) } else { Err(sorted(misfits)) }
}

fn sorted(mut complaints: Vec<Complaint>) -> Vec<Complaint> {
    complaints.sort_by_key(|complaint| (complaint.line, complaint.column));
    complaints
}
