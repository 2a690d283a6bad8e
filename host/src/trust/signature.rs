//! A detached signature: six lines of text beside the file it is about.
//!
//! ```text
//! heddle-signature: 1
//! algorithm: ed25519
//! file: libfirewall.so
//! sha256: 64 hexadecimal digits
//! key: ed25519:64 hexadecimal digits
//! signature: 128 hexadecimal digits
//! ```
//!
//! The signature is over the bytes of the file alone, so that other tools can check it. Name and SHA-256 are there to
//! say what is wrong when it does not fit. Lines that are not known are for later versions and left alone.

use super::{PublicKey, SIGNATURE_FILE_MAX, SecretKey, hex, read_small, sha256, unhex};
use ed25519_dalek::Signer;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Version of the form.
const FORM: &str = "1";

/// Why a signature does not hold.
#[derive(Debug, thiserror::Error)]
pub enum SignatureError {
    /// There is none.
    #[error("it has no signature {path}; ask its vendor for one, or sign it with `heddle extension sign`", path = path.display())]
    Missing {
        /// Where it would be.
        path: PathBuf,
    },
    /// It cannot be read.
    #[error("its signature {path} cannot be read: {source}; check its permissions", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// It is not of the form.
    #[error("its signature {path} is damaged: {reason}; fetch it again or sign the file anew", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file is another one, or was changed.
    #[error(
        "it is not the file that was signed: its SHA-256 is {found}, signed was {signed}; fetch both again from the vendor"
    )]
    OtherFile {
        /// Of the file.
        found: String,
        /// In the signature.
        signed: String,
    },
    /// Key, file and signature do not belong together.
    #[error("its signature was not made with the key {key}; fetch it again or sign the file anew")]
    Forged {
        /// The key it names.
        key: String,
    },
}

/// A signature as it was read or made.
#[derive(Debug, Clone)]
pub struct Signature {
    /// The key it says it was made with.
    pub key: PublicKey,
    /// SHA-256 of the signed file.
    pub sha256: String,
    /// Name of the signed file, for people.
    pub file: String,
    bytes: [u8; 64],
}

impl Signature {
    /// Signs a file's bytes.
    #[must_use]
    pub fn make(key: &SecretKey, name: &str, file: &[u8]) -> Self {
        let bytes = key.0.sign(file).to_bytes();
        let file_name = name.chars().filter(|c| !c.is_control()).collect();
        Self { key: key.public(), sha256: sha256(file), file: file_name, bytes }
    }

    /// The text of its file.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { key, sha256, file, bytes } = self;
        let signature = hex(bytes);
        format!(
            "heddle-signature: {FORM}\nalgorithm: ed25519\nfile: {file}\nsha256: {sha256}\nkey: {key}\nsignature: {signature}\n"
        )
    }

    /// Reads the file at `path`.
    ///
    /// # Errors
    /// When there is none or it is not of the form.
    pub fn read(path: &Path) -> Result<Self, SignatureError> {
        let bytes = read_small(path, SIGNATURE_FILE_MAX).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => SignatureError::Missing { path: path.to_owned() },
            _ => SignatureError::Unreadable { path: path.to_owned(), source },
        })?;
        let damaged = |reason: String| SignatureError::Damaged { path: path.to_owned(), reason };
        let text = String::from_utf8(bytes).map_err(|_| damaged("it is not text".to_owned()))?;
        parse(&text).map_err(damaged)
    }

    /// Whether the holder of its key has signed these bytes.
    ///
    /// # Errors
    /// When they are others, or the signature was made with another key.
    pub fn check(&self, file: &[u8]) -> Result<(), SignatureError> {
        let found = sha256(file);
        if found != self.sha256 {
            return Err(SignatureError::OtherFile { found, signed: self.sha256.clone() });
        }
        let signature = ed25519_dalek::Signature::from_bytes(&self.bytes);
        // Strict: one signature only for a key and a file.
        self.key.0.verify_strict(file, &signature).map_err(|_| SignatureError::Forged { key: self.key.to_string() })
    }
}

fn parse(text: &str) -> Result<Signature, String> {
    let mut lines = BTreeMap::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let (key, value) = line.split_once(':').ok_or_else(|| format!("'{}' is no line of it", line.escape_debug()))?;
        if lines.insert(key.trim(), value.trim()).is_some() {
            return Err(format!("it has two lines '{}'", key.trim().escape_debug()));
        }
    }
    let line = |key: &str| lines.get(key).copied().ok_or_else(|| format!("it has no line '{key}'"));
    let form = line("heddle-signature")?;
    if form != FORM {
        return Err(format!("it is of form {}, this heddle knows {FORM}", form.escape_debug()));
    }
    let sha256: [u8; 32] = unhex(line("sha256")?).ok_or("'sha256' is not 64 hexadecimal digits")?;
    let bytes = unhex(line("signature")?).ok_or("'signature' is not 128 hexadecimal digits")?;
    let key = line("key")?.parse::<PublicKey>().map_err(|error| error.to_string())?;
    Ok(Signature { key, sha256: hex(&sha256), file: lines.get("file").copied().unwrap_or_default().to_owned(), bytes })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> (tempfile::TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.so.sig");
        std::fs::write(&path, text).unwrap();
        (directory, path)
    }

    #[test]
    fn what_was_signed_holds_and_nothing_else() {
        let key = SecretKey::generate().unwrap();
        let (_kept, path) = written(&Signature::make(&key, "x.so", b"code").text());
        let signature = Signature::read(&path).unwrap();
        assert_eq!((signature.key, signature.file.as_str()), (key.public(), "x.so"));
        signature.check(b"code").unwrap();
        assert!(matches!(signature.check(b"codf"), Err(SignatureError::OtherFile { .. })));
    }

    #[test]
    fn another_key_in_the_file_does_not_make_it_true() {
        let (mine, other) = (SecretKey::generate().unwrap(), SecretKey::generate().unwrap());
        let text = Signature::make(&mine, "x.so", b"code").text();
        let swapped = text.replace(&mine.public().to_string(), &other.public().to_string());
        let (_kept, path) = written(&swapped);
        assert!(matches!(Signature::read(&path).unwrap().check(b"code"), Err(SignatureError::Forged { .. })));
    }

    #[test]
    fn a_damaged_file_says_where() {
        let whole = Signature::make(&SecretKey::generate().unwrap(), "x.so", b"code").text();
        let reason = |text: &str| {
            let (_kept, path) = written(text);
            Signature::read(&path).unwrap_err().to_string()
        };
        assert!(
            reason(&whole.replace("heddle-signature: 1", "heddle-signature: 2"))
                .contains("form 2, this heddle knows 1")
        );
        assert!(reason("").contains("has no line 'heddle-signature'"));
        assert!(reason(&whole.replace("sha256: ", "sha256: x")).contains("'sha256' is not 64"));
        assert!(reason(&format!("{whole}key: x\n")).contains("two lines 'key'"));
        assert!(reason("\u{1b}[2J").contains("\\u{1b}[2J"));
        assert!(reason(&"a: b\n".repeat(2_000)).contains("more than 4096 bytes"));
    }
}
