//! The panic guard every entry point passes.
//!
//! It costs nothing when nothing panics. The payload is forgotten, since its destructor may panic again.

use std::any::Any;
use std::panic::{catch_unwind, AssertUnwindSafe};

/// Runs `body`; when it panics, passes the message to `report` and returns `fallback`.
pub(super) fn guard<T>(fallback: T, report: impl FnOnce(&str), body: impl FnOnce() -> T) -> T {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(value) => value,
        Err(payload) => {
            panicked(&*payload, report);
            core::mem::forget(payload);
            fallback
        }
    }
}

#[cold]
fn panicked(payload: &(dyn Any + Send), report: impl FnOnce(&str)) {
    let text = match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (None, Some(text)) => text.as_str(),
        (None, None) => "a panic without a text",
    };
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| report(text))) {
        core::mem::forget(second);
    }
}

#[cfg(test)]
mod tests {
    use super::guard;

    struct PanicsAgain;

    impl Drop for PanicsAgain {
        fn drop(&mut self) {
            panic!("the payload's destructor ran");
        }
    }

    #[test]
    fn value_text_and_fallback() {
        assert_eq!(guard(-6, |_| unreachable!(), || 3), 3);
        let mut seen = String::new();
        assert_eq!(guard(-6, |text| seen = text.to_owned(), || panic!("index {}", 7)), -6);
        assert_eq!(seen, "index 7");
    }

    #[test]
    fn payload_is_not_dropped() {
        let outcome =
            guard(-6, |text| assert_eq!(text, "a panic without a text"), || std::panic::panic_any(PanicsAgain));
        assert_eq!(outcome, -6);
    }

    #[test]
    fn a_report_that_panics_is_contained() {
        assert_eq!(guard(-6, |_| panic!("log failed"), || panic!("first")), -6);
    }
}
