//! The flags of the commands about components: which cluster, and what is wanted of a component.

use std::{
    io::Read,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, anyhow};
use clap::{Args, ValueHint};
use serde_json::{Map, Value};
use windlass_provider::{ClusterName, ProviderId, Scope};

use super::{App, app::Place, cluster_flags::flags_at, components::Asked};
use crate::{
    catalog::{Component, Typing, assign, merge},
    error::{Error, Kind, Result},
    files::atomic,
    settings::{Flags, GitOpsFlags, Settings, value_path, variable, version},
    spec::ComponentSpec,
    steps::{Connection, Says},
};

/// Which cluster is meant, where windlass did not make it.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Another's cluster")]
pub(super) struct TargetFlags {
    /// The kubeconfig of a cluster that windlass did not make [default: your own, where --context is given]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    kubeconfig: Option<PathBuf>,
    /// The context in it [default: its current one]
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
}

/// The cluster that a command is about.
pub(super) struct Target {
    pub(super) settings: Settings,
    provider: ProviderId,
    /// `None` where no cluster is to be asked.
    place: Option<Place>,
    pub(super) connection: Connection,
    /// How the cluster is named in another command: ` --kubeconfig FILE`, or nothing.
    pub(super) flags: String,
}

impl Target {
    /// Returns the settings of a command that asks no cluster.
    pub(super) fn without_cluster(app: &App) -> Result<Self> {
        let mut settings = app.settings(flags_at(app, None)?)?;
        let provider = app.provider_of(&settings)?;
        settings.answer_provider(provider);
        Ok(Self {
            settings,
            provider,
            place: None,
            connection: Connection::default(),
            flags: String::new(),
        })
    }

    pub(super) fn provider(&self) -> ProviderId {
        self.provider
    }

    pub(super) fn place(&self) -> Result<&Place> {
        self.place
            .as_ref()
            .ok_or_else(|| Error::message(Kind::Bug, "a command without its place"))
    }

    /// Checks that the variables which hold these components' secrets are set.
    ///
    /// # Errors
    /// One is not: told by its name.
    pub(super) fn check_secrets(&self, components: &[Asked<'_>]) -> Result<()> {
        let missing: Vec<&str> = components
            .iter()
            .filter_map(|(_, wanted)| *wanted)
            .flat_map(ComponentSpec::variables)
            .filter(|variable| self.settings.variables.get(variable).is_none())
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(Error::usage(format!(
            "secret values are wanted and not set: {}",
            missing.join(", ")
        ))
        .hint("export them, or put them into .env"))
    }

    pub(super) fn cluster(&self) -> &ClusterName {
        &self.settings.cluster.value
    }
}

impl TargetFlags {
    /// Returns whether a kubeconfig names the cluster.
    fn is_given(&self) -> bool {
        self.kubeconfig.is_some() || self.context.is_some()
    }

    /// Opens the cluster: the one that the settings name, or the one that a kubeconfig names.
    pub(super) async fn open(&self, app: &App) -> Result<Target> {
        self.open_with(app, GitOpsFlags::default()).await
    }

    /// Opens the cluster, with what flags say of Git.
    pub(super) async fn open_with(&self, app: &App, gitops: GitOpsFlags) -> Result<Target> {
        let mut flags = Flags {
            gitops,
            ..flags_at(app, None)?
        };
        if !self.is_given() {
            let mut settings = app.settings(flags)?;
            let id = app.provider_of(&settings)?;
            settings.answer_provider(id);
            return Ok(Target {
                settings,
                provider: id,
                place: Some(app.place(id).await?),
                connection: Connection::default(),
                flags: String::new(),
            });
        }
        if app.global().rehearse && self.kubeconfig.is_none() {
            return Err(
                Error::usage("a rehearsal leaves your own kubeconfig alone").hint(
                    "name one of a rehearsed cluster: --kubeconfig rehearsal/kubeconfig-dot.yaml",
                ),
            );
        }
        // A rehearsal's clusters are there only while its world is open.
        let early = match app.global().rehearse {
            true => {
                let settings = app.settings(flags.clone())?;
                Some(app.place(app.provider_of(&settings)?).await?)
            }
            false => None,
        };
        let (path, context) = (self.kubeconfig.as_deref(), self.context.as_deref());
        let connection = Connection::given(path, context).await?;
        // Its runs are kept under a name of its own.
        if flags.cluster.is_none() {
            flags.cluster = Some(name_of(connection.context().unwrap_or("given")));
        }
        let mut settings = app.settings(flags)?;
        let asked = settings.provider.as_ref().map(|setting| setting.value);
        let cx = windlass_provider::Ctx::new(app.clock());
        let id = match connection.find_provider(&cx).await? {
            Some(found) => found,
            None => asked.ok_or_else(|| {
                Error::usage("the nodes of the cluster do not tell where it runs")
                    .hint("say which provider is the nearest to it: --provider")
            })?,
        };
        settings.answer_provider(id);
        let place = match early {
            Some(place) if place.id == id => place,
            _ => app.place(id).await?,
        };
        if place.rehearsal.is_some() {
            refuse_real(&place, &connection).await?;
        }
        let mut flags = String::new();
        for (flag, value) in [
            ("kubeconfig", path.map(|path| path.display().to_string())),
            ("context", self.context.clone()),
        ] {
            if let Some(value) = value {
                flags.push_str(&format!(" --{flag} {value}"));
            }
        }
        Ok(Target {
            settings,
            provider: id,
            place: Some(place),
            connection,
            flags,
        })
    }
}

/// Refuses a cluster that is not one of the rehearsal's.
async fn refuse_real(place: &Place, connection: &Connection) -> Result<()> {
    for found in place.provider.discover(&place.cx, Scope::all()).await? {
        let access = place
            .provider
            .kubeconfig(&place.cx, &found.resource.cluster)
            .await;
        if access.is_ok_and(|access| Some(&*access.server) == connection.server()) {
            return Ok(());
        }
    }
    Err(Error::message(
        Kind::Refused,
        format!(
            "{} is no cluster of this rehearsal",
            connection.server().unwrap_or("the kubeconfig's server")
        ),
    )
    .hint("leave --rehearse out to work on a real cluster"))
}

/// Returns a cluster's name that is made from a context's.
fn name_of(context: &str) -> String {
    // Windlass's own contexts are called so.
    let context = context.strip_prefix("windlass-").unwrap_or(context);
    let mut name = String::new();
    for c in context.to_ascii_lowercase().chars() {
        if c.is_ascii_alphanumeric() {
            name.push(c);
        } else if !name.is_empty() && !name.ends_with('-') {
            name.push('-');
        }
    }
    let name = name.trim_start_matches(|c: char| !c.is_ascii_lowercase());
    // The end of a long one (an ARN) tells more than its beginning.
    let short = &name[name.len().saturating_sub(40)..];
    let short = short
        .trim_start_matches(|c: char| !c.is_ascii_lowercase())
        .trim_end_matches('-');
    if short.is_empty() {
        "given".to_owned()
    } else {
        short.to_owned()
    }
}

/// What is wanted of a component.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Component")]
pub(super) struct ValueFlags {
    /// Its version [default: windlass.toml's, or the one that windlass pins]
    #[arg(long, value_name = "VERSION", value_parser = version)]
    pub(super) version: Option<String>,
    /// A YAML file of values for its chart, laid over windlass.toml's; - is standard input; several: the later ones win
    #[arg(long, short = 'f', value_name = "FILE", value_hint = ValueHint::FilePath)]
    values: Vec<PathBuf>,
    /// A value, as Helm takes it: a.b=c, list[0]=x, list={x,y}, key=null to remove it; a\.b for a dot in a name
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// The same, and the value stays a string
    #[arg(long, value_name = "KEY=VALUE")]
    set_string: Vec<String>,
    /// A secret value, by the variable of the environment that holds it; it is written nowhere but into the cluster
    #[arg(long, value_name = "KEY=VARIABLE", value_parser = secret)]
    set_secret: Vec<(String, String)>,
}

fn secret(text: &str) -> std::result::Result<(String, String), String> {
    let (path, name) = text
        .rsplit_once('=')
        .ok_or_else(|| "write the value's name, =, and the name of a variable".to_owned())?;
    Ok((value_path(path)?, variable(name)?))
}

impl ValueFlags {
    /// Returns whether anything is asked for.
    pub(super) fn any(&self) -> bool {
        self.version.is_some() || self.any_value()
    }

    /// Returns where the version is said; `command` is what was typed without it, `others`: with other flags.
    pub(super) fn says(&self, command: &str, components: &[String], others: bool) -> Says {
        match self.version {
            None => Says::File,
            Some(_) => Says::Flag {
                command: format!("{command} {}", components.join(" ")),
                others: others || self.any_value(),
            },
        }
    }

    fn any_value(&self) -> bool {
        !self.values.is_empty()
            || !self.set.is_empty()
            || !self.set_string.is_empty()
            || !self.set_secret.is_empty()
    }

    /// Lays the flags over what windlass.toml says of a component.
    pub(super) fn lay_over(&self, spec: &mut ComponentSpec) -> Result<()> {
        if let Some(version) = &self.version {
            spec.version = Some(version.clone());
        }
        let mut values = Value::Object(std::mem::take(&mut spec.values));
        for path in &self.values {
            merge(&mut values, &Value::Object(read_values(path)?));
        }
        let Value::Object(mut values) = values else {
            return Err(Error::message(Kind::Bug, "values that are no map"));
        };
        for (flag, texts, typing) in [
            ("--set", &self.set, Typing::Typed),
            ("--set-string", &self.set_string, Typing::Text),
        ] {
            for text in texts {
                assign(&mut values, text, typing).map_err(|error| {
                    // What was typed may hold a secret.
                    let key = text.split('=').next().unwrap_or_default();
                    Error::new(
                        Kind::Usage,
                        anyhow!(error).context(format!("cannot read {flag} {key}=…")),
                    )
                    .hint("put a backslash before a dot, comma or equals sign that belongs to a name or value")
                })?;
            }
        }
        spec.values = values;
        spec.secrets.extend(self.set_secret.iter().cloned());
        Ok(())
    }
}

/// Reads a file of values: YAML, one mapping.
fn read_values(path: &Path) -> Result<Map<String, Value>> {
    let shown = if path == Path::new("-") {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    };
    let refused = |why: anyhow::Error| {
        Error::new(
            Kind::Usage,
            why.context(format!("cannot use the values in {shown}")),
        )
    };
    let text = if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin()
            .read_to_string(&mut text)
            .context("cannot read it")
            .map_err(refused)?;
        text
    } else {
        let bytes = atomic::read(path)?.ok_or_else(|| refused(anyhow!("there is no such file")))?;
        String::from_utf8(bytes).map_err(|_| refused(anyhow!("it is not UTF-8")))?
    };
    let options = serde_saphyr::options! { with_snippet: false };
    let value: Option<Value> = serde_saphyr::from_str_with_options(&text, options)
        .map_err(|error| refused(anyhow!("{error}")))?;
    match value {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(values)) => Ok(values),
        Some(_) => Err(refused(anyhow!("it is no mapping of names to values"))),
    }
}

/// Returns what the user says of a component: windlass.toml's, or nothing yet.
pub(super) fn said_of(component: &Component, said: &[ComponentSpec]) -> ComponentSpec {
    said.iter()
        .find(|spec| spec.name == component.name)
        .cloned()
        .unwrap_or_else(|| ComponentSpec {
            name: component.name.clone(),
            enabled: None,
            version: None,
            namespace: None,
            values: Map::new(),
            secrets: Default::default(),
            options: Map::new(),
        })
}

/// Checks that the user's values have the types that windlass's own have.
///
/// # Errors
/// Those that have not, each with its field.
pub(super) fn check_types<'a>(
    components: impl IntoIterator<Item = (&'a Component, Option<&'a ComponentSpec>)>,
    provider: ProviderId,
) -> Result<()> {
    let mut wrong = Vec::new();
    for (component, wanted) in components {
        let Some(wanted) = wanted else { continue };
        let users = Value::Object(wanted.values.clone());
        for one in component.check_values(provider, &users) {
            wrong.push(format!(
                "components.{}.values.{} is {}: it must be {}",
                component.name, one.path, one.found, one.wanted
            ));
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(Error::usage(wrong.join("; "))
        .hint("a number that is to be a string: --set-string, or quotes in a file"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_gives_its_cluster_a_name() {
        for (context, name) in [
            ("kind-dot", "kind-dot"),
            ("windlass-dot", "dot"),
            ("Staging_EU", "staging-eu"),
            ("user@host.example:6443", "user-host-example-6443"),
            (
                "arn:aws:eks:eu-central-1:123456789012:cluster/payments-production",
                "cluster-payments-production",
            ),
            ("12345", "given"),
            ("--", "given"),
        ] {
            assert_eq!(name_of(context), name, "{context}");
            assert!(name_of(context).parse::<ClusterName>().is_ok(), "{context}");
        }
    }
}
