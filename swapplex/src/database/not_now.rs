//! Errors that say "not executed, and not now": the same request may well succeed in a moment.

use std::time::Duration;

use bytes::Bytes;
use memchr::memmem;

use tokio::time::Instant;

use crate::multiplex::Reply;

/// The pause behind the first refusal; doubled with each that follows.
const FIRST_PAUSE: Duration = Duration::from_millis(20);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// An attempt behind a refusal may take longer than the one before by so much of the request's whole time. One that is under
/// way at the deadline would make a secret of an outcome that is known: that the server refused it.
const MARGIN_PART: u32 = 10;

/// How the server's own sentences about being a replica begin.
const READ_ONLY: &[u8] = b"-READONLY You can";

/// Why the server has refused to execute a request for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotNow {
    /// It is reading its data.
    Loading,
    /// It is, or has become, a replica: the address may lead to another server by now.
    ReadOnly,
}

impl NotNow {
    /// Whether a reply says so.
    pub(crate) fn of(reply: &Reply, is_script: impl FnOnce() -> bool) -> Option<Self> {
        match reply {
            Reply::Frame(frame) | Reply::Refused(frame) => Self::of_answer(frame, is_script),
            _ => None,
        }
    }

    /// The same for a command that we may have made a script of, whose beginning does not change anything.
    pub(crate) fn of_own_script(reply: &Reply) -> Option<Self> {
        match reply {
            Reply::Frame(frame) if frame.starts_with(READ_ONLY) => Some(Self::ReadOnly),
            reply => Self::of(reply, || false),
        }
    }

    /// Whether a reply says that the server is a replica, in part at least, whatever else became of the request.
    pub(super) fn is_read_only(reply: &Reply) -> bool {
        match reply {
            Reply::Frame(frame) | Reply::Refused(frame) => frame.starts_with(READ_ONLY),
            Reply::Frames(frames) => frames.iter().any(|frame| frame.starts_with(READ_ONLY)),
            Reply::Bulk(_) | Reply::Nil | Reply::Mismatch { .. } => false,
        }
    }

    /// Whether the answer to a command says so. A script may hand such an error on, after whatever it has done (`pcall`):
    /// only what the server says of scripts counts there.
    pub(crate) fn of_answer(frame: &[u8], is_script: impl FnOnce() -> bool) -> Option<Self> {
        Self::of_frame(frame).filter(|this| {
            *this != Self::ReadOnly || frame.starts_with(b"-READONLY You can not run script") || !is_script()
        })
    }

    /// Whether a frame says so.
    fn of_frame(frame: &[u8]) -> Option<Self> {
        Self::of_text(frame.strip_prefix(b"-")?)
    }

    /// By the server's own sentences, since a script may answer with any error, after whatever it has done. One that has
    /// met such an error on its way, and whose beginning was executed, is named at its end (` script: <sha>, on …`).
    fn of_text(text: &[u8]) -> Option<Self> {
        let holds = |part: &[u8]| memmem::find(text, part).is_some();
        if text.starts_with(b"LOADING ") && holds(b" is loading the dataset in memory") {
            Some(Self::Loading)
        } else if text.starts_with(b"READONLY You can") && !holds(b" script: ") {
            Some(Self::ReadOnly)
        } else {
            None
        }
    }

    /// Whether the replies to a transaction, from that to `MULTI` to that to `EXEC`, say so: it was discarded, for no
    /// other reason than such refusals while it was queued.
    pub(crate) fn of_transaction(replies: &[Bytes]) -> Option<Self> {
        let (exec, queued) = replies.split_last()?;
        let abort = exec.strip_prefix(b"-EXECABORT ")?;
        let mut refusal = None;
        for error in queued.iter().filter(|reply| is_error(reply)) {
            let this = Self::of_frame(error)?;
            if refusal != Some(Self::ReadOnly) {
                refusal = Some(this);
            }
        }
        refusal.or_else(|| {
            // `EXEC` itself was refused: "Transaction discarded because of: READONLY ...".
            let (_, cause) = std::str::from_utf8(abort).ok()?.split_once(": ")?;
            Self::of_text(cause.as_bytes())
        })
    }

    /// How many of a plain pipeline's `replies` count, where those behind are to be asked for again, and why; `refusal` says
    /// which of them are such refusals.
    ///
    /// `None` where none is such a refusal, or where something behind the first one was executed that `is_repeatable`
    /// does not allow to be executed again, which a new attempt would do to keep the order.
    pub(crate) fn of_pipeline(
        replies: usize,
        refusal: impl Fn(usize) -> Option<Self>,
        is_repeatable: impl Fn(usize) -> bool,
    ) -> Option<(usize, Self)> {
        let (first, why) = (0..replies).find_map(|at| Some((at, refusal(at)?)))?;
        let may_repeat = (first..replies).all(|at| refusal(at).is_some() || is_repeatable(at));
        may_repeat.then_some((first, why))
    }
}

/// Whether a frame is an error.
pub(crate) fn is_error(reply: &[u8]) -> bool {
    matches!(reply.first(), Some(b'-' | b'!'))
}

/// How long to wait behind so many refusals in a row.
pub(super) fn pause(refusals: u32) -> Duration {
    FIRST_PAUSE
        .saturating_mul(1 << refusals.saturating_sub(1).min(10))
        .min(LONGEST_PAUSE)
}

/// When the next attempt has to begin at the latest: behind a refusal of one that `took` so long, of a request that has
/// `patience` in all, until `limit`.
pub(super) fn latest_start(limit: Instant, took: Duration, patience: Duration) -> Instant {
    let time = took.saturating_add(patience / MARGIN_PART);
    limit.checked_sub(time).unwrap_or_else(Instant::now)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOADING: &str = "-LOADING Redis is loading the dataset in memory\r\n";
    const READONLY: &str = "-READONLY You can't write against a read only replica.\r\n";
    const ABORT: &str = "-EXECABORT Transaction discarded because of previous errors.\r\n";

    fn frames<const N: usize>(texts: [&'static str; N]) -> [Bytes; N] {
        texts.map(|text| Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn only_the_two_errors_count() {
        assert_eq!(NotNow::of_frame(LOADING.as_bytes()), Some(NotNow::Loading));
        assert_eq!(NotNow::of_frame(READONLY.as_bytes()), Some(NotNow::ReadOnly));
        let flagged = b"-READONLY You can not run script with write flag on readonly replica.\r\n";
        assert_eq!(NotNow::of_frame(flagged), Some(NotNow::ReadOnly));
        for other in [
            "-ERR LOADING Redis is loading the dataset in memory\r\n",
            "-LOADING the van\r\n",
            "-READONLY the shop is closed\r\n",
            "-READONLY You can't write against a read only replica. script: 5ca1, on @user_script:1.\r\n",
            "+LOADING Redis is loading the dataset in memory\r\n",
            "$9\r\n-LOADING \r\n",
        ] {
            assert_eq!(NotNow::of_frame(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn of_a_script_only_what_the_server_says_of_scripts_counts() {
        let flagged = b"-READONLY You can not run script with write flag on readonly replica.\r\n";
        assert_eq!(NotNow::of_answer(flagged, || true), Some(NotNow::ReadOnly));
        assert_eq!(
            NotNow::of_answer(LOADING.as_bytes(), || true),
            Some(NotNow::Loading)
        );
        assert_eq!(NotNow::of_answer(READONLY.as_bytes(), || true), None);
        assert_eq!(
            NotNow::of_answer(READONLY.as_bytes(), || false),
            Some(NotNow::ReadOnly)
        );
    }

    #[test]
    fn a_transaction_is_not_executed_if_nothing_else_was_wrong() {
        let of = |replies: &[Bytes]| NotNow::of_transaction(replies);
        let ok = "+OK\r\n";
        let queued = "+QUEUED\r\n";
        assert_eq!(of(&frames([ok, LOADING, LOADING, ABORT])), Some(NotNow::Loading));
        assert_eq!(of(&frames([ok, queued, READONLY, ABORT])), Some(NotNow::ReadOnly));
        assert_eq!(
            of(&frames([ok, READONLY, LOADING, ABORT])),
            Some(NotNow::ReadOnly)
        );
        assert_eq!(
            of(&frames([ok, LOADING, "-ERR unknown command\r\n", ABORT])),
            None
        );
        assert_eq!(of(&frames([ok, queued, ABORT])), None);
        assert_eq!(of(&frames([ok, queued, "*1\r\n+OK\r\n"])), None);
        let because = "-EXECABORT Transaction discarded because of: READONLY You can't write\r\n";
        assert_eq!(of(&frames([ok, queued, because])), Some(NotNow::ReadOnly));
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn a_pipeline_goes_on_from_its_first_refusal() {
        let of = |replies: &[Bytes], repeatable: Option<usize>| {
            let refusal = |at: usize| NotNow::of_frame(&replies[at]);
            NotNow::of_pipeline(replies.len(), refusal, |at| Some(at) == repeatable)
        };
        let replies = frames([":1\r\n", READONLY, READONLY]);
        assert_eq!(of(&replies, None), Some((1, NotNow::ReadOnly)));
        let replies = frames([READONLY, "$1\r\nv\r\n", READONLY]);
        assert_eq!(of(&replies, None), None);
        assert_eq!(of(&replies, Some(1)), Some((0, NotNow::ReadOnly)));
        assert_eq!(of(&frames([":1\r\n", "-OOM x\r\n"]), None), None);
    }

    #[test]
    fn pauses_grow_up_to_half_a_second() {
        assert_eq!(pause(1), Duration::from_millis(20));
        assert_eq!(pause(3), Duration::from_millis(80));
        assert_eq!(pause(6), LONGEST_PAUSE);
        assert_eq!(pause(u32::MAX), LONGEST_PAUSE);
    }
}
