//! What is wrong with settings: all of it, told at once.

use std::fmt;

use super::Origin;
use crate::error::{Error, Kind};

/// One value that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where it stands.
    pub origin: Origin,
    /// What is wrong with it, and what is allowed.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.origin, self.message)
    }
}

/// Returns the error that tells all problems, in the order in which they stand in the file; `Ok` where there are none.
pub(crate) fn refuse(mut problems: Vec<Problem>) -> Result<(), Error> {
    problems.sort_by_key(|problem| match problem.origin {
        Origin::File { line, .. } => line,
        _ => 0,
    });
    problems.dedup();
    match &problems[..] {
        [] => Ok(()),
        [problem] => Err(Error::usage(problem)),
        _ => {
            let mut message = format!("{} settings cannot be used", problems.len());
            for problem in &problems {
                message.push_str(&format!("\n  {problem}"));
            }
            Err(Error::message(Kind::Usage, message))
        }
    }
}
