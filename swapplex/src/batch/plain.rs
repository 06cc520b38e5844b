//! Plain keys: text and bytes, owned or borrowed.

/// Implements something for all of them: `$implement` gets each type, behind the generics that it takes.
macro_rules! for_plain_keys {
    ($implement:ident) => {
        $implement!(
            [] &str,
            [] &&str,
            [] String,
            [] &String,
            [] Box<str>,
            [] &Box<str>,
            [] Arc<str>,
            [] &Arc<str>,
            ['a,] Cow<'a, str>,
            ['a,] &Cow<'a, str>,
            [] &[u8],
            [] Vec<u8>,
            [] &Vec<u8>,
            [const N: usize,] [u8; N],
            [const N: usize,] &[u8; N],
            [] Bytes,
            [] &Bytes,
            [] Argument,
        );
    };
}

pub(super) use for_plain_keys;
