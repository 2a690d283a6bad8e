//! The drop codes that one extension may use: those it registered.
//!
//! The host marks a code when it is registered, on the control side; workers look when a frame is dropped under one. A code
//! of another extension, or of none, is a violation, and the drop is counted as `extension-drop`: nobody's counters can be
//! charged by somebody else. Without a table ([`DropCodes::any`]) every code is taken, as simulations want it.
//!
//! Cost: one relaxed load a dropped frame; 64 bytes an instance.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::drop_reason::{CODES, EXTENSION_FIRST};

/// The codes, shared between the control side and workers.
#[derive(Clone, Debug, Default)]
pub struct DropCodes(Option<Arc<[AtomicU64; CODES / 64]>>);

impl DropCodes {
    /// Every code of the extensions' range.
    pub fn any() -> DropCodes {
        DropCodes::default()
    }

    /// None yet.
    pub fn registered() -> DropCodes {
        DropCodes(Some(Arc::new([const { AtomicU64::new(0) }; CODES / 64])))
    }

    /// Takes note that a code was registered.
    pub fn add(&self, code: u16) {
        let code = usize::from(code);
        if let Some(word) = self.0.as_ref().and_then(|words| words.get(code / 64)) {
            word.fetch_or(1 << (code % 64), Ordering::Relaxed);
        }
    }

    /// Whether a code is one of these.
    pub fn has(&self, code: u16) -> bool {
        let place = usize::from(code);
        if code < EXTENSION_FIRST || place >= CODES {
            return false;
        }
        let Some(words) = &self.0 else { return true };
        words.get(place / 64).is_some_and(|word| word.load(Ordering::Relaxed) & (1 << (place % 64)) != 0)
    }
}

impl PartialEq for DropCodes {
    fn eq(&self, other: &DropCodes) -> bool {
        match (&self.0, &other.0) {
            (None, None) => true,
            (Some(mine), Some(theirs)) => Arc::ptr_eq(mine, theirs),
            _ => false,
        }
    }
}

impl Eq for DropCodes {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_registered_and_never_the_switchs_own() {
        let codes = DropCodes::registered();
        for code in [64, 65, 511] {
            assert!(!codes.has(code) && DropCodes::any().has(code));
            codes.clone().add(code);
            assert!(codes.has(code), "{code}");
        }
        codes.add(23);
        codes.add(u16::MAX);
        for code in [0, 23, 63, 66, 510, 512, u16::MAX] {
            assert!(!codes.has(code), "{code}");
        }
        assert!(!DropCodes::any().has(63) && !DropCodes::any().has(512));
    }
}
