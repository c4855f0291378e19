//! `windlass install --export`: the objects that would be applied, as YAML; nothing is done and no cluster is asked.

use std::collections::BTreeMap;

use serde_json::Value;
use windlass_provider::{ClusterName, Ctx, ProviderId};

use super::{App, components::Asked};
use crate::{
    catalog::{self, Home, Release},
    error::{Error, Kind, Result},
    plan, steps,
};

/// Prints the objects of the components in `ordered`: all charts, and of manifests those that were asked for by name.
pub(super) async fn export(
    app: &App,
    (provider, cluster): (ProviderId, &ClusterName),
    flux_manifest: &Option<String>,
    asked: &[&str],
    ordered: &[Asked<'_>],
) -> Result<()> {
    let mut objects = Vec::new();
    let cx = Ctx::new(app.clock());
    // Open for as long as what it serves is fetched.
    let mut place = None;
    for (component, wanted) in ordered {
        let version = super::components::version_of(component, *wanted);
        if let Some(url) = component.manifest(version) {
            if asked.contains(&component.name.as_str()) {
                let is_flux = component.name == "flux";
                let location = match flux_manifest.clone().filter(|_| is_flux) {
                    Some(location) => location,
                    None if app.global().rehearse => place
                        .insert(app.place(provider).await?)
                        .rehearsal
                        .as_ref()
                        .map_or(url, |rehearsal| {
                            rehearsal.manifest(&component.name, version)
                        }),
                    None => url,
                };
                objects.extend(steps::read_manifest(&cx, &location).await?);
            } else {
                app.output().note(&format!(
                    "{} is needed and not among these: windlass install {}",
                    component.title, component.name
                ));
            }
            continue;
        }
        let chart = plan::chart(component, *wanted, (provider, cluster))?;
        if let Some(special) = &chart.special
            && provider == ProviderId::Azure
        {
            special.check_identity(&chart.values).map_err(|misuse| {
                let message = format!("{}: an export asks no cluster who it is", misuse.message);
                Error::usage(message)
                    .hint("leave --export out: it is told its identity where it is installed")
                    .hint(misuse.hint)
            })?;
        }
        // What is exported may end up in Git: secrets stay names, for Flux's substitution to fill.
        let name = |variable: &str| format!("${{{variable}}}");
        let secrets: BTreeMap<String, String> = chart
            .secrets
            .iter()
            .map(|(path, variable)| (path.clone(), name(variable)))
            .collect();
        let release = Release {
            component,
            version,
            namespace: &chart.namespace,
            values: &chart.values,
            secrets: &secrets,
        };
        let bug = |error| Error::new(Kind::Bug, error);
        objects.extend(catalog::release(&release).map_err(bug)?);
        if let Some(special) = &chart.special {
            let home = Home {
                cluster: cluster.as_str(),
                provider,
                namespace: &chart.namespace,
            };
            let extras = catalog::extras(special, home, &name).map_err(bug)?;
            objects.extend(extras.objects().cloned());
        }
    }
    print(app, &objects)
}

/// Prints objects, as documents of YAML.
pub(super) fn print(app: &App, objects: &[Value]) -> Result<()> {
    let mut text = String::new();
    for object in objects {
        text.push_str("---\n");
        text.push_str(&serde_saphyr::to_string(object).map_err(anyhow::Error::from)?);
    }
    app.output().show(&objects, || text)
}
