//! The one error at the edge: a kind that decides the exit code, a story, and what to type next.

use std::fmt;

use windlass_provider::Fault;

/// What went wrong, as far as whoever called windlass has to know: the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Refused, or failed before any change.
    Refused,
    /// The command line, the environment or a file of the user's is wrong.
    Usage,
    /// Stopped part-way: the same command again goes on.
    Stopped,
    /// What was looked at is not well.
    Unhealthy,
    /// Something is left behind.
    Left,
    /// Denied, or over quota.
    Denied,
    /// The time ran out.
    TimedOut,
    /// Our bug.
    Bug,
    /// Interrupted by the user.
    Interrupted,
}

impl Kind {
    /// Returns the exit code, as the README lists them.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Refused => 1,
            Self::Usage => 2,
            Self::Stopped => 3,
            Self::Unhealthy => 4,
            Self::Left => 5,
            Self::Denied => 6,
            Self::TimedOut => 7,
            Self::Bug => 70,
            Self::Interrupted => 130,
        }
    }

    /// Returns the graver of two, where several hold: 130, then 5, 7, 6, 3, 1.
    #[must_use]
    pub fn graver(self, other: Self) -> Self {
        const ORDER: [Kind; 9] = [
            Kind::Interrupted,
            Kind::Bug,
            Kind::Left,
            Kind::TimedOut,
            Kind::Denied,
            Kind::Stopped,
            Kind::Unhealthy,
            Kind::Usage,
            Kind::Refused,
        ];
        let rank = |kind| ORDER.iter().position(|other| *other == kind);
        if rank(self) <= rank(other) {
            self
        } else {
            other
        }
    }
}

/// An error as the user sees it.
#[derive(Debug)]
pub struct Error {
    /// The kind, and so the exit code.
    pub kind: Kind,
    /// What could not be done and why, outermost first.
    pub source: anyhow::Error,
    /// What to type or to change.
    pub hints: Vec<String>,
}

/// The result of a command.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Returns an error of this kind.
    pub fn new(kind: Kind, source: impl Into<anyhow::Error>) -> Self {
        Self {
            kind,
            source: source.into(),
            hints: Vec::new(),
        }
    }

    /// Returns an error of this kind that says only `message`.
    pub fn message(kind: Kind, message: impl fmt::Display) -> Self {
        Self::new(kind, anyhow::anyhow!("{message}"))
    }

    /// Returns a mistake in what the user typed or wrote.
    pub fn usage(message: impl fmt::Display) -> Self {
        Self::message(Kind::Usage, message)
    }

    /// Adds what to type or to change.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.source)?;
        for cause in self.source.chain().skip(1) {
            write!(f, "\n  caused by: {cause}")?;
        }
        for hint in &self.hints {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

impl From<anyhow::Error> for Error {
    fn from(source: anyhow::Error) -> Self {
        Self::new(Kind::Refused, source)
    }
}

impl From<windlass_provider::Error> for Error {
    /// For a fault before any change; the engine says `Stopped` where there was one.
    fn from(error: windlass_provider::Error) -> Self {
        let kind = match error.fault {
            Fault::Denied | Fault::Quota => Kind::Denied,
            Fault::TimedOut => Kind::TimedOut,
            Fault::Cancelled => Kind::Interrupted,
            Fault::Invalid => Kind::Usage,
            Fault::Transient
            | Fault::Unavailable
            | Fault::NoAccess
            | Fault::Conflict
            | Fault::Failed => Kind::Refused,
        };
        let mut causes = error.causes.into_iter().rev();
        let source = match causes.next() {
            None => anyhow::anyhow!(error.message),
            Some(root) => causes
                .fold(anyhow::anyhow!(root), |inner, outer| inner.context(outer))
                .context(error.message),
        };
        Self {
            kind,
            source,
            hints: error.hints,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_tells_its_story_from_the_outside_in() {
        let fault =
            windlass_provider::Error::new(Fault::Quota, "cannot create node group \"primary\"")
                .cause("CreateNodegroup: VcpuLimitExceeded in us-east-1")
                .cause("root")
                .hint("use --node-size small");
        let error = Error::from(fault);
        assert_eq!(error.kind.exit_code(), 6);
        assert_eq!(
            error.to_string(),
            "error: cannot create node group \"primary\"\n  caused by: CreateNodegroup: \
             VcpuLimitExceeded in us-east-1\n  caused by: root\n  hint: use --node-size small"
        );
    }

    #[test]
    fn the_graver_kind_wins() {
        assert_eq!(Kind::Stopped.graver(Kind::Left), Kind::Left);
        assert_eq!(Kind::Interrupted.graver(Kind::Left), Kind::Interrupted);
        assert_eq!(Kind::Refused.graver(Kind::Denied), Kind::Denied);
    }
}
