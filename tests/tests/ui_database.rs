//! What the derive says about mistakes, one in each file of `ui/database`.
//!
//! Those in `ui/database/rustc` are worded by rustc, wholly or in part, so that a new compiler may word them anew:
//! `TRYBUILD=overwrite cargo test -p swapplex-tests --test ui_database` writes them down as they are.

#[test]
fn every_mistake_has_a_message_that_says_what_to_write() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("ui/database/*.rs");
    cases.compile_fail("ui/database/rustc/*.rs");
}
