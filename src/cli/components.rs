//! What the commands about components share: fetching manifests, secrets, names.

use std::collections::BTreeMap;

use windlass_provider::{ClusterName, Ctx};

use super::{app::Place, component_flags::Target};
use crate::{
    catalog::{self, Catalog, Component},
    error::{Error, Kind, Result},
    plan::{self, Action, Manifest, Plan},
    settings::{Settings, suggest},
    spec::{ComponentSpec, Spec},
    steps::{self, Absent, Says},
};

/// A component with what the user says of it.
pub(super) type Asked<'a> = (&'a Component, Option<&'a ComponentSpec>);

/// Fetches the manifests of components.
pub(super) struct Fetch<'a> {
    pub(super) place: &'a Place,
    pub(super) cx: &'a Ctx,
    pub(super) cluster: &'a ClusterName,
    /// Where Flux's is to be had, if not from its publisher.
    pub(super) flux_manifest: Option<&'a str>,
    /// Fetching writes a copy, and a dry run does nothing: it only tells where the manifests are.
    pub(super) dry_run: bool,
    /// Where the user says which versions are wanted.
    pub(super) says: &'a Says,
}

impl Fetch<'_> {
    /// Returns the manifests of those components that are one, having checked that there are the versions.
    pub(super) async fn all(&self, components: &[Asked<'_>]) -> Result<Vec<Manifest>> {
        self.check_versions(components).await?;
        let mut manifests = Vec::new();
        for (component, wanted) in components {
            let version = version_of(component, *wanted);
            let Some(location) = self.locate(component, version) else {
                continue;
            };
            let pinned = component.version.clone();
            let component = component.name.clone();
            manifests.push(if self.dry_run {
                Manifest {
                    component,
                    url: location,
                    sha256: String::new(),
                }
            } else {
                let origin = steps::Origin {
                    component,
                    version: version.to_owned(),
                    location,
                };
                let fetched = steps::fetch(self.cx, &origin, &self.place.workdir, self.cluster);
                fetched.await.map_err(|error| match version == pinned {
                    true => error,
                    false => error.hint(format!("windlass itself would take {pinned}")),
                })?
            });
        }
        Ok(manifests)
    }

    /// Checks that those versions exist which are not windlass's own. Where nobody can be asked, the install finds out.
    ///
    /// # Errors
    /// One does not: told with the nearest that does.
    async fn check_versions(&self, components: &[Asked<'_>]) -> Result<()> {
        let given =
            |component: &Component| component.name == "flux" && self.flux_manifest.is_some();
        let doubted = components
            .iter()
            .map(|(component, wanted)| (*component, version_of(component, *wanted)))
            .filter(|(component, version)| *version != component.version && !given(component));
        let web = &self.place.web();
        let looks = doubted.map(|(component, version)| async move {
            let absent = steps::find_absent(self.cx, web, component, version).await?;
            Some((component, absent))
        });
        let absent = futures::future::join_all(looks).await;
        let absent: Vec<(&Component, Absent)> = absent.into_iter().flatten().collect();
        if absent.is_empty() {
            return Ok(());
        }
        let told: Vec<String> = absent
            .iter()
            .map(|(component, absent)| {
                format!("there is no {} {}", component.title, absent.version)
            })
            .collect();
        let looked: Vec<String> = absent
            .iter()
            .map(|(component, absent)| absent.looked(component))
            .collect();
        let source = anyhow::anyhow!(looked.join("; ")).context(told.join("; "));
        let mut error = Error::new(Kind::Refused, source);
        for (component, absent) in &absent {
            let hint = absent.hint(self.says, &component.name, false);
            if !error.hints.contains(&hint) {
                error = error.hint(hint);
            }
        }
        Err(match self.place.rehearsal {
            Some(_) => {
                error.hint("a rehearsal knows few versions: without --rehearse there may be it")
            }
            None => error,
        })
    }

    /// Returns where a component's manifest is; `None` where it is a chart.
    fn locate(&self, component: &Component, version: &str) -> Option<String> {
        let url = component.manifest(version)?;
        let is_flux = component.name == "flux";
        Some(match (&self.place.rehearsal, self.flux_manifest) {
            (_, Some(location)) if is_flux => location.to_owned(),
            (Some(rehearsal), _) => rehearsal.manifest(&component.name, version),
            _ => url,
        })
    }
}

/// Returns the version that the user wants of a component, or else the catalogue's.
pub(super) fn version_of<'a>(
    component: &'a Component,
    wanted: Option<&'a ComponentSpec>,
) -> &'a str {
    wanted
        .and_then(|wanted| wanted.version.as_deref())
        .unwrap_or(&component.version)
}

/// Returns the secrets that the plan's charts name, as far as they are set.
pub(super) fn secrets(settings: &Settings, plan: &Plan) -> BTreeMap<String, String> {
    plan.steps
        .iter()
        .filter_map(|step| match &step.action {
            Action::InstallChart { chart } => Some(chart.variables()),
            _ => None,
        })
        .flatten()
        .filter_map(|name| Some((name.to_owned(), settings.variables.get(name)?.0.to_owned())))
        .collect()
}

/// Takes sets of components apart, in `spec` and in `names`, and returns the names.
///
/// # Errors
/// Values that mean nothing to a set.
pub(super) fn unfold(spec: &mut Spec, catalog: &Catalog, names: &[String]) -> Result<Vec<String>> {
    spec.only = Some(names.to_vec());
    plan::unfold(spec, catalog).map_err(Error::usage)?;
    Ok(spec.only.take().unwrap_or_default())
}

/// Returns what was asked for, flat: setting → value, for telling two runs apart.
pub(super) fn name_asked(
    target: &Target,
    typed: &[String],
    names: &[String],
    components: &[Asked<'_>],
) -> BTreeMap<String, String> {
    let mut asked: BTreeMap<String, String> = components
        .iter()
        .filter(|(component, _)| names.contains(&component.name))
        .filter_map(|(_, wanted)| *wanted)
        .flat_map(ComponentSpec::asked)
        .collect();
    asked.insert("cluster".to_owned(), target.cluster().to_string());
    asked.insert("provider".to_owned(), target.provider().to_string());
    asked.insert("components".to_owned(), typed.join(","));
    asked
}

/// Returns the components that a setup installs, each after what it needs.
pub(super) fn components_of<'a>(spec: &'a Spec, catalog: &'a Catalog) -> Result<Vec<Asked<'a>>> {
    let mut names: Vec<&str> = catalog
        .names()
        .into_iter()
        .filter(|name| {
            let by_default = catalog.get(name).is_some_and(|it| it.default);
            spec.wants(name, by_default)
        })
        .collect();
    if spec.gitops.is_some() {
        names.push("flux");
    }
    let ordered = catalog::order(catalog, &names).map_err(Error::usage)?;
    Ok(ordered
        .into_iter()
        .map(|component| (component, spec.component(&component.name)))
        .collect())
}

/// Returns the components that were left out on purpose and are installed all the same, each with one that needs it.
pub(super) fn needed_anyway<'a>(spec: &Spec, components: &[Asked<'a>]) -> Vec<(&'a str, &'a str)> {
    let all = || components.iter().map(|(component, _)| *component);
    let left_out = |component: &&Component| {
        let off = spec
            .component(&component.name)
            .is_some_and(|said| said.enabled == Some(false));
        spec.only.is_none() && (off || spec.without.contains(&component.name))
    };
    all()
        .filter(left_out)
        .filter_map(|component| {
            let needer = all().find(|other| other.needs.contains(&component.name))?;
            Some((component.name.as_str(), needer.name.as_str()))
        })
        .collect()
}

/// Reads a component's name: "ingress" is the controller that there is unless another is asked for.
pub(super) fn component_name(text: &str) -> std::result::Result<String, std::convert::Infallible> {
    Ok(match text {
        "ingress" => "traefik".to_owned(),
        name => name.to_owned(),
    })
}

/// Returns the catalogue that is built in.
pub(super) fn load_catalog() -> Result<Catalog> {
    Catalog::load().map_err(|error| Error::new(Kind::Bug, error))
}

/// Checks that there are components of these names.
///
/// # Errors
/// One is not there: with the nearest that is.
pub(super) fn check_names(catalog: &Catalog, names: &[String]) -> Result<()> {
    let known = catalog.names();
    let Some(wrong) = names.iter().find(|name| !known.contains(&name.as_str())) else {
        return Ok(());
    };
    let error = Error::usage(format!("there is no component \"{wrong}\""));
    Err(match suggest(wrong, known.iter().copied()) {
        Some(near) => error.hint(format!("did you mean {near}?")),
        None => error.hint(format!("there are {}", known.join(", "))),
    })
}
