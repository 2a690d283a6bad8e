//! `heddle extension keygen`, `sign` and `verify`.

use super::{read_library, refused};
use crate::cli::args::vendor::{KeygenArgs, SignArgs, VerifyArgs};
use crate::cli::{Answer, Failure};
use crate::control::error::ErrorClass;
use crate::trust::{KeyError, PublicKey, SecretKey, Signature, SignatureError, signature_beside};
use schemars::JsonSchema;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// A new pair of keys.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct KeyPair {
    /// The secret half, a PEM file.
    secret: PathBuf,
    /// The public half, a PEM file.
    public: PathBuf,
    /// The public half as a word, for `trusted_keys` of a policy.
    key: String,
}

/// A file that was signed.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct Signed {
    /// The file.
    file: PathBuf,
    /// Where its signature is.
    signature: PathBuf,
    /// SHA-256 of the file.
    sha256: String,
    /// The public half of the key.
    key: String,
}

/// A signature that holds.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct Verified {
    /// The file.
    file: PathBuf,
    /// SHA-256 of the file.
    sha256: String,
    /// The key it was signed with.
    key: String,
    /// Whether this key was asked for; without --key anybody could have signed it.
    expected: bool,
}

fn key_failure(error: &KeyError) -> Failure {
    let class = match error {
        KeyError::Unreadable { source, .. } | KeyError::Unwritable { source, .. } => match source.kind() {
            std::io::ErrorKind::PermissionDenied => ErrorClass::Permission,
            std::io::ErrorKind::NotFound => ErrorClass::NotFound,
            std::io::ErrorKind::AlreadyExists => ErrorClass::AlreadyExists,
            _ => ErrorClass::Other,
        },
        KeyError::NotAKey { .. } | KeyError::NotAWord { .. } => ErrorClass::Refused,
        KeyError::NoRandomness(_) => ErrorClass::Other,
    };
    Failure::new(class, error.to_string())
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

pub(super) fn generate(args: &KeygenArgs) -> Result<Answer, Failure> {
    let (secret, public) = (with_ending(&args.out, ".key"), with_ending(&args.out, ".pub"));
    let key = SecretKey::generate().map_err(|error| key_failure(&error))?;
    key.write(&secret).map_err(|error| key_failure(&error))?;
    key.public()
        .write(&public)
        .inspect_err(|_| drop(std::fs::remove_file(&secret)))
        .map_err(|error| key_failure(&error))?;
    let pair = KeyPair { secret, public, key: key.public().to_string() };
    let text = format!(
        "secret key: {} (keep it to yourself)\npublic key: {}\nfor trusted_keys: {}\n",
        pair.secret.display(),
        pair.public.display(),
        pair.key
    );
    Answer::new(text, &pair)
}

pub(super) fn sign(args: &SignArgs) -> Result<Answer, Failure> {
    let bytes = read_library(&args.file)?;
    // Signing a text file by accident helps nobody.
    crate::loader::judge(&bytes).map_err(|error| refused(&args.file, &error))?;
    let key = SecretKey::read(&args.key).map_err(|error| key_failure(&error))?;
    let name = args.file.file_name().unwrap_or_default().to_string_lossy();
    let signature = Signature::make(&key, &name, &bytes);
    let place = signature_beside(&args.file);
    std::fs::write(&place, signature.text()).map_err(|error| Failure::file("write", &place, &error))?;
    let text = format!("signed {} with {}: {}\n", args.file.display(), signature.key, place.display());
    let (file, sha256, key) = (args.file.clone(), signature.sha256.clone(), signature.key.to_string());
    Answer::new(text, &Signed { file, signature: place, sha256, key })
}

pub(super) fn verify(args: &VerifyArgs) -> Result<Answer, Failure> {
    let bytes = read_library(&args.file)?;
    let wanted = args.key.as_deref().map(PublicKey::word_or_file).transpose().map_err(|error| key_failure(&error))?;
    let bad = |error: SignatureError| {
        let class = match error {
            SignatureError::Missing { .. } => ErrorClass::NotFound,
            _ => ErrorClass::Refused,
        };
        Failure::new(class, format!("{}: {error}", args.file.display()))
    };
    let signature = Signature::read(&signature_beside(&args.file)).map_err(bad)?;
    signature.check(&bytes).map_err(bad)?;
    let key = signature.key;
    if let Some(wanted) = wanted.filter(|wanted| *wanted != key) {
        let message = format!(
            "{} is signed with {key}, not with {wanted}; ask the vendor which key is theirs",
            args.file.display()
        );
        return Err(Failure::new(ErrorClass::Refused, message));
    }
    let hint = if wanted.is_some() { "" } else { "; give --key to check whose it is" };
    let text = format!("the signature of {} is good, by {key}{hint}\n", args.file.display());
    let found = Verified {
        file: args.file.clone(),
        sha256: signature.sha256,
        key: key.to_string(),
        expected: wanted.is_some(),
    };
    Answer::new(text, &found)
}
