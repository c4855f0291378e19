//! Which of many alike is struck: by number, by chance, by time.

use crate::ground::digest;
use std::time::Duration;

/// When a rule strikes. Only what happens within its time is counted.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Occurrence {
    /// The first that is struck, from 1.
    pub(super) nth: u64,
    /// From there on, one in this many.
    pub(super) every: u64,
    /// How many are struck at most.
    pub(super) count: Option<u64>,
    /// How likely each of them is struck, from 0 to 1.
    pub(super) probability: f64,
    /// From when, after the faults were put in force.
    pub(super) from: Duration,
    /// Until when.
    pub(super) until: Option<Duration>,
}

/// What a rule has counted.
#[derive(Debug, Default)]
pub(super) struct Tally {
    seen: u64,
    struck: u64,
}

impl Occurrence {
    /// Counts one more at an age of the faults, and returns whether it is struck. Chance comes from the seed and the number.
    pub(super) fn strikes(&self, tally: &mut Tally, age: Duration, seed: (u64, usize)) -> bool {
        if age < self.from || self.until.is_some_and(|until| age >= until) {
            return false;
        }
        tally.seen += 1;
        let due = tally.seen >= self.nth && (tally.seen - self.nth).is_multiple_of(self.every);
        let left = self.count.is_none_or(|count| tally.struck < count);
        let strikes = due && left && chance(seed, tally.seen) < self.probability;
        tally.struck += u64::from(strikes);
        strikes
    }
}

/// Returns a number from 0 to below 1 that depends on nothing but the arguments.
fn chance((seed, rule): (u64, usize), n: u64) -> f64 {
    let digits = digest(&format!("{seed} {rule} {n}"));
    // 52 bits, which a float holds exactly.
    let bits = u64::from_str_radix(&digits[..13], 16).unwrap_or_default();
    bits as f64 / (1_u64 << 52) as f64
}
