//! What the compiler says to a wrong use of `#[swapplex::main]` and `#[swapplex::test]`.
//!
//! `TRYBUILD=overwrite` takes over new messages. The cases in `rustc/` are worded by the compiler, and may change with it.

#[test]
fn wrong_uses_are_explained() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("ui/entry/*.rs");
    cases.compile_fail("ui/entry/rustc/*.rs");
}
