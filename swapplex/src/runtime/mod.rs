//! The barrier-protected Tokio runtime and thread-local references.
