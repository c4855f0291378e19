//! Versions of components, compared. Pure.

use semver::Version;

/// What a user should know before going from one version to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leap {
    /// To an older one: CRDs and stored objects may be newer than what would read them.
    Down,
    /// To another major version.
    Major,
    /// Past minor versions: projects migrate their CRDs from one minor version to the next.
    Minors,
}

/// Returns what is special about going from `now` to `then`; `None` where nothing is, or one of them is no version by
/// <https://semver.org>.
#[must_use]
pub fn judge_leap(now: &str, then: &str) -> Option<Leap> {
    let parse = |text: &str| Version::parse(text.strip_prefix('v').unwrap_or(text)).ok();
    let (now, then) = (parse(now)?, parse(then)?);
    if then < now {
        Some(Leap::Down)
    } else if then.major > now.major {
        Some(Leap::Major)
    } else if then.minor > now.minor + 1 {
        Some(Leap::Minors)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaps_are_told_and_steps_are_not() {
        for (now, then, leap) in [
            ("v1.20.2", "v1.21.1", None),
            ("1.20.2", "v1.20.9", None),
            ("1.18.0", "1.21.0", Some(Leap::Minors)),
            ("41.3.0", "42.0.0", Some(Leap::Major)),
            ("1.21.1", "1.21.0", Some(Leap::Down)),
            ("2.0.0", "2.0.0-rc.1", Some(Leap::Down)),
            ("stable", "1.0.0", None),
        ] {
            assert_eq!(judge_leap(now, then), leap, "{now} to {then}");
        }
    }
}
