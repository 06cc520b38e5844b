//! Named databases: connecting, staying connected, and sending requests over whatever connection is live.

mod apart;
mod call;
mod closing;
mod debounce;
mod dial;
mod env;
mod events;
mod fence;
mod lane;
mod local;
mod not_now;
mod origin;
mod persist;
mod request;
mod settle;
mod shared;
mod supervisor;
mod suspect;
mod ticket;

pub(crate) use apart::{Apart, after, call_apart, dial_apart};
pub(crate) use call::Call;
pub use dial::ConnectError;
pub(crate) use dial::Destination;
pub use env::EnvConnection;
pub use events::{ConnectionEvent, ConnectionStream, connection_stream, on_connected};
pub(crate) use local::is_live;
pub(crate) use not_now::{NotNow, is_error};
pub use origin::{Database, Handle, Origin, Place, Static};
pub(crate) use persist::{call_within, post};
pub(crate) use request::{Finish, Refusal, Request};

/// For the macros' output and the crate's own traits; not part of what users may rely on.
#[doc(hidden)]
pub mod private {
    pub use super::shared::Shared;
}
pub(crate) use shared::Shared;
