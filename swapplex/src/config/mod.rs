//! Where to connect: the environment, URLs and secrets.
