use smallvec::SmallVec;

use super::{
    Limits, ProtocolError,
    lex::{self, CRLF, SHORTEST_ELEMENT},
    limits::DEEPEST,
};

/// Finds the end of one frame, however its bytes arrive.
///
/// Every element is looked at once: a call resumes at the first element that is not complete yet, and in a text line
/// at the first byte not searched yet. Only the header of that element, at most 23 bytes, may be read again. Memory
/// is one counter per open level of nesting.
#[derive(Debug)]
pub(crate) struct Scanner {
    limits: Limits,
    /// Where the first element that is not complete begins.
    pos: usize,
    /// Up to where the line of that element is known not to end.
    searched: usize,
    /// For each open level the elements still to come, the innermost last.
    open: SmallVec<[u64; 8]>,
    /// How many of the outermost levels are attributes that wait for nothing but the value that they describe.
    attributes: usize,
    kind: Option<Kind>,
}

/// Where a frame ends, and what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) len: usize,
    pub(crate) kind: Kind,
}

/// What a frame means for the row of waiting requests. An attribute is part of the frame of the value that it
/// describes, and the kind is that of the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The answer to the next request.
    Reply,
    /// The answer to the next request, and an error.
    Error,
    /// Out of band: answers nothing.
    Push,
}

/// Where the value or the header at the scanner's position ends, and how many elements it opens; `None` if it has
/// not arrived whole.
type Step = Option<(usize, u64)>;

impl Scanner {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits: Limits {
                max_depth: limits.max_depth.min(DEEPEST),
                ..limits
            },
            pos: 0,
            searched: 0,
            open: SmallVec::new(),
            attributes: 0,
            kind: None,
        }
    }

    /// Looks at what has arrived since the last call.
    ///
    /// `buf` begins at the frame's first byte and only grows between calls for the same frame. `Ok(Some(frame))`:
    /// the first `frame.len` bytes of `buf` are the frame, and the scanner is ready for the next. `Ok(None)`: more
    /// bytes are needed. After an error the bytes that follow have no meaning, nor has the scanner.
    #[inline]
    pub(crate) fn advance(&mut self, buf: &[u8]) -> Result<Option<Frame>, ProtocolError> {
        // The short cut for the reply to a `GET`.
        if self.open.is_empty()
            && let Some(payload) = lex::plain_bulk(buf, 0)
            && payload.end + CRLF.len() <= self.limits.max_frame_bytes
        {
            return Ok(Some(Frame {
                len: payload.end + CRLF.len(),
                kind: Kind::Reply,
            }));
        }
        self.advance_by_steps(buf)
    }

    fn advance_by_steps(&mut self, buf: &[u8]) -> Result<Option<Frame>, ProtocolError> {
        loop {
            self.skip_plain_bulks(buf);
            let Some((end, elements)) = self.step(buf)? else {
                return Ok(None);
            };
            if self.kind.is_none() {
                self.classify(buf[self.pos]);
            }
            self.pos = end;
            if elements > 0 {
                self.open.push(elements);
                continue;
            }
            while let Some(left) = self.open.last_mut() {
                *left -= 1;
                if *left > 0 {
                    break;
                }
                self.open.pop();
            }
            if self.open.is_empty() {
                let kind = self.kind.take().unwrap_or(Kind::Reply);
                self.pos = 0;
                self.attributes = 0;
                return Ok(Some(Frame { len: end, kind }));
            }
        }
    }

    /// Runs through strings as long as they are whole and close no level: the short cut for the reply to an `MGET`.
    #[inline]
    fn skip_plain_bulks(&mut self, buf: &[u8]) {
        let Some(left) = self.open.last_mut() else {
            return;
        };
        // The last element of a level may be the value that an attribute describes, which is to be classified.
        while *left > 1
            && let Some(payload) = lex::plain_bulk(buf, self.pos)
            && payload.end + CRLF.len() <= self.limits.max_frame_bytes
        {
            self.pos = payload.end + CRLF.len();
            *left -= 1;
        }
    }

    /// Takes note of the element's type, if the element is the frame's value rather than part of an attribute.
    fn classify(&mut self, first: u8) {
        let is_the_value =
            self.open.len() == self.attributes && self.open.last().is_none_or(|&left| left == 1);
        if is_the_value {
            match first {
                b'|' => self.attributes += 1,
                b'>' => self.kind = Some(Kind::Push),
                b'-' | b'!' => self.kind = Some(Kind::Error),
                _ => self.kind = Some(Kind::Reply),
            }
        }
    }

    #[inline]
    fn step(&mut self, buf: &[u8]) -> Result<Step, ProtocolError> {
        let Some(&first) = buf.get(self.pos) else {
            return Ok(None);
        };
        let start = self.pos + 1;
        match first {
            b'$' | b'=' | b'!' => self.blob(buf, first, start),
            b':' => match lex::integer(&buf[start..])? {
                Some((_, line)) => self.leaf(start + line),
                None => Ok(None),
            },
            b'+' | b'-' | b',' | b'#' | b'_' | b'(' => self.line(buf, start),
            b'*' | b'~' | b'>' | b'%' | b'|' => self.aggregate(buf, first, start),
            b';' | b'.' => Err(ProtocolError::Streamed),
            other => Err(ProtocolError::UnknownType(other)),
        }
    }

    #[inline]
    fn blob(&self, buf: &[u8], first: u8, start: usize) -> Result<Step, ProtocolError> {
        let Some((len, line)) = lex::length(&buf[start..])? else {
            return Ok(None);
        };
        let body = start + line;
        if len < 0 {
            return if first == b'$' {
                self.leaf(body)
            } else {
                Err(ProtocolError::BadLength)
            };
        }
        let end = usize::try_from(len)
            .ok()
            .and_then(|len| body.checked_add(len)?.checked_add(CRLF.len()))
            .filter(|&end| end <= self.limits.max_frame_bytes)
            .ok_or(ProtocolError::TooLarge)?;
        match buf.get(end - CRLF.len()..end) {
            None => Ok(None),
            Some(CRLF) => Ok(Some((end, 0))),
            Some(_) => Err(ProtocolError::MissingCrlf),
        }
    }

    fn line(&mut self, buf: &[u8], start: usize) -> Result<Step, ProtocolError> {
        if let Some(cr) = lex::line_end(buf, self.searched.max(start)) {
            self.searched = 0;
            return self.leaf(cr + CRLF.len());
        }
        self.searched = buf.len();
        if buf.len() >= self.limits.max_frame_bytes {
            Err(ProtocolError::TooLarge)
        } else {
            Ok(None)
        }
    }

    fn aggregate(&self, buf: &[u8], first: u8, start: usize) -> Result<Step, ProtocolError> {
        let Some((count, line)) = lex::length(&buf[start..])? else {
            return Ok(None);
        };
        let end = start + line;
        let Ok(count) = u64::try_from(count) else {
            return if first == b'*' {
                self.leaf(end)
            } else {
                Err(ProtocolError::BadLength)
            };
        };
        if self.open.len() >= self.limits.max_depth {
            return Err(ProtocolError::TooDeep);
        }
        let elements = match first {
            b'%' => count * 2,
            b'|' => count * 2 + 1,
            _ => count,
        };
        let least = usize::try_from(elements)
            .unwrap_or(usize::MAX)
            .saturating_mul(SHORTEST_ELEMENT);
        if end.saturating_add(least) > self.limits.max_frame_bytes {
            return Err(ProtocolError::TooLarge);
        }
        Ok(Some((end, elements)))
    }

    #[inline]
    fn leaf(&self, end: usize) -> Result<Step, ProtocolError> {
        if end > self.limits.max_frame_bytes {
            Err(ProtocolError::TooLarge)
        } else {
            Ok(Some((end, 0)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_resumes_at_the_first_element_that_is_not_complete() {
        let mut scanner = Scanner::new(Limits::default());
        let frame = b"*3\r\n:1\r\n$5\r\nhello\r\n+done\r\n";
        for (arrived, resumes_at) in [(3, 0), (4, 4), (7, 4), (8, 8), (18, 8), (19, 19), (24, 19)] {
            assert_eq!(scanner.advance(&frame[..arrived]), Ok(None));
            assert_eq!(scanner.pos, resumes_at, "after {arrived} bytes");
        }
        assert!(scanner.advance(frame).is_ok_and(|frame| frame.is_some()));
    }

    #[test]
    fn a_line_is_not_searched_twice() {
        let mut scanner = Scanner::new(Limits::default());
        let mut line = b"*1\r\n+".to_vec();
        line.resize(1000, b'x');
        assert_eq!(scanner.advance(&line), Ok(None));
        assert_eq!(scanner.searched, 1000);
        // A line end put where the search has been already: found only by looking there again.
        line[500..502].copy_from_slice(CRLF);
        line.extend_from_slice(b"\r\n:1\r\n");
        assert_eq!(
            scanner.advance(&line),
            Ok(Some(Frame {
                len: 1002,
                kind: Kind::Reply
            }))
        );
        assert_eq!(scanner.searched, 0);
    }

    #[test]
    fn memory_grows_with_open_levels_only() {
        let mut scanner = Scanner::new(Limits::default());
        assert_eq!(scanner.advance(b"*300000000\r\n"), Ok(None));
        assert_eq!(
            scanner.advance(format!("*300000000\r\n{}", ":1\r\n".repeat(10_000)).as_bytes()),
            Ok(None)
        );
        assert_eq!(scanner.open.len(), 1);
        assert!(!scanner.open.spilled());
    }
}
