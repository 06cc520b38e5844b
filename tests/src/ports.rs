//! Ports that stay ours, also while nobody listens on them.

use std::io;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};

use crate::names;

/// Below the range from which systems take the ports of outgoing connections: from there, a client that dials
/// a server that is down could be given the server's own port.
const RANGE: std::ops::Range<u16> = 10_000..30_000;

/// A TCP port of 127.0.0.1 that no other `ReservedPort` has, in this process or another, until this is dropped.
///
/// A server that is killed and started again needs its port back, so the port must not go to somebody else's
/// server in between. The reservation is a UDP socket of the same number: exclusive, given back when the process
/// ends however it ends, and not in the way of TCP.
#[derive(Debug)]
pub struct ReservedPort {
    port: u16,
    _reservation: UdpSocket,
}

impl ReservedPort {
    /// Reserves a port that nobody listens on.
    ///
    /// # Errors
    ///
    /// When no free port is found.
    pub fn new() -> io::Result<Self> {
        let width = u64::from(RANGE.end - RANGE.start);
        let mut last = io::Error::from(io::ErrorKind::AddrInUse);
        for _ in 0..1_000 {
            let offset = u16::try_from(names::random() % width).unwrap_or(0);
            match Self::exactly(RANGE.start + offset) {
                Ok(reserved) => return Ok(reserved),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn exactly(port: u16) -> io::Result<Self> {
        let reservation = UdpSocket::bind((Ipv4Addr::LOCALHOST, port))?;
        // Somebody who knows nothing of reservations may be listening; on all addresses, too.
        drop(TcpListener::bind((Ipv4Addr::LOCALHOST, port))?);
        drop(TcpListener::bind((Ipv4Addr::UNSPECIFIED, port))?);
        Ok(Self {
            port,
            _reservation: reservation,
        })
    }

    /// The port's number.
    pub fn number(&self) -> u16 {
        self.port
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reserved_port_is_free_for_tcp_and_for_nobody_else() {
        let reserved = ReservedPort::new().unwrap();
        assert!(ReservedPort::exactly(reserved.number()).is_err());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, reserved.number())).unwrap();
        drop((reserved, listener));
    }

    #[test]
    fn a_port_that_somebody_listens_on_is_not_reserved() {
        let reserved = ReservedPort::new().unwrap();
        let port = reserved.number();
        drop(reserved);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        assert!(ReservedPort::exactly(port).is_err());
        drop(listener);
    }
}
