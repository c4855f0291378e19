//! Which providers this build has, and how each is made, for real or for a rehearsal.

use std::sync::Arc;

use windlass_provider::{Provider, ProviderId};

use crate::{error::Result, rehearsal::Rehearsal};

/// The providers that this build has, in the order in which they are offered.
pub const BUILT: &[ProviderId] = &[
    #[cfg(feature = "kind")]
    ProviderId::Kind,
];

/// Returns a provider.
///
/// # Errors
/// Where it needs a program that is not there.
pub fn provider(id: ProviderId, rehearsal: Option<&Rehearsal>) -> Result<Arc<dyn Provider>> {
    // A build without any provider has no use for it.
    let _ = rehearsal;
    match id {
        #[cfg(feature = "kind")]
        ProviderId::Kind => Ok(Arc::new(kind(rehearsal)?)),
        other => Err(crate::error::Error::usage(format!(
            "this build of windlass has no provider \"{other}\""
        ))
        .hint(format!("choose one of: {}", names()))),
    }
}

/// Returns the names of the built providers, as in "kind, aws".
#[must_use]
pub fn names() -> String {
    BUILT
        .iter()
        .map(|id| id.as_str())
        .collect::<Vec<_>>()
        .join(", ")
}

/// The programs that a provider runs.
#[derive(Clone, Debug, Default)]
pub struct Programs {
    /// It needs each of these.
    pub each: Vec<&'static str>,
    /// It needs one of these.
    pub one_of: Vec<&'static str>,
}

/// Returns the programs that a provider runs.
#[must_use]
pub fn programs(id: ProviderId) -> Programs {
    match id {
        #[cfg(feature = "kind")]
        ProviderId::Kind => Programs {
            each: vec!["kind"],
            one_of: windlass_kind::Engine::ALL
                .map(windlass_kind::Engine::as_str)
                .into(),
        },
        _ => Programs::default(),
    }
}

/// Returns how to get a program that a provider runs, one way a line.
#[must_use]
pub fn advise(program: &str) -> Vec<String> {
    #[cfg(feature = "kind")]
    let ways = windlass_kind::advise(program);
    #[cfg(not(feature = "kind"))]
    let ways = Vec::new();
    ways
}

#[cfg(feature = "kind")]
fn kind(rehearsal: Option<&Rehearsal>) -> Result<windlass_kind::Kind> {
    use windlass_kind::{Kind, Programs};
    Ok(Kind::new(match rehearsal {
        None => Programs::installed(),
        Some(rehearsal) => Programs::rehearsed(
            rehearsal.stand_in("kind")?,
            rehearsal.stand_in("docker")?,
            rehearsal.stand_in_variables(),
        ),
    }))
}
