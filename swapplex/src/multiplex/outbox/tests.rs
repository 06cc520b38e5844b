//! What an outbox says of requests that get no answer.

use std::io;
use std::sync::{Arc, Weak, mpsc};
use std::task::Wake;
use std::thread;

use super::*;
use crate::multiplex::LostCause;
use crate::resp::{self, Kind};

fn outbox() -> Outbox {
    let mut outbox = Outbox::new(1, Weak::new());
    outbox.reopen(Instant::now(), Box::default(), 512);
    outbox
}

fn push(outbox: &Outbox, ask: Ask<'_>) -> SlotIndex {
    match outbox.push(ask, None, Waker::noop()) {
        Push::Done { slot, .. } => slot,
        Push::Closed(_) => panic!("the outbox is open"),
    }
}

fn ping(outbox: &Outbox) -> SlotIndex {
    let encode = &mut |out: &mut Vec<u8>| out.extend_from_slice(b"PING\r\n");
    push(outbox, Ask::Plain { encode, replies: 1 })
}

fn lost() -> Reason {
    Reason::Lost(LostCause::from(io::Error::other("cut")).into())
}

fn poll(outbox: &Outbox, slot: SlotIndex) -> Result<Reply, Undelivered> {
    match outbox.poll(slot, &mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("nothing has been said yet"),
    }
}

fn undelivered(outbox: &Outbox, slot: SlotIndex) -> Undelivered {
    poll(outbox, slot).expect_err("it has no answer")
}

fn pong(outbox: &Outbox) {
    let chunk = Bytes::from_static(b"+PONG\r\n");
    let frame = Frame {
        len: chunk.len(),
        kind: Kind::Reply,
    };
    outbox.fill(&chunk, &[FrameAt { start: 0, frame }], &mut Vec::new());
}

#[test]
fn each_request_knows_how_much_of_it_was_sent() {
    let requests =
        "PING\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\nPING\r\n*3\r\n$4\r\nMGET\r\n$1\r\na\r\n$1\r\nb\r\n";
    let mget = requests.find("*3\r\n$4").expect("it is there")..requests.len();
    let set = 6..requests.rfind("PING").expect("it is there");
    for sent in 0..=requests.len() {
        let outbox = outbox();
        let encode = &mut |out: &mut Vec<u8>| resp::command(out, &[b"SET", b"k", b"v"]);
        let places = [
            (ping(&outbox), 0..set.start),
            (push(&outbox, Ask::Plain { encode, replies: 1 }), set.clone()),
            (ping(&outbox), set.end..mget.start),
            (push(&outbox, Ask::Get { key: b"a" }), mget.clone()),
            (push(&outbox, Ask::Get { key: b"b" }), mget.clone()),
        ];
        let (draft, _) = outbox.seal().expect("it was open");
        assert_eq!(String::from_utf8_lossy(draft.bytes()), requests);
        outbox.fail(lost(), sent, &mut Vec::new());
        for (slot, place) in places {
            let undelivered = undelivered(&outbox, slot);
            assert_eq!(undelivered.length, place.len());
            assert_eq!(
                undelivered.accepted,
                sent.clamp(place.start, place.end) - place.start
            );
            assert_eq!(undelivered.is_sent(), sent >= place.end);
        }
    }
}

#[test]
fn what_was_withdrawn_at_its_deadline_is_not_sent_whatever_happens_later() {
    let outbox = outbox();
    let (sent, withdrawn) = (ping(&outbox), ping(&outbox));
    outbox.seal();
    // A byte of the first one has left, so the rest of it has to follow.
    let committed = outbox.request_end(1);
    assert_eq!(committed, 6);
    outbox.fail(Reason::Deadline, committed, &mut Vec::new());
    assert!(!outbox.truncate(committed), "the first reply is still owed");
    outbox.fail(lost(), usize::MAX, &mut Vec::new());
    let undelivered = [sent, withdrawn].map(|slot| undelivered(&outbox, slot));
    assert_eq!(undelivered.each_ref().map(Undelivered::is_sent), [true, false]);
    assert!(undelivered.iter().all(|it| matches!(it.reason, Reason::Deadline)));
}

#[test]
fn an_answer_counts_that_comes_before_its_caller_has_looked() {
    let outbox = outbox();
    let (answered, late) = (ping(&outbox), ping(&outbox));
    outbox.seal();
    outbox.fail(Reason::Deadline, usize::MAX, &mut Vec::new());
    pong(&outbox);
    assert!(matches!(poll(&outbox, answered), Ok(Reply::Frame(frame)) if &*frame == b"+PONG\r\n"));
    assert!(undelivered(&outbox, late).is_sent());
}

#[test]
fn an_outbox_that_is_used_again_remembers_nothing() {
    let mut outbox = outbox();
    let gone = ping(&outbox);
    outbox.seal();
    outbox.fail(lost(), 0, &mut Vec::new());
    outbox.abandon(gone);
    outbox.reopen(Instant::now(), Box::default(), 512);
    assert!(outbox.is_open());
    assert_eq!((outbox.callers(), outbox.waiting()), (0, 0));
    let slot = ping(&outbox);
    outbox.seal();
    pong(&outbox);
    assert!(poll(&outbox, slot).is_ok());
}

/// The reply to an `MGET` of two keys, of which the second one is not there.
fn value_and_nil(outbox: &Outbox) -> Bytes {
    let chunk = Bytes::from(b"*2\r\n$5\r\nvalue\r\n$-1\r\n".to_vec());
    let frame = Frame {
        len: chunk.len(),
        kind: Kind::Reply,
    };
    outbox.fill(&chunk, &[FrameAt { start: 0, frame }], &mut Vec::new());
    chunk
}

#[test]
fn only_a_value_is_taken_as_one() {
    let outbox = outbox();
    let plain = ping(&outbox);
    let [value, nil] = [&b"a"[..], b"b"].map(|key| push(&outbox, Ask::Get { key }));
    let lost_get = push(
        &outbox,
        Ask::HashGet {
            key: b"h",
            field: b"f",
        },
    );
    outbox.seal();
    assert_eq!(outbox.take_value(value), None, "nothing has come");
    pong(&outbox);
    value_and_nil(&outbox);
    outbox.fail(lost(), usize::MAX, &mut Vec::new());
    for slot in [plain, nil, lost_get] {
        assert_eq!(outbox.take_value(slot), None);
    }
    assert_eq!(outbox.take_value(value).as_deref(), Some(&b"value"[..]));
    assert!(matches!(poll(&outbox, plain), Ok(Reply::Frame(_))), "still there");
    assert!(matches!(poll(&outbox, nil), Ok(Reply::Nil)));
    assert!(undelivered(&outbox, lost_get).is_sent());
}

#[test]
fn a_read_buffer_is_let_go_of_with_the_last_answer_in_it() {
    let outbox = outbox();
    let [value, nil] = [&b"a"[..], b"b"].map(|key| push(&outbox, Ask::Get { key }));
    outbox.seal();
    let chunk = value_and_nil(&outbox);
    assert!(poll(&outbox, nil).is_ok());
    assert!(!chunk.is_unique());
    drop(outbox.take_value(value));
    assert!(chunk.is_unique(), "nobody else can ask for what is in it");
}

#[test]
fn a_small_value_does_not_keep_a_large_one_alive() {
    for (large, is_shared) in [(1 << 10, true), (1 << 20, false)] {
        let outbox = outbox();
        let keys: [&[u8]; 2] = [b"large", b"small"];
        let [first, second] = keys.map(|key| push(&outbox, Ask::Get { key }));
        outbox.seal();
        let mut reply = Vec::new();
        resp::command(&mut reply, &[&vec![b'x'; large], b"v"]);
        let chunk = Bytes::from(reply);
        let frame = Frame {
            len: chunk.len(),
            kind: Kind::Reply,
        };
        outbox.fill(&chunk, &[FrameAt { start: 0, frame }], &mut Vec::new());
        let is_within = |value: &Bytes| chunk.as_ptr_range().contains(&value.as_ptr());
        let [first, second] = [first, second].map(|slot| outbox.take_value(slot).expect("both are values"));
        assert_eq!((first.len(), &second[..]), (large, &b"v"[..]));
        assert!(is_within(&first), "the large one is most of what there is");
        assert_eq!(is_within(&second), is_shared);
    }
}

/// Stands for a task that is gone with its last waker, and that waits for an answer.
struct Last(Arc<Outbox>, SlotIndex);

impl Wake for Last {
    fn wake(self: Arc<Self>) {}
}

impl Drop for Last {
    fn drop(&mut self) {
        self.0.abandon(self.1);
    }
}

#[test]
fn a_task_may_go_with_its_last_waker() {
    let (sender, done) = mpsc::channel();
    // On a thread of its own: what is wrong would be a thread that waits for itself.
    thread::spawn(move || {
        let outbox = Arc::new(outbox());
        let (first, second, third) = (ping(&outbox), ping(&outbox), ping(&outbox));
        let wait = |slot, waker: &Waker| outbox.poll(slot, &mut Context::from_waker(waker)).is_pending();
        assert!(wait(first, &Arc::new(Last(Arc::clone(&outbox), second)).into()));
        assert!(wait(first, Waker::noop()), "another task took the request over");
        assert_eq!(outbox.waiting(), 2);
        assert!(wait(first, &Arc::new(Last(Arc::clone(&outbox), third)).into()));
        outbox.abandon(first);
        assert_eq!(outbox.waiting(), 0);
        sender.send(()).expect("somebody waits for it");
    });
    done.recv_timeout(Duration::from_secs(10))
        .expect("a thread waits for itself, or found something wrong");
}
