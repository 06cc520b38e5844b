//! Slots of Redis Cluster: CRC16 (XMODEM) of the hash tag, or else of the whole key, modulo 16384.

const SLOTS: u16 = 16384;

pub(super) fn of(key: &[u8]) -> u16 {
    crc16(hash_tag(key)) % SLOTS
}

/// What is between the first `{` and the first `}` behind it, unless that is nothing.
fn hash_tag(key: &[u8]) -> &[u8] {
    let tag = key
        .iter()
        .position(|&byte| byte == b'{')
        .map(|open| &key[open + 1..])
        .and_then(|rest| {
            let close = rest.iter().position(|&byte| byte == b'}')?;
            Some(&rest[..close])
        });
    match tag {
        Some(tag) if !tag.is_empty() => tag,
        _ => key,
    }
}

fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, &byte| {
        (0..8).fold(crc ^ u16::from(byte) << 8, |crc: u16, _| {
            if crc & 0x8000 == 0 {
                crc << 1
            } else {
                crc << 1 ^ 0x1021
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_cluster_keyslot() {
        for (key, slot) in [
            ("", 0),
            ("123456789", 12739),
            ("foo", 12182),
            ("{foo}:1", 12182),
            ("a{}{foo}", of(b"a{}{foo}")),
        ] {
            assert_eq!(of(key.as_bytes()), slot, "{key}");
        }
        assert_eq!(hash_tag(b"{}{a}"), b"{}{a}");
        assert_eq!(hash_tag(b"x{a}{b}"), b"a");
        assert_eq!(hash_tag(b"x{{a}}"), b"{a");
        assert_eq!(hash_tag(b"x{a"), b"x{a");
    }
}
