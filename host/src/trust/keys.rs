//! Keys: PEM files as OpenSSL writes them, and public keys as one word for configuration files.
//!
//! The secret key is PKCS#8 (`openssl genpkey -algorithm ed25519` makes one too), the public key SubjectPublicKeyInfo.
//! As a word a public key is `ed25519:` and its 32 bytes in hexadecimal.

use super::{KEY_FILE_MAX, hex, read_small, unhex};
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, DecodePublicKey, EncodePrivateKey, EncodePublicKey};
use ed25519_dalek::{SigningKey, VerifyingKey};
use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// What the word of a public key begins with.
const ALGORITHM: &str = "ed25519:";

/// Why a key is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read.
    #[error("key file {path} cannot be read: {source}; check the path and its permissions", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The file is no key of this kind.
    #[error("{path} is no {kind} ed25519 key in PEM: {reason}; make a pair with `heddle extension keygen`", path = path.display())]
    NotAKey {
        /// The file.
        path: PathBuf,
        /// `secret` or `public`.
        kind: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The word is no key.
    #[error(
        "'{word}' is no public key; write ed25519: and 64 hexadecimal digits, as `heddle extension keygen` prints it"
    )]
    NotAWord {
        /// What was written.
        word: String,
    },
    /// The file cannot be written.
    #[error("key file {path} cannot be written: {source}; give another --out", path = path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The system has no random numbers.
    #[error("the system gives no random numbers: {0}; make the key on another machine")]
    NoRandomness(io::Error),
}

/// The secret half of a pair.
pub struct SecretKey(pub(super) SigningKey);

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey(of {})", self.public())
    }
}

impl SecretKey {
    /// A new one, from the system's random numbers.
    ///
    /// # Errors
    /// When the system has none.
    pub fn generate() -> Result<Self, KeyError> {
        let mut seed = [0; 32];
        std::fs::File::open("/dev/urandom")
            .and_then(|mut source| source.read_exact(&mut seed))
            .map_err(KeyError::NoRandomness)?;
        Ok(Self(SigningKey::from_bytes(&seed)))
    }

    /// Reads a PEM file.
    ///
    /// # Errors
    /// When it cannot be read or holds something else.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let text = read_pem(path, "secret")?;
        SigningKey::from_pkcs8_pem(&text).map(Self).map_err(|error| not_a_key(path, "secret", error.to_string()))
    }

    /// Writes a PEM file that only its owner may read; fails when there is one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), KeyError> {
        let pem = self.0.to_pkcs8_pem(LineEnding::LF).map_err(|error| not_a_key(path, "secret", error.to_string()))?;
        write_new(path, 0o600, pem.as_bytes())
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }
}

/// The public half of a pair.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(pub(super) VerifyingKey);

impl PublicKey {
    /// Reads a PEM file.
    ///
    /// # Errors
    /// When it cannot be read or holds something else.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        let text = read_pem(path, "public")?;
        VerifyingKey::from_public_key_pem(&text).map(Self).map_err(|error| not_a_key(path, "public", error.to_string()))
    }

    /// A word, or else the path of a PEM file.
    ///
    /// # Errors
    /// When it is neither.
    pub fn word_or_file(text: &str) -> Result<Self, KeyError> {
        if text.starts_with(ALGORITHM) { text.parse() } else { Self::read(Path::new(text)) }
    }

    /// Writes a PEM file; fails when there is one.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), KeyError> {
        let pem =
            self.0.to_public_key_pem(LineEnding::LF).map_err(|error| not_a_key(path, "public", error.to_string()))?;
        write_new(path, 0o644, pem.as_bytes())
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{ALGORITHM}{}", hex(self.0.as_bytes()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    fn from_str(word: &str) -> Result<Self, KeyError> {
        let wrong = || KeyError::NotAWord { word: word.escape_debug().to_string() };
        let bytes = word.strip_prefix(ALGORITHM).and_then(unhex).ok_or_else(wrong)?;
        VerifyingKey::from_bytes(&bytes).map(Self).map_err(|_| wrong())
    }
}

fn not_a_key(path: &Path, kind: &'static str, reason: String) -> KeyError {
    KeyError::NotAKey { path: path.to_owned(), kind, reason }
}

fn read_pem(path: &Path, kind: &'static str) -> Result<String, KeyError> {
    let bytes =
        read_small(path, KEY_FILE_MAX).map_err(|source| KeyError::Unreadable { path: path.to_owned(), source })?;
    String::from_utf8(bytes).map_err(|_| not_a_key(path, kind, "it is not text".to_owned()))
}

fn write_new(path: &Path, mode: u32, bytes: &[u8]) -> Result<(), KeyError> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .and_then(|mut file| file.write_all(bytes))
        .map_err(|source| KeyError::Unwritable { path: path.to_owned(), source })
}
