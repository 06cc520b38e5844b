//! How workloads are run, metered and reported.

mod allocations;
mod arguments;
mod bench;
mod contestant;
pub(crate) mod data;
pub(crate) mod launch;
mod meter;
mod operation;
mod progress;
mod report;
pub(crate) mod spawned;
mod statistics;
mod workers;

pub(crate) use arguments::Arguments;
pub(crate) use bench::{Bench, Stage};
pub(crate) use contestant::Contestant;
pub(crate) use operation::{Get, Incr, Operation, Set};
pub(crate) use workers::{at_once, on_workers};
