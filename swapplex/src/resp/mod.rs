//! The Redis wire protocol: RESP2 and RESP3 frames as pure functions over bytes.
