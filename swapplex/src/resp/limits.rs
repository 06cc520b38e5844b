/// Bounds on one reply, checked before anything is allocated for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The bytes of one whole frame, headers included. Default: 1 GiB, twice the largest string that a server keeps
    /// unless told otherwise (`proto-max-bulk-len`, 512 MiB), so that a list of several large values still fits.
    pub(crate) max_frame_bytes: usize,
    /// How many arrays, maps, sets, pushes and attributes may be open inside one another. Default: 64. A value above
    /// [`DEEPEST`] means [`DEEPEST`].
    pub(crate) max_depth: usize,
}

/// What decoding, which recurses, bears at most, whatever [`Limits`] say. redis-rs, to which some values are handed,
/// gives up at 100.
pub(super) const DEEPEST: usize = 96;

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_frame_bytes: 1 << 30,
            max_depth: 64,
        }
    }
}

impl Limits {
    /// The same for the handshake, whose replies are not the user's, and small: some hundred bytes, and a list of modules.
    pub(crate) fn in_handshake(self) -> Self {
        Self {
            max_frame_bytes: self.max_frame_bytes.max(64 * 1024),
            max_depth: self.max_depth.max(16),
        }
    }
}
