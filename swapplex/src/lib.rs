//! A Redis layer that is never debugged.

pub mod config;
mod resp;
pub mod runtime;
