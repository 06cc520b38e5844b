//! What the derive says about mistakes, one in each file of `ui/keys`.
//!
//! Those in `ui/keys/rustc` are worded by rustc, wholly or in part, so that a new compiler may word them anew:
//! `TRYBUILD=overwrite cargo test -p swapplex-tests --test ui_keys` writes them down as they are.

#[test]
fn every_mistake_has_a_message_that_says_what_to_write() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("ui/keys/*.rs");
    cases.compile_fail("ui/keys/rustc/*.rs");
}
