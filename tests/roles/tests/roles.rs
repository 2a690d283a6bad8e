//! The rights matrix of the model, one file per sentence: what is in `refused` does not compile and says why, what is
//! in `allowed` does.
//!
//! After a change of the compiler or of the API: `TRYBUILD=overwrite cargo test -p heddle-roles`, and read the diff. A
//! file must fail for its own reason, on the one line it is about.

#[test]
fn the_rights_matrix_is_unsayable_where_it_forbids() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/refused/*.rs");
    cases.pass("tests/allowed/*.rs");
}
