//! The files that windlass writes.
