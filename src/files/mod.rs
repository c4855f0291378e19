//! The files that windlass reads back and writes: where each lies, and how each is written whole or not at all.
//!
//! This room knows paths, bytes and formats; it does not know clusters, plans or the terminal, and it writes nothing that
//! its caller did not ask for.

pub mod atomic;
mod digest;
pub mod dotenv;
mod lockfile;
mod workdir;

pub use atomic::Mode;
pub use digest::{Digest, InvalidDigest};
pub use lockfile::{LockEntry, LockFile};
pub use workdir::{WorkDir, state_dir};
