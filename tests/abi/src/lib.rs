//! Nothing but tests: see `tests/mutants.rs` and `tests/matrix.rs`, and the scripts beside them.
