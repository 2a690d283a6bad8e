//! The log levels of the running daemon, changed by request and applied at once.
//!
//! The daemon gives what applies a set of levels; this keeps the set, its bound and the level the daemon was started with.
//! The supervisor is a process of its own and keeps that level.

use super::error::ControlError;
use super::model::{LogLevel, LogLevelView, LogTarget, MAX_TARGETS};
use super::plane::ControlResult;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

type Apply = Box<dyn Fn(&LogLevelView) -> Result<(), String> + Send + Sync>;

/// The log levels of this process.
pub struct LogLevels {
    started_with: LogLevel,
    present: Mutex<LogLevelView>,
    apply: Apply,
}

impl LogLevels {
    /// Levels that begin with `level` for everything; `apply` puts a set of them into force.
    #[must_use]
    pub fn new(level: LogLevel, apply: Apply) -> Self {
        let present = Mutex::new(LogLevelView { level, targets: BTreeMap::new() });
        Self { started_with: level, present, apply }
    }

    /// The levels in force.
    #[must_use]
    pub fn show(&self) -> LogLevelView {
        self.present.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets the level of `target`, or the general one.
    ///
    /// # Errors
    /// When too many targets have a level, or the log cannot take the change.
    pub fn set(&self, target: Option<LogTarget>, level: LogLevel) -> ControlResult<LogLevelView> {
        self.change(|levels| match target {
            None => levels.level = level,
            Some(target) => drop(levels.targets.insert(target, level)),
        })
    }

    /// Takes the level of `target` away, or of all, and the general one back to what heddled was started with.
    ///
    /// # Errors
    /// When the log cannot take the change.
    pub fn reset(&self, target: Option<&LogTarget>) -> ControlResult<LogLevelView> {
        self.change(|levels| match target {
            Some(target) => drop(levels.targets.remove(target)),
            None => *levels = LogLevelView { level: self.started_with, targets: BTreeMap::new() },
        })
    }

    fn change(&self, change: impl FnOnce(&mut LogLevelView)) -> ControlResult<LogLevelView> {
        let mut present = self.present.lock().unwrap_or_else(PoisonError::into_inner);
        let mut wanted = present.clone();
        change(&mut wanted);
        if wanted.targets.len() > MAX_TARGETS {
            return Err(ControlError::LimitReached {
                what: "targets with a log level of their own".to_owned(),
                limit: u64::try_from(MAX_TARGETS).unwrap_or(u64::MAX),
                fix: "take one away with `heddle log level reset --target TARGET`".to_owned(),
            });
        }
        (self.apply)(&wanted)
            .map_err(|reason| ControlError::Internal { what: "changing the log level".to_owned(), reason })?;
        present.clone_from(&wanted);
        Ok(wanted)
    }
}

impl fmt::Debug for LogLevels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogLevels").field("present", &self.show()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn levels_are_applied_bounded_and_reset() -> Result<(), Box<dyn std::error::Error>> {
        let applied = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&applied);
        let levels = LogLevels::new(
            LogLevel::Info,
            Box::new(move |view| {
                seen.lock().map_err(|error| error.to_string())?.push(view.clone());
                Ok(())
            }),
        );
        levels.set(None, LogLevel::Warn)?;
        for number in 0..MAX_TARGETS {
            levels.set(Some(LogTarget::new(&format!("engine::m{number}"))?), LogLevel::Debug)?;
        }
        let full = levels.set(Some(LogTarget::new("loader")?), LogLevel::Debug);
        assert!(matches!(full, Err(ControlError::LimitReached { limit: 32, .. })), "{full:?}");
        assert_eq!(levels.show().targets.len(), MAX_TARGETS, "a refused change changes nothing");
        levels.reset(Some(&LogTarget::new("engine::m0")?))?;
        assert_eq!((levels.show().level, levels.show().targets.len()), (LogLevel::Warn, MAX_TARGETS - 1));
        let last = levels.reset(None)?;
        assert_eq!((last.level, last.targets.len()), (LogLevel::Info, 0));
        assert_eq!(applied.lock().map_err(|error| error.to_string())?.last(), Some(&last));
        Ok(())
    }

    #[test]
    fn a_target_is_a_part_of_heddled_or_a_library() -> Result<(), Box<dyn std::error::Error>> {
        assert_eq!(LogTarget::new("loader::check")?.path(), "heddle_host::loader::check");
        assert_eq!(LogTarget::new("h2")?.path(), "h2");
        let refused = LogTarget::new("engin").err().map(|error| error.to_string());
        let expected = "target 'engin' is no part of heddled, nearest is 'engine'; use one of: arena, control, daemon, engine, loader, ports, supervisor, h2, hyper, tonic, tower; or a module in it, as in loader::check";
        assert_eq!(refused.as_deref(), Some(expected));
        assert!(LogTarget::new(&"engine::x".repeat(20)).is_err() && LogTarget::new("engine=debug").is_err());
        Ok(())
    }
}
