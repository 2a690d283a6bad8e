//! Drop reasons that extensions registered, for the whole daemon. Bounded per extension and in all.

use std::sync::Mutex;

use heddle_switch_core::call::Refusal;
use heddle_switch_core::drop_reason::{CODES, EXTENSION_FIRST};

use super::{PER_EXTENSION, lock};

/// Drop reasons that extensions registered, for the whole daemon: a code keeps its meaning after its extension is gone.
#[derive(Default)]
pub struct Reasons(Mutex<Vec<Reason>>);

#[derive(Clone)]
struct Reason {
    extension: String,
    id: String,
    text: String,
}

impl Reasons {
    pub(crate) fn register(&self, extension: &str, id: &str, text: &str) -> Result<u16, Refusal> {
        let kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if id.is_empty() || !id.chars().all(kebab) {
            return Err(Refusal::Invalid);
        }
        let mut reasons = lock(&self.0);
        let own = reasons.iter().filter(|reason| reason.extension == extension).count();
        let at = reasons.iter().position(|reason| reason.extension == extension && reason.id == id);
        let at = match at {
            Some(at) => at,
            None if own >= PER_EXTENSION || usize::from(EXTENSION_FIRST) + reasons.len() >= CODES => {
                return Err(Refusal::Full);
            }
            None => {
                reasons.push(Reason { extension: extension.to_owned(), id: id.to_owned(), text: text.to_owned() });
                reasons.len() - 1
            }
        };
        u16::try_from(at).map(|at| EXTENSION_FIRST + at).map_err(|_| Refusal::Full)
    }

    /// Names and texts of the reasons of one extension.
    pub fn of(&self, extension: &str) -> Vec<(String, String)> {
        let reasons = lock(&self.0);
        let own = reasons.iter().filter(|reason| reason.extension == extension);
        own.map(|reason| (format!("{}/{}", reason.extension, reason.id), reason.text.clone())).collect()
    }

    /// Name (`extension/id`) and text of a code.
    pub fn describe(&self, code: u16) -> Option<(String, String)> {
        let at = usize::from(code.checked_sub(EXTENSION_FIRST)?);
        lock(&self.0).get(at).map(|reason| (format!("{}/{}", reason.extension, reason.id), reason.text.clone()))
    }
}
