//! Nothing but compile-fail tests: `tests/roles.rs`. They are here and not in `extension-api`, which has no
//! dependencies and builds with rustc 1.63.
