//! A port that is listened on, or not, as the test wants.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinHandle;

use crate::ports::ReservedPort;

/// A port of 127.0.0.1 that stays ours, and the task that accepts connections on it while there is one.
///
/// Dropping it ends that task.
#[derive(Debug)]
pub(crate) struct Door {
    port: ReservedPort,
    accepting: Mutex<Option<JoinHandle<()>>>,
}

impl Door {
    /// A door that is closed, on a port that nobody listens on.
    ///
    /// # Panics
    ///
    /// If there is none.
    #[track_caller]
    pub(crate) fn new() -> Self {
        Self {
            port: ReservedPort::new().expect("a free port"),
            accepting: Mutex::default(),
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port.number()
    }

    /// The URL that leads here, without credentials.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port())
    }

    /// Listens, and spawns what `accept` makes of the listener; without effect while it listens.
    ///
    /// # Panics
    ///
    /// If somebody else has taken the port.
    #[track_caller]
    pub(crate) fn open<F>(&self, accept: impl FnOnce(TcpListener) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let accepting = &mut *self.accepting();
        if accepting.is_none() {
            let listener = listen(self.port()).expect("our port is free");
            *accepting = Some(tokio::spawn(accept(listener)));
        }
    }

    /// Stops listening. Returns when the listener is closed, and with it whatever else lives in that task.
    pub(crate) async fn close(&self) {
        let accepting = self.accepting().take();
        if let Some(accepting) = accepting {
            accepting.abort();
            let _ = accepting.await;
        }
    }

    /// The same, without waiting for that.
    pub(crate) fn shut(&self) {
        if let Some(accepting) = self.accepting().take() {
            accepting.abort();
        }
    }

    fn accepting(&self) -> MutexGuard<'_, Option<JoinHandle<()>>> {
        self.accepting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.shut();
    }
}

/// Listens on `port`, which is ours.
///
/// A server that another test starts at this moment may hold a copy of the socket that tried the port, between its
/// fork and its exec: so the port may be in use for an instant, and nothing tells when that is over.
fn listen(port: u16) -> io::Result<TcpListener> {
    let mut attempts = 0;
    loop {
        match try_listen(port) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && attempts < 1_000 => {
                attempts += 1;
                thread::sleep(Duration::from_millis(1));
            }
            result => return result,
        }
    }
}

fn try_listen(port: u16) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    // Connections of an earlier listener on this port may be in TIME_WAIT.
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    socket.listen(1024)
}
