//! How what is installed differs from what windlass.toml wants: `status --diff`.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    app::Place,
    components::{components_of, version_of},
    upgrade,
};
use crate::{
    catalog::Catalog,
    error::{Error, Result},
    plan,
    settings::Settings,
    spec::Spec,
    steps::{self, Connection, Installer, Present},
};

/// How one component differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Drift {
    /// The component.
    pub(super) component: String,
    /// The version that is installed.
    pub(super) version: String,
    /// How it differs.
    pub(super) kind: DriftKind,
    /// What differs, a fragment each.
    pub(super) changes: Vec<String>,
}

/// How a component differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum DriftKind {
    /// It is wanted and not there.
    Missing,
    /// Windlass installed it, and it is not wanted.
    Extra,
    /// It is there at another version or with other values.
    Differs,
}

impl DriftKind {
    /// Returns the word for it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Extra => "extra",
            Self::Differs => "differs",
        }
    }
}

/// Compares a cluster's components with those that a setup would install now.
pub(super) async fn find_drift(
    settings: &Settings,
    place: &Place,
    catalog: &Catalog,
) -> Result<Vec<Drift>> {
    let mut spec = Spec::new(settings)?;
    plan::unfold(&mut spec, catalog).map_err(Error::usage)?;
    let name = &settings.cluster.value;
    let connection = Connection::default();
    let present =
        steps::find_present(&place.cx, &connection, &place.provider, name, catalog).await?;
    compare(&spec, catalog, &present)
}

fn compare(
    spec: &Spec,
    catalog: &Catalog,
    present: &BTreeMap<String, Present>,
) -> Result<Vec<Drift>> {
    let wanted = components_of(spec, catalog)?;
    let mut drift = Vec::new();
    for (component, said) in &wanted {
        let Some(there) = present.get(&component.name) else {
            drift.push(Drift {
                component: component.name.clone(),
                version: String::new(),
                kind: DriftKind::Missing,
                changes: vec![format!(
                    "version {} is wanted",
                    version_of(component, *said)
                )],
            });
            continue;
        };
        // What somebody else or Git installed is theirs to say.
        if there.installer != Installer::Windlass {
            continue;
        }
        let mut changes = upgrade::compare(
            component,
            *said,
            there,
            (spec.cluster.provider, &spec.cluster.name),
        );
        if let Some(namespace) = said.and_then(|said| said.namespace.as_ref())
            && *namespace != there.namespace
        {
            changes.push(format!("namespace {} → {namespace}", there.namespace));
        }
        if !changes.is_empty() {
            drift.push(Drift {
                component: component.name.clone(),
                version: there.version.clone().unwrap_or_default(),
                kind: DriftKind::Differs,
                changes,
            });
        }
    }
    for (name, there) in present {
        let is_wanted = wanted.iter().any(|(component, _)| component.name == *name);
        if there.installer == Installer::Windlass && !is_wanted {
            drift.push(Drift {
                component: name.clone(),
                version: there.version.clone().unwrap_or_default(),
                kind: DriftKind::Extra,
                changes: vec!["a setup would not install it".to_owned()],
            });
        }
    }
    Ok(drift)
}
