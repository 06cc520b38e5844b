//! A TCP proxy in this process that breaks what passes through it.

mod flow;
mod link;

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

pub use self::flow::{Direction, Flow};
pub use self::link::{Cut, Link, Side};

use crate::dials::Dials;
use crate::door::Door;

/// A proxy between the client under test and a server on 127.0.0.1.
///
/// It starts transparent. Every fault is set while it runs and takes effect at once, on the connections that exist and
/// on those to come; [`links`](Self::links) gives single connections. Dropping it resets all of them.
///
/// It lives on the Tokio runtime that it was started on, and a runtime that the client under test blocks blocks it too.
#[derive(Debug)]
pub struct Proxy {
    door: Door,
    shared: Arc<Shared>,
}

/// What has passed through a proxy.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    /// When each connection was accepted.
    pub dials: Dials,
    /// How many connections are open, on either side.
    pub open: usize,
    /// Bytes read from clients, passed on or not.
    pub requests: u64,
    /// Bytes read from the server, passed on or not.
    pub replies: u64,
    /// How many of the cuts that [`Proxy::cut_after`] armed have happened.
    pub cuts: usize,
}

#[derive(Debug)]
struct Shared {
    traffic: watch::Sender<Traffic>,
    faults: Mutex<Faults>,
}

#[derive(Debug, Default)]
struct Faults {
    upstream: u16,
    /// For connections to come, by [`Direction`].
    flows: [Flow; 2],
    fuses: [Option<Fuse>; 2],
    links: Vec<Link>,
}

/// A cut that waits for its byte.
#[derive(Clone, Copy, Debug)]
struct Fuse {
    left: u64,
    cut: Cut,
}

impl Shared {
    fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Proxy {
    /// Starts a proxy to a port of 127.0.0.1.
    ///
    /// # Panics
    ///
    /// If there is no port to listen on.
    #[track_caller]
    pub fn start(upstream_port: u16) -> Self {
        let proxy = Self {
            door: Door::new(),
            shared: Arc::new(Shared {
                traffic: watch::Sender::new(Traffic::default()),
                faults: Mutex::new(Faults {
                    upstream: upstream_port,
                    ..Faults::default()
                }),
            }),
        };
        proxy.accept();
        proxy
    }

    /// The port of 127.0.0.1 that it listens on.
    pub fn port(&self) -> u16 {
        self.door.port()
    }

    /// The URL that leads through the proxy, without credentials.
    pub fn url(&self) -> String {
        self.door.url()
    }

    /// Listens again after [`refuse`](Self::refuse); without effect while it listens.
    ///
    /// # Panics
    ///
    /// If somebody else has taken the port.
    #[track_caller]
    pub fn accept(&self) {
        self.door
            .open(|listener| accept(listener, Arc::clone(&self.shared)));
    }

    /// Stops listening: new connections are refused, those that exist go on.
    pub async fn refuse(&self) {
        self.door.close().await;
    }

    /// Leads connections to come to another port of 127.0.0.1, as a name does that several servers have.
    pub fn lead_to(&self, upstream_port: u16) {
        self.shared.faults().upstream = upstream_port;
    }

    /// Sets how bytes flow in one direction, for the connections that exist and for those to come.
    pub fn set(&self, direction: Direction, flow: Flow) {
        let faults = &mut *self.shared.faults();
        faults.flows[direction.index()] = flow;
        for link in &faults.links {
            link.set(direction, flow);
        }
    }

    /// Sets how bytes flow in one direction for connections to come.
    pub fn set_for_new(&self, direction: Direction, flow: Flow) {
        self.shared.faults().flows[direction.index()] = flow;
    }

    /// Arms one cut: once `bytes` more bytes have been passed on in this direction, both sides of the connection whose
    /// byte was the last are cut, and not one byte more is passed on.
    ///
    /// With 0 bytes, the cut comes in place of the next byte. Arming again replaces a cut that has not come yet.
    pub fn cut_after(&self, direction: Direction, bytes: u64, cut: Cut) {
        self.shared.faults().fuses[direction.index()] = Some(Fuse { left: bytes, cut });
    }

    /// Takes back a cut that has not come yet.
    pub fn disarm(&self, direction: Direction) {
        self.shared.faults().fuses[direction.index()] = None;
    }

    /// Cuts both sides of every connection.
    pub fn cut_all(&self, cut: Cut) {
        for link in self.links() {
            link.cut(Side::Client, cut);
            link.cut(Side::Server, cut);
        }
    }

    /// The connections that are open, the oldest first.
    pub fn links(&self) -> Vec<Link> {
        self.shared.faults().links.clone()
    }

    /// What has passed so far.
    pub fn traffic(&self) -> Traffic {
        self.shared.traffic.borrow().clone()
    }

    /// Waits until what has passed satisfies `condition`.
    pub async fn until(&self, condition: impl FnMut(&Traffic) -> bool) -> Traffic {
        let mut traffic = self.shared.traffic.subscribe();
        match traffic.wait_for(condition).await {
            Ok(traffic) => traffic.clone(),
            // We hold the sender ourselves.
            Err(_) => unreachable!("the proxy is there"),
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.door.shut();
        self.cut_all(Cut::Reset);
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        shared.traffic.send_modify(|traffic| {
            traffic.dials.note();
            traffic.open += 1;
        });
        tokio::spawn(carry(client, Arc::clone(&shared)));
    }
}

async fn carry(client: TcpStream, shared: Arc<Shared>) {
    let (link, upstream) = {
        let faults = &mut *shared.faults();
        let link = Link::new(faults.flows);
        faults.links.push(link.clone());
        (link, faults.upstream)
    };
    if let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, upstream)).await {
        link::carry(client, server, &link, &shared).await;
    }
    shared.faults().links.retain(|other| !other.is(&link));
    shared.traffic.send_modify(|traffic| traffic.open -= 1);
    link.end();
}

#[cfg(test)]
mod tests;
