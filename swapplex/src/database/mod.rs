//! Named databases: connecting, staying connected, and sending requests over whatever connection is live.

mod apart;
mod call;
mod closing;
mod deadline;
mod debounce;
mod dial;
mod env;
mod events;
mod fence;
mod hook;
mod journey;
mod lane;
mod line;
mod local;
mod not_now;
mod origin;
mod outcome;
mod persist;
mod plain;
mod ready;
mod request;
mod settle;
mod shared;
mod supervisor;
mod suspect;
mod ticket;
mod together;
mod trace;

pub(crate) use apart::{Apart, after, call_apart, dial_apart, drive};
pub(crate) use call::Call;
pub use dial::ConnectError;
pub(crate) use dial::Destination;
pub use env::{EnvConnection, close, ready, stats};
pub use events::{ConnectionEvent, ConnectionStream, connection_stream, on_connected};
pub(crate) use hook::Fresh;
pub(crate) use local::is_live;
pub(crate) use not_now::{NotNow, is_error};
pub use origin::{Database, Handle, Origin, Place, Static};
pub(crate) use persist::{call_within, post};
pub use ready::NotReady;
pub(crate) use ready::ready as is_ready;
pub(crate) use request::{Finish, Refusal, Request};

/// For the macros' output and the crate's own traits; not part of what users may rely on.
#[doc(hidden)]
pub mod private {
    pub use super::shared::Shared;
    pub use env_url::ServiceURL;
}
pub use settle::Unsettled;
pub(crate) use settle::close as settle_and_close;
pub(crate) use shared::Shared;
