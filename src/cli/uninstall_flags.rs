//! What `windlass uninstall` takes besides names: guards about the one component, an export, waiting.

use std::{path::PathBuf, sync::Arc};

use clap::Args;
use serde_json::Value;
use windlass_provider::{ClusterName, Ctx, Provider};

use super::App;
use crate::{
    catalog::Component,
    error::{Error, Kind, Result},
    settings::version,
    steps::{self, Connection, Present},
};

/// What is said of the component that goes, and how it goes.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Component")]
pub(super) struct OneFlags {
    /// The version that is installed: another is left alone
    #[arg(long, value_name = "VERSION", value_parser = version)]
    version: Option<String>,
    /// The namespace that it is in: in another it is left alone
    #[arg(long, value_name = "NAMESPACE")]
    namespace: Option<String>,
    /// Print the objects that would go, as they are in the cluster, and remove nothing; Secrets are only named
    #[arg(long, conflicts_with = "dry_run")]
    pub(super) export: bool,
    /// Wait until it is gone: the default
    #[arg(long, overrides_with = "no_wait")]
    wait: bool,
    /// Do not wait until it is gone; what goes before another is waited for
    #[arg(long, conflicts_with = "purge")]
    pub(super) no_wait: bool,
}

impl OneFlags {
    /// Refuses what is about one component where several are named.
    pub(super) fn check_count(&self, components: &[String]) -> Result<()> {
        let about_one = self.version.is_some() || self.namespace.is_some();
        if !about_one || components.len() == 1 {
            return Ok(());
        }
        Err(
            Error::usage("--version and --namespace are about one component")
                .hint("name one, or leave them out"),
        )
    }

    /// Refuses a component that is not the one that was meant.
    pub(super) fn check(&self, component: &Component, there: &Present) -> Result<()> {
        let name = &component.name;
        let refused = |is: String, flag: String| {
            Err(
                Error::message(Kind::Refused, format!("{name} is {is}: it is left alone"))
                    .hint(format!("windlass uninstall {name} {flag}")),
            )
        };
        let bare = |version: &str| version.strip_prefix('v').unwrap_or(version).to_owned();
        let is = there.version.as_deref().unwrap_or("unknown");
        match (&self.version, &self.namespace) {
            (Some(version), _) if bare(version) != bare(is) => refused(
                format!("at version {is} and not {version}"),
                format!("--version {is}"),
            ),
            (_, Some(namespace)) if *namespace != there.namespace => refused(
                format!("in namespace {} and not {namespace}", there.namespace),
                format!("--namespace {}", there.namespace),
            ),
            _ => Ok(()),
        }
    }
}

/// The flags that install and upgrade have and that mean nothing here: known, to say so.
#[derive(Clone, Debug, Args)]
pub(super) struct NoValues {
    #[arg(long, short = 'f', hide = true)]
    values: Vec<PathBuf>,
    #[arg(long, hide = true)]
    set: Vec<String>,
    #[arg(long, hide = true)]
    set_string: Vec<String>,
    #[arg(long, hide = true)]
    set_secret: Vec<String>,
}

impl NoValues {
    /// Refuses them.
    pub(super) fn refuse(&self, components: &[String]) -> Result<()> {
        let given = [
            ("--values", !self.values.is_empty()),
            ("--set", !self.set.is_empty()),
            ("--set-string", !self.set_string.is_empty()),
            ("--set-secret", !self.set_secret.is_empty()),
        ];
        let Some((flag, _)) = given.into_iter().find(|(_, given)| *given) else {
            return Ok(());
        };
        let names = components.join(" ");
        Err(Error::usage(format!(
            "{flag} means nothing to uninstall: a component goes with whichever values it has"
        ))
        .hint(format!("leave it out: windlass uninstall {names}"))
        .hint(format!(
            "or change the values and keep it: windlass upgrade {names} {flag} …"
        )))
    }
}

/// Prints the objects that go with components.
pub(super) async fn export(
    app: &App,
    cx: &Ctx,
    connection: &Connection,
    (provider, cluster): (&Arc<dyn Provider>, &ClusterName),
    going: &[&Component],
    purge: bool,
) -> Result<()> {
    let leaving = match purge {
        true => steps::look_at_leaving(cx, connection, provider, cluster, going).await?,
        false => Default::default(),
    };
    let components: Vec<_> = going
        .iter()
        .map(|component| (component.name.as_str(), leaving.get(&component.name)))
        .collect();
    let found = steps::find_going(cx, connection, provider, cluster, &components).await?;
    let (secrets, objects): (Vec<Value>, Vec<Value>) = found
        .into_iter()
        .partition(|object| object["kind"] == "Secret");
    for secret in &secrets {
        let metadata = &secret["metadata"];
        let part = |field: &str| metadata[field].as_str().unwrap_or_default();
        app.output().note(&format!(
            "Secret {}/{} goes, too, and is not among these: what is printed is seen",
            part("namespace"),
            part("name")
        ));
    }
    super::export::print(app, &objects)
}
