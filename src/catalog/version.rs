//! Versions of components, compared. Pure.

use std::cmp::Reverse;

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

/// Reads a version; missing numbers at its end are zeros, and a "v" before it means nothing.
fn parse(text: &str) -> Option<Version> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let whole = || Version::parse(text).ok();
    whole().or_else(|| {
        let numbers = text.split('.').count();
        let plain = text.bytes().all(|c| c.is_ascii_digit() || c == b'.');
        let padded = format!("{text}{}", ".0".repeat(3_usize.checked_sub(numbers)?));
        Version::parse(&padded).ok().filter(|_| plain)
    })
}

/// Returns whether two versions are the same, however they are written.
#[must_use]
pub fn is_same_version(one: &str, other: &str) -> bool {
    one == other || parse(one).is_some_and(|one| parse(other) == Some(one))
}

/// Returns the version that is nearest to one that there is not: its neighbour in order that shares more of its numbers, else the one
/// whose first number that differs is nearer, else the newer. Pre-releases count only beside one. What is no version is passed over;
/// where the wanted one is none, the newest is the nearest.
#[must_use]
pub fn nearest_version<'a>(
    wanted: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let target = parse(wanted);
    let mut all: Vec<(Version, &str)> = known
        .into_iter()
        .filter_map(|text| Some((parse(text)?, text)))
        .collect();
    if target.as_ref().is_none_or(|target| target.pre.is_empty())
        && all.iter().any(|(version, _)| version.pre.is_empty())
    {
        all.retain(|(version, _)| version.pre.is_empty());
    }
    all.sort();
    let Some(target) = target else {
        return all.last().map(|(_, text)| *text);
    };
    let numbers = |it: &Version| [it.major, it.minor, it.patch];
    let distance = |it: &Version| {
        let pairs = numbers(it).into_iter().zip(numbers(&target));
        let mut gaps = pairs.map(|(one, other)| one.abs_diff(other)).enumerate();
        let first = gaps.find(|(_, gap)| *gap > 0);
        // The further to the right the first difference is, the nearer.
        first.map_or((Reverse(3), 0), |(at, gap)| (Reverse(at), gap))
    };
    let after = all.partition_point(|(version, _)| *version <= target);
    let (below, above) = (after.checked_sub(1).map(|at| &all[at]), all.get(after));
    let both = above.into_iter().chain(below);
    both.min_by_key(|(version, _)| distance(version))
        .map(|(_, text)| *text)
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

    #[test]
    fn the_nearest_version_is_a_neighbour() {
        let known = [
            "39.0.0",
            "41.3.0",
            "41.2.9",
            "v1.21.1",
            "42.0.0-rc.1",
            "latest",
            "sha256-x",
        ];
        for (wanted, nearest) in [
            ("99.0.0", "41.3.0"),
            ("41.3.9", "41.3.0"),
            ("41.2.10", "41.2.9"),
            ("40.0.0", "41.2.9"),
            ("39.5.1", "39.0.0"),
            ("0.1.0", "v1.21.1"),
            ("1.21.1", "v1.21.1"),
            ("1.21", "v1.21.1"),
            ("42.0.0-rc.2", "42.0.0-rc.1"),
            ("42.0.0", "41.3.0"),
            ("newest", "41.3.0"),
        ] {
            assert_eq!(nearest_version(wanted, known), Some(nearest), "{wanted}");
        }
        assert_eq!(nearest_version("1.0.0", ["latest"]), None);
        assert_eq!(nearest_version("1.0.0", ["1.0.0-beta"]), Some("1.0.0-beta"));
        assert!(is_same_version("v2.21.0", "2.21.0") && is_same_version("edge", "edge"));
        assert!(!is_same_version("2.21.0", "2.21.1"));
    }
}
