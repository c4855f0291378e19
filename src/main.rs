//! Parses, runs and exits.

fn main() {}
