//! Extensions that do harm: started again after a panic, taken out for good when it happens too often.
//!
//! A panic takes the extension out; [`RESTART_PAUSE`] later it is made anew with its configuration, in its place of the order;
//! at once when it was the first failure of a process of its own. Its
//! [`PANICS_MAX`]th panic within [`PANICS_WINDOW`], or more than [`VIOLATIONS_MAX`] violations of its role's rules since it was
//! started, puts it into quarantine on this switch: it is not started again, by nobody but the operator who clears it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use heddle_switch_core::violation::Broken;

use super::extensions::Enabled;
use super::{LiveSwitch, State};
use crate::control::error::ControlError;
use crate::control::model::{ExtensionConfig, ExtensionId, Isolation, QuarantineCause, QuarantineView, nearest};
use crate::control::plane::ControlResult;

/// Panics within [`PANICS_WINDOW`] that lead to quarantine.
pub(crate) const PANICS_MAX: usize = 3;
/// The time they are counted in.
pub(crate) const PANICS_WINDOW: Duration = Duration::from_secs(60);
/// How long an extension that panicked stays out.
const RESTART_PAUSE: Duration = Duration::from_secs(1);
/// Violations since it was started that an extension may have.
pub(crate) const VIOLATIONS_MAX: u64 = 1_000;

/// Calls within [`SLOW_WINDOW`] that may take longer than their budget.
pub(crate) const SLOW_MAX: u64 = 1_000;
/// The time they are counted in.
const SLOW_WINDOW: Duration = Duration::from_secs(60);

/// What that comes to, for people.
pub(super) const TOO_SLOW: &str = "more than 1000 calls within 60 s took longer than their budget";

/// How long an extension stays out after its `count`th failure in the window: one in a process of its own that failed for
/// the first time does not, since nobody else is touched by what it does.
fn pause(config: &ExtensionConfig, count: usize) -> Duration {
    if count <= 1 && config.isolation() == Isolation::Process { Duration::ZERO } else { RESTART_PAUSE }
}

/// Whether an extension is slow too often.
pub(super) fn is_slow(one: &mut Enabled) -> bool {
    let Some(instance) = one.instance.as_ref().and_then(|instance| instance.here()) else { return false };
    let (count, now) = (instance.site().strikes.slow_calls(), Instant::now());
    let (since, before) = *one.trouble.slow.get_or_insert((now, count));
    if count < before || now.duration_since(since) > SLOW_WINDOW {
        one.trouble.slow = Some((now, count));
        return false;
    }
    count - before > SLOW_MAX
}

/// What is remembered of an extension's panics.
#[derive(Default)]
pub(crate) struct Trouble {
    /// When it panicked, within the window.
    panics: VecDeque<Instant>,
    /// When it is started again.
    restart_at: Option<Instant>,
    /// When slow calls began to be counted, and how many there were then.
    slow: Option<(Instant, u64)>,
}

impl Trouble {
    /// Counts a panic; gives how many there were within the window.
    fn panicked(&mut self, now: Instant) -> usize {
        self.panics.push_back(now);
        while self.panics.front().is_some_and(|first| now.duration_since(*first) > PANICS_WINDOW) {
            self.panics.pop_front();
        }
        self.panics.len()
    }
}

impl LiveSwitch {
    /// Takes out what panicked or broke too many rules, and starts what has been out long enough.
    pub(super) fn look_after(&self, state: &mut State) -> ControlResult<()> {
        // What one on probation does meanwhile is seen the next time.
        let panicked = |one: &Enabled| {
            one.instance.as_ref().is_some_and(|it| it.has_panicked()) && !one.generations.on_probation()
        };
        while let Some(at) = state.enabled.iter().position(panicked) {
            let why = state.enabled.get(at).and_then(|one| one.instance.as_ref()?.failure());
            self.suspend(state, at)?;
            self.after_panic(state, at, why.as_deref());
        }
        let unruly = |one: &Enabled| one.instance.is_some() && one.violations > VIOLATIONS_MAX;
        while let Some(at) = state.enabled.iter().position(unruly) {
            self.suspend(state, at)?;
            let reason = format!("more than {VIOLATIONS_MAX} violations of its role's rules");
            self.quarantine(state, at, QuarantineCause::Violations, reason);
        }
        while let Some(at) = state.enabled.iter_mut().position(|one| !one.generations.on_probation() && is_slow(one)) {
            self.suspend(state, at)?;
            self.quarantine(state, at, QuarantineCause::Slow, TOO_SLOW.to_owned());
        }
        let now = Instant::now();
        let is_due = |one: &Enabled| one.trouble.restart_at.is_some_and(|at| at <= now);
        while let Some(at) = state.enabled.iter().position(is_due) {
            self.restart(state, at);
        }
        Ok(())
    }

    fn after_panic(&self, state: &mut State, at: usize, why: Option<&str>) {
        let Some(one) = state.enabled.get_mut(at) else { return };
        let (now, seconds) = (Instant::now(), PANICS_WINDOW.as_secs());
        let count = one.trouble.panicked(now);
        let pause = pause(&one.config, count);
        if count >= PANICS_MAX {
            let reason = match why {
                None => format!("it panicked {count} times within {seconds} s"),
                Some(why) => format!("it failed {count} times within {seconds} s, at last: {why}"),
            };
            self.quarantine(state, at, QuarantineCause::Panics, reason);
            return;
        }
        let id = one.library.facts().id.clone();
        let why = why.unwrap_or("it panicked");
        tracing::error!(switch = %self.spec.name(), extension = id, count, why, "the extension is taken out");
        one.trouble.restart_at = Some(now + pause);
        one.last_error = Some(format!(
            "{why} and was taken out; it is started again in a moment, and quarantined at {PANICS_MAX} panics \
             within {seconds} s (now {count})"
        ));
    }

    /// Puts an extension that was taken out into quarantine.
    fn quarantine(&self, state: &mut State, at: usize, cause: QuarantineCause, reason: String) {
        let Some(one) = state.enabled.get_mut(at) else { return };
        let id = one.library.facts().id.clone();
        tracing::error!(switch = %self.spec.name(), extension = id, reason, "the extension is quarantined");
        one.trouble.restart_at = None;
        one.last_error = Some(format!(
            "it was taken out and is quarantined: {reason}; report it to its vendor, `heddle quarantine clear` lets it \
             run again"
        ));
        self.quarantines.put(self.spec.name(), &id, cause, reason);
    }

    /// Starts an extension again that was taken out.
    fn restart(&self, state: &mut State, at: usize) {
        let Some(one) = state.enabled.get_mut(at) else { return };
        one.trouble.restart_at = None;
        let id = one.library.facts().id.clone();
        match self.revive(state, at) {
            Ok(()) => tracing::warn!(switch = %self.spec.name(), extension = id, "started again after a panic"),
            Err(error) => {
                tracing::error!(switch = %self.spec.name(), extension = id, %error, "could not be started again");
                if let Some(one) = state.enabled.get_mut(at) {
                    one.last_error = Some(format!("it panicked and was not started again: {error}; enable it anew"));
                }
            }
        }
    }

    /// Makes an extension that is enabled and does not run anew, in its place.
    fn revive(&self, state: &mut State, at: usize) -> ControlResult<()> {
        let Some(one) = state.enabled.get(at) else { return Ok(()) };
        let (source, config, log) = (one.source.clone(), one.config.clone(), Arc::clone(&one.log));
        let (instance, stage) = self.start_in_place(state, Some(at), (&source, &config, log))?;
        if let Some(one) = state.enabled.get_mut(at) {
            (one.instance, one.stage, one.violations) = (Some(instance), stage, 0);
            one.broken = Broken::default();
        }
        self.apply_order(state);
        self.publish(state, Vec::new())
    }

    /// The refusal for an extension that is in quarantine here.
    pub(crate) fn refuse_quarantined(&self, id: &ExtensionId) -> ControlResult<()> {
        match self.quarantines.find(self.spec.name(), id.as_str()) {
            None => Ok(()),
            Some(record) => Err(ControlError::ExtensionQuarantined {
                switch: self.spec.name().clone(),
                id: id.clone(),
                reason: record.reason,
                since_unix_seconds: record.since_unix_seconds,
            }),
        }
    }

    /// Lets an extension out of quarantine; one that is enabled still is started.
    pub(crate) fn clear_quarantine(&self, state: &mut State, id: &ExtensionId) -> ControlResult<QuarantineView> {
        let name = self.spec.name();
        let Some(record) = self.quarantines.find(name, id.as_str()) else {
            let there = self.quarantines.all(Some(name));
            let known = there.iter().map(|record| record.id.as_str());
            let nearest = nearest(id.as_str(), known);
            return Err(ControlError::NotQuarantined { switch: name.clone(), id: id.clone(), nearest });
        };
        let waits = |one: &Enabled| one.library.facts().id == id.as_str() && one.instance.is_none();
        if let Some(at) = state.enabled.iter().position(waits) {
            self.revive(state, at)?;
            if let Some(one) = state.enabled.get_mut(at) {
                (one.trouble, one.last_error) = (Trouble::default(), None);
            }
        }
        self.quarantines.remove(name, id.as_str());
        Ok(record)
    }
}
