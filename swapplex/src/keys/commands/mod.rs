//! What can be done with keys: those of each shape, and all of them.

mod any;
mod counter;
mod hash;
mod list;
mod set;
mod sorted_set;
mod stream;
mod value;

pub use any::Ttl;
pub use stream::Entry;
