//! The rules that values are held to, whatever they come from. Each function returns the value, or says what is wrong and
//! what is allowed.

use std::time::Duration;

use windlass_provider::{ClusterName, NodeSize, ProviderId, TaintEffect};

/// What a rule returns.
pub type Ruled<T> = Result<T, String>;

/// Returns which of `known` was probably meant by `word`.
pub fn suggest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|known| {
            (
                strsim::damerau_levenshtein(&word.to_lowercase(), known),
                known,
            )
        })
        .filter(|(distance, known)| *distance <= 1 + known.len() / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

pub(super) fn one_of<T: Copy>(text: &str, what: &str, allowed: &[(&'static str, T)]) -> Ruled<T> {
    if let Some((_, value)) = allowed.iter().find(|(name, _)| *name == text) {
        return Ok(*value);
    }
    let names: Vec<_> = allowed.iter().map(|(name, _)| *name).collect();
    let near = suggest(text, names.iter().copied())
        .map(|near| format!("; did you mean {near}?"))
        .unwrap_or_default();
    Err(format!(
        "\"{}\" is not {what}: allowed are {}{near}",
        text.escape_debug(),
        names.join(", ")
    ))
}

/// A cluster's name.
pub(super) fn cluster(text: &str) -> Ruled<ClusterName> {
    text.parse()
        .map_err(|error: windlass_provider::InvalidName| error.to_string())
}

/// A provider; `gcp` is Google Cloud too.
pub(super) fn provider(text: &str) -> Ruled<ProviderId> {
    if text == "gcp" {
        return Ok(ProviderId::Google);
    }
    one_of(
        text,
        "a provider",
        &ProviderId::ALL.map(|id| (id.as_str(), id)),
    )
}

/// The size of nodes.
pub(super) fn node_size(text: &str) -> Ruled<NodeSize> {
    one_of(
        text,
        "a node size",
        &[
            ("small", NodeSize::Small),
            ("medium", NodeSize::Medium),
            ("large", NodeSize::Large),
        ],
    )
}

/// What a taint does.
pub(super) fn taint_effect(text: &str) -> Ruled<TaintEffect> {
    one_of(
        text,
        "what a taint does",
        &[
            ("NoSchedule", TaintEffect::NoSchedule),
            ("PreferNoSchedule", TaintEffect::PreferNoSchedule),
            ("NoExecute", TaintEffect::NoExecute),
        ],
    )
}

/// A container engine that kind knows.
pub(super) fn engine(text: &str) -> Ruled<String> {
    let known = ["docker", "podman", "nerdctl"].map(|name| (name, name));
    one_of(text, "a container engine", &known).map(str::to_owned)
}

/// A Kubernetes version: a minor one, or with its patch.
pub(super) fn kubernetes_version(text: &str) -> Ruled<String> {
    let number = |part: &str| {
        (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    let parts: Vec<_> = text.split('.').collect();
    if (2..=3).contains(&parts.len()) && parts.iter().all(|part| number(part)) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "\"{}\" is not a Kubernetes version: write one such as 1.36 or 1.36.1",
            text.escape_debug()
        ))
    }
}

pub(super) fn whole(text: &str, from: u32, to: u32, more: &str) -> Ruled<u32> {
    text.parse()
        .ok()
        .filter(|number| (from..=to).contains(number) && !text.starts_with('+'))
        .ok_or_else(|| {
            format!(
                "\"{}\" is not a whole number from {from} to {to}{more}",
                text.escape_debug()
            )
        })
}

/// A number of nodes. No provider has clusters of more than 1000 in one pool (AKS:
/// <https://learn.microsoft.com/azure/aks/quotas-skus-regions>).
pub(super) fn nodes(text: &str) -> Ruled<u32> {
    whole(text, 1, 1000, "")
}

/// The machine type of nodes, in whichever cloud's words: g6.xlarge, Standard_NC4as_T4_v3, g2-standard-4.
pub(super) fn machine(text: &str) -> Ruled<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    match text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.bytes().all(plain) {
        true => Ok(text.to_owned()),
        false => Err(format!(
            "\"{}\" is not a machine type: write one such as g6.xlarge",
            text.escape_debug()
        )),
    }
}

/// A zone, in whichever cloud's words: eu-west-1a, 1, europe-west1-b.
pub(super) fn zone(text: &str) -> Ruled<String> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    match text.starts_with(|c: char| c.is_ascii_alphanumeric()) && text.bytes().all(plain) {
        true => Ok(text.to_owned()),
        false => Err(format!(
            "\"{}\" is not a zone: write one such as eu-west-1a",
            text.escape_debug()
        )),
    }
}

/// The number of nodes that a further pool begins with, which may be none.
pub(super) fn pool_nodes(text: &str) -> Ruled<u32> {
    whole(text, 0, 1000, "")
}

/// A port, or 0 for none.
pub(super) fn port(text: &str) -> Ruled<u16> {
    let more = "; 0 opens none";
    whole(text, 0, 65535, more)?
        .try_into()
        .map_err(|_| more.to_owned())
}

/// A duration: whole numbers with the units s, m, h, d and w, the larger first.
pub(super) fn duration(text: &str) -> Ruled<Duration> {
    const UNITS: [(char, u64); 5] = [
        ('w', 604_800),
        ('d', 86_400),
        ('h', 3_600),
        ('m', 60),
        ('s', 1),
    ];
    let read = || {
        let mut units = UNITS.iter();
        let mut seconds = 0_u64;
        let mut rest = text;
        while !rest.is_empty() {
            let end = rest.find(|c: char| !c.is_ascii_digit())?;
            let (number, tail) = rest.split_at(end);
            let unit = tail.chars().next()?;
            let (_, worth) = units.find(|(name, _)| *name == unit)?;
            seconds = seconds.checked_add(number.parse::<u64>().ok()?.checked_mul(*worth)?)?;
            rest = &tail[unit.len_utf8()..];
        }
        (seconds > 0).then_some(Duration::from_secs(seconds))
    };
    read().ok_or_else(|| {
        format!(
            "\"{}\" is not a duration: write one such as 30m, 8h, 7d or 1h30m",
            text.escape_debug()
        )
    })
}

/// Reads a duration as it is written in settings and flags: "30m", "1h30m".
///
/// # Errors
/// What is wrong with it, and what is allowed.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    duration(text)
}

/// Returns a duration as it is written in settings; parts of a second are dropped.
#[must_use]
pub fn format_duration(duration: Duration) -> String {
    let mut seconds = duration.as_secs();
    if seconds == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    for (unit, worth) in [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)] {
        if seconds >= worth {
            text.push_str(&format!("{}{unit}", seconds / worth));
            seconds %= worth;
        }
    }
    text
}

/// How long a cluster lives: at least a minute, at most ten years, or `never` the reaper's.
pub(super) fn lifetime(text: &str) -> Ruled<Option<Duration>> {
    if text == "never" {
        return Ok(None);
    }
    let lifetime = duration(text).map_err(|error| format!("{error}, or never"))?;
    let range = Duration::from_secs(60)..=Duration::from_secs(3650 * 86_400);
    if range.contains(&lifetime) {
        Ok(Some(lifetime))
    } else {
        Err(format!(
            "\"{text}\" is not a lifetime: allowed are 1m to 3650d, or never"
        ))
    }
}

/// How often Flux looks at Git: at most every ten seconds, at least once a day.
pub(super) fn interval(text: &str) -> Ruled<Duration> {
    let interval = duration(text)?;
    if (10..=86_400).contains(&interval.as_secs()) {
        Ok(interval)
    } else {
        Err(format!(
            "\"{text}\" is not an interval: allowed are 10s to 1d"
        ))
    }
}

/// A container image: what a reference is made of, and nothing that a program could take for a flag
/// (<https://github.com/opencontainers/distribution-spec/blob/main/spec.md#pulling-manifests>).
pub(super) fn image(text: &str) -> Ruled<String> {
    let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric());
    let rest = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"._-:/@+".contains(&byte));
    if begins && rest {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "\"{}\" is not an image: write one such as kindest/node:v1.36.1",
            text.escape_debug()
        ))
    }
}

/// A version of a chart or a manifest, as its publisher writes it.
///
/// # Errors
/// It is none, with what is allowed.
pub fn version(text: &str) -> Ruled<String> {
    let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric());
    let rest = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b".-+_".contains(&byte));
    if begins && rest && text.len() <= 128 {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "\"{}\" is not a version: write one such as 41.3.0, not a range",
            text.escape_debug()
        ))
    }
}

/// The name of a variable of the environment.
///
/// # Errors
/// It is none, with what is allowed.
pub fn variable(text: &str) -> Ruled<String> {
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let rest = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if begins && rest {
        Ok(text.to_owned())
    } else {
        // Someone may have put the secret itself here.
        Err(
            "it is not the name of a variable of the environment, which holds the secret: \
             letters, digits and underscores, not beginning with a digit"
                .to_owned(),
        )
    }
}

/// The path of a chart's value, by the rule of a HelmRelease's `targetPath`
/// (<https://fluxcd.io/flux/components/helm/helmreleases/#values-references>).
///
/// # Errors
/// It is none, with what is allowed.
pub fn value_path(text: &str) -> Ruled<String> {
    let rest = text
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"_-.\\/[]".contains(&byte));
    if rest && (1..=250).contains(&text.len()) && text.split('.').all(|part| !part.is_empty()) {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "\"{}\" is not the path of a value: write one such as auth.password",
            text.escape_debug()
        ))
    }
}
