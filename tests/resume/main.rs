//! Resuming, proven by killing: windlass is killed before and after each of its mutating requests and run again; it must
//! end where an undisturbed run ends, with no two of a thing alive at once, and leave nothing after destroy.

mod picture;
mod sweep;
mod world;
