//! The policy of a host: what a file needs before its code may run here.
//!
//! Asked whenever a file is installed or mapped, also when extensions are brought back after a restart; what runs already
//! goes on when the policy gets stricter. Extensions built into heddled need nothing: they came with it.

use super::report::Level;
use super::{PublicKey, Report, ReportError, Signature, SignatureError, report_beside, sha256, signature_beside};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::path::Path;

/// Keys a policy may name.
const KEYS_MAX: usize = 64;

/// What a file needs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Public keys of vendors who are trusted, as `heddle extension keygen` prints them: ed25519: and 64 hexadecimal digits; at most 64.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "few_keys")]
    pub trusted_keys: Vec<PublicKey>,
    /// Refuse a file without a signature by a trusted key.
    #[serde(default)]
    pub require_signature: bool,
    /// Refuse a file without a conformance report in which everything passed: true for one of any level, or the level it must have reached.
    #[serde(default)]
    pub require_conformance: ReportWanted,
}

/// Whether a report is needed, and how far it must go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ReportWanted {
    /// None is needed.
    #[default]
    No,
    /// One of any level.
    Any,
    /// One of at least this level.
    Level(Level),
}

/// Why a policy keeps a file out.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The signature does not do.
    #[error("the policy of this host wants a trusted signature, and {0}")]
    Signature(#[from] SignatureError),
    /// The signature is good, its key is nobody's who is trusted.
    #[error(
        "the policy of this host wants a trusted signature, and it is signed with {key}, which is not among its trusted_keys; add the key to [policy] in the configuration if the vendor is to be trusted"
    )]
    Untrusted {
        /// The key.
        key: String,
    },
    /// The report does not do.
    #[error("the policy of this host wants a conformance report, and {0}")]
    Report(#[from] ReportError),
}

impl Policy {
    /// Whether nothing was said.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// What it wants, in words.
    #[must_use]
    pub fn summary(&self) -> String {
        let keys = self.trusted_keys.len();
        let signature = match self.require_signature {
            true => format!("a signature by one of {keys} trusted keys"),
            false => "no signature".to_owned(),
        };
        match self.require_conformance {
            ReportWanted::No => format!("{signature} and no conformance report"),
            ReportWanted::Any => format!("{signature} and a conformance report"),
            ReportWanted::Level(level) => format!("{signature} and a conformance report of level {level}"),
        }
    }

    /// Whether the file at `path` with these bytes may run here.
    ///
    /// # Errors
    /// What it lacks.
    pub fn admit(&self, path: &Path, bytes: &[u8]) -> Result<(), Refusal> {
        if self.require_signature {
            let signature = Signature::read(&signature_beside(path))?;
            signature.check(bytes)?;
            if !self.trusted_keys.contains(&signature.key) {
                return Err(Refusal::Untrusted { key: signature.key.to_string() });
            }
        }
        let level = match self.require_conformance {
            ReportWanted::No => return Ok(()),
            ReportWanted::Any => None,
            ReportWanted::Level(level) => Some(level),
        };
        let place = report_beside(path);
        Ok(Report::read(&place)?.check(&place, &sha256(bytes), level)?)
    }
}

fn few_keys<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<PublicKey>, D::Error> {
    let keys = Vec::<PublicKey>::deserialize(from)?;
    if keys.len() > KEYS_MAX {
        return Err(D::Error::custom(format!("trusted_keys has {} keys, at most {KEYS_MAX} are taken", keys.len())));
    }
    Ok(keys)
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

impl JsonSchema for PublicKey {
    fn schema_name() -> Cow<'static, str> {
        "PublicKey".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": "^ed25519:[0-9a-f]{64}$" })
    }
}

impl Serialize for ReportWanted {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::No => to.serialize_bool(false),
            Self::Any => to.serialize_bool(true),
            Self::Level(level) => to.collect_str(level),
        }
    }
}

impl<'de> Deserialize<'de> for ReportWanted {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "require_conformance is true, false or the name of a level")]
        enum Form {
            Flag(bool),
            Level(String),
        }
        match Form::deserialize(from)? {
            Form::Flag(false) => Ok(Self::No),
            Form::Flag(true) => Ok(Self::Any),
            Form::Level(name) => Level::new(&name).map(Self::Level).map_err(D::Error::custom),
        }
    }
}

impl JsonSchema for ReportWanted {
    fn schema_name() -> Cow<'static, str> {
        "ReportWanted".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["boolean", "string"] })
    }
}
