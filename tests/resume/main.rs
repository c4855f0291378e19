//! Resuming, proven by killing: windlass is killed before and after each of its mutating requests and run again; it must
//! end where an undisturbed run ends, with no two of a thing alive at once, and leave nothing after destroy. And for platforms drawn by
//! lot: whatever was raised, and wherever it was killed, destroy leaves the world as it was found.

mod cloud;
mod picture;
mod property;
mod sweep;
mod world;
