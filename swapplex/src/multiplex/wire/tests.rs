//! What was sent, in which order, and what of it counts as sent.

use std::task::{Context, Poll};

use bytes::Bytes;

use super::*;
use crate::multiplex::LostCause;
use crate::multiplex::outbox::{Ask, FrameAt, Push};
use crate::resp::{Frame, Kind};

const PING: &[u8] = b"PING\r\n";

fn connection() -> Arc<Connection> {
    Arc::new(Connection::new(1, None, usize::MAX, Arc::default()))
}

/// An outbox with one request.
fn open(wire: &mut Wire) -> Arc<Outbox> {
    let outbox = wire.open(&connection(), Instant::now(), true);
    let encode = &mut |out: &mut Vec<u8>| out.extend_from_slice(PING);
    let asked = outbox.push(Ask::Plain { encode, replies: 1 }, None, Waker::noop());
    assert!(matches!(asked, Push::Done { .. }));
    outbox
}

fn is_sent(outbox: &Outbox) -> bool {
    match outbox.poll(0, &mut Context::from_waker(Waker::noop())) {
        Poll::Ready(Err(undelivered)) => undelivered.is_sent(),
        other => panic!("it is lost: {}", other.is_ready()),
    }
}

/// Three in flight, of which the first is written to its last byte but one and answered all the same.
fn refused_too_early() -> (Wire, [Arc<Outbox>; 2]) {
    let mut wire = Wire::default();
    let [refused, behind, last] = [(); 3].map(|()| open(&mut wire));
    for outbox in [&refused, &behind, &last] {
        wire.admit(outbox);
    }
    let load = wire.take_load();
    wire.return_load(load, PING.len() - 1);
    let chunk = Bytes::from_static(b"-ERR\r\n");
    let frame = Frame {
        len: chunk.len(),
        kind: Kind::Reply,
    };
    refused.fill(&chunk, &[FrameAt { start: 0, frame }], &mut Vec::new());
    wire.complete_front(Instant::now());
    (wire, [behind, last])
}

#[test]
fn what_is_behind_a_request_that_was_refused_while_it_was_written_counts_as_unsent() {
    let (mut wire, behind) = refused_too_early();
    wire.lose(&Arc::new(LostCause::ClosedByServer), &mut Vec::new());
    assert_eq!(behind.map(|outbox| is_sent(&outbox)), [false; 2]);
    let (mut wire, behind) = refused_too_early();
    wire.return_load(Load::new(), 1 + PING.len());
    wire.lose(&Arc::new(LostCause::ClosedByServer), &mut Vec::new());
    assert_eq!(behind.map(|outbox| is_sent(&outbox)), [true, false]);
}

#[test]
fn nobody_waits_for_company_on_a_connection_that_is_lost() {
    let mut wire = Wire::default();
    let outbox = wire.open(&connection(), Instant::now(), false);
    for _ in 0..2 {
        let encode = &mut |out: &mut Vec<u8>| out.extend_from_slice(PING);
        let asked = outbox.push(Ask::Plain { encode, replies: 1 }, None, Waker::noop());
        assert!(matches!(asked, Push::Done { .. }));
    }
    wire.admit(&outbox);
    assert_eq!(wire.crowd(), 2);
    wire.lose(&Arc::new(LostCause::ClosedByServer), &mut Vec::new());
    assert_eq!((wire.crowd(), wire.under_way()), (0, 0));
}

#[test]
fn what_was_given_up_is_sent_before_there_is_room_and_in_its_turn() {
    let mut wire = Wire::default();
    let outboxes = [(); WINDOW + 3].map(|()| {
        let outbox = wire.open(&connection(), Instant::now(), false);
        let encode = &mut |out: &mut Vec<u8>| out.extend_from_slice(PING);
        let asked = outbox.push(Ask::Plain { encode, replies: 1 }, None, Waker::noop());
        assert!(matches!(asked, Push::Done { .. }));
        outbox
    });
    let (last, due) = outboxes.split_last().unwrap();
    for outbox in due {
        wire.admit(outbox);
    }
    assert_eq!((wire.in_flight.len(), wire.due.len()), (WINDOW, 2));
    let weight = wire.weight();
    // Those in front of it go along, and no others.
    wire.admit_now(&due[WINDOW]);
    assert_eq!((wire.in_flight.len(), wire.due.len()), (WINDOW + 1, 1));
    assert_eq!(wire.weight(), weight + OWN_WEIGHT);
    wire.admit_now(last);
    let in_flight = wire.in_flight.iter().map(|flight| Arc::as_ptr(&flight.outbox));
    assert!(in_flight.eq(outboxes.iter().map(Arc::as_ptr)));
    for _ in &outboxes {
        wire.complete_front(Instant::now());
    }
    assert_eq!((wire.weight(), wire.shared_in_flight), (0, 0));
}

#[test]
fn what_is_late_behind_such_a_request_is_withdrawn() {
    let (mut wire, behind) = refused_too_early();
    wire.return_load(Load::new(), 1 + PING.len());
    let late = Instant::now() + Duration::from_secs(1);
    wire.expire(late, Duration::from_secs(1), &mut Vec::new());
    assert_eq!(behind.map(|outbox| is_sent(&outbox)), [true, false]);
    assert!(!wire.has_unwritten());
}

#[test]
fn neglected_outboxes_go_in_the_order_in_which_they_were_opened() {
    let mut wire = Wire::default();
    let outboxes = [(); 4].map(|()| open(&mut wire));
    wire.admit(&outboxes[0]);
    wire.admit_neglected(Instant::now() + NEGLECTED);
    let in_flight = wire.in_flight.iter().map(|flight| Arc::as_ptr(&flight.outbox));
    assert!(in_flight.eq(outboxes.iter().map(Arc::as_ptr)));
}
