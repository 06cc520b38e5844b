/// The longest header there is: a type, the digits of a `usize`, and CR LF.
const MAX_HEADER: usize = 1 + MAX_DIGITS + 2;
const MAX_DIGITS: usize = 20;

/// Appends the header of an array of `len` elements.
#[inline]
pub(crate) fn array_header(out: &mut Vec<u8>, len: usize) {
    header(out, b'*', len);
}

/// Appends a bulk string.
#[inline]
pub(crate) fn bulk(out: &mut Vec<u8>, bytes: &[u8]) {
    header(out, b'$', bytes.len());
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

/// Appends a whole command: its name and its arguments.
#[inline]
pub(crate) fn command(out: &mut Vec<u8>, parts: &[&[u8]]) {
    let payload: usize = parts.iter().map(|part| part.len()).sum();
    out.reserve(payload + MAX_HEADER + parts.len() * (MAX_HEADER + 2));
    array_header(out, parts.len());
    for part in parts {
        bulk(out, part);
    }
}

/// Appends the header of a value of `kind` with this length or count.
#[inline]
pub(super) fn header(out: &mut Vec<u8>, kind: u8, len: usize) {
    const DIGITS: &[u8; 10] = b"0123456789";
    // Appending an array of known size is a few stores; nearly every header is one of these.
    match len {
        0..10 => return out.extend_from_slice(&[kind, DIGITS[len], b'\r', b'\n']),
        10..100 => {
            return out.extend_from_slice(&[kind, DIGITS[len / 10], DIGITS[len % 10], b'\r', b'\n']);
        }
        _ => {}
    }
    let mut line = [0; MAX_HEADER];
    let mut at = MAX_HEADER - 2;
    line[at..].copy_from_slice(b"\r\n");
    let mut left = len;
    while left > 0 {
        at -= 1;
        line[at] = DIGITS[left % 10];
        left /= 10;
    }
    at -= 1;
    line[at] = kind;
    out.extend_from_slice(&line[at..]);
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    #[test]
    fn headers_hold_any_length() {
        for len in [0, 1, 9, 10, 99, 100, 101, 12_345, usize::MAX] {
            let mut out = b"before".to_vec();
            array_header(&mut out, len);
            assert_eq!(String::from_utf8_lossy(&out), format!("before*{len}\r\n"));
        }
    }

    #[test]
    fn a_bulk_string_is_binary_safe() {
        let mut out = Vec::new();
        bulk(&mut out, b"\0\r\n$1\r\n\xff");
        assert_eq!(out, b"$8\r\n\0\r\n$1\r\n\xff\r\n");
    }

    proptest! {
        #[test]
        fn a_command_is_packed_as_redis_rs_packs_it(
            name in "[A-Z]{1,12}",
            arguments in vec(vec(any::<u8>(), 0..300), 0..20),
        ) {
            let mut expected = redis::cmd(&name);
            let mut parts = vec![name.as_bytes()];
            for argument in &arguments {
                expected.arg(argument.as_slice());
                parts.push(argument);
            }
            let mut out = Vec::new();
            command(&mut out, &parts);
            prop_assert_eq!(out, expected.get_packed_command());
        }
    }
}
