//! The macros of swapplex.
