//! `windlass kubeconfig --service-account`: access for others, which ends by itself.

use std::{path::PathBuf, time::Duration};

use clap::Args;

use super::{App, app::Place};
use crate::{
    error::{Error, Kind, Result},
    output::quote,
    settings::{format_duration, parse_duration, suggest},
    steps::{Accounts, Grant, Granted, Role},
};

/// The API grants no token for less: <https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/>
const SHORTEST: Duration = Duration::from_secs(600);
/// What lasts longer is lost before it ends: a renewal is one command.
const LONGEST: Duration = Duration::from_hours(24);

/// Access for others.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Access for others")]
pub(super) struct AccountArgs {
    /// Write a kubeconfig for this service account instead, with a token that ends by itself; it is made where it is missing
    #[arg(long, value_name = "NAME", value_parser = subdomain, conflicts_with = "merge")]
    pub(super) service_account: Option<String>,
    /// The one namespace that it may use, and lives in [default: the whole cluster, from windlass-system]
    #[arg(long, value_name = "NAMESPACE", value_parser = label, requires = "service_account")]
    namespace: Option<String>,
    /// What it may do: a Role of the namespace or a ClusterRole, such as view or edit
    #[arg(long, value_name = "ROLE", requires = "service_account")]
    role: Option<String>,
    /// How long the token lasts, from 10m to 24h; the cluster may grant less
    #[arg(long = "for", value_name = "DURATION", default_value = "8h", value_parser = lasting, requires = "service_account")]
    lasts: Duration,
    /// Take all away that windlass gave to the service account: its tokens end at once
    #[arg(long, requires = "service_account", conflicts_with_all = ["role", "lasts", "destination", "set_current"])]
    revoke: bool,
}

fn lasting(text: &str) -> std::result::Result<Duration, String> {
    let duration = parse_duration(text)?;
    if (SHORTEST..=LONGEST).contains(&duration) {
        Ok(duration)
    } else {
        Err(format!("\"{text}\" is not allowed: from 10m to 24h"))
    }
}

fn label(text: &str) -> std::result::Result<String, String> {
    match text.contains('.') {
        false => subdomain(text),
        true => Err("a namespace has no dot in its name".to_owned()),
    }
}

/// Reads a name as RFC 1123 has it, which Kubernetes wants for service accounts.
fn subdomain(text: &str) -> std::result::Result<String, String> {
    let is_word = |word: &str| {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        word.bytes().all(|byte| allowed(byte) || byte == b'-')
            && word.bytes().next().is_some_and(allowed)
            && word.bytes().last().is_some_and(allowed)
            && word.len() <= 63
    };
    if text.len() <= 253 && text.split('.').all(is_word) {
        Ok(text.to_owned())
    } else {
        Err("allowed are lower-case letters, digits and hyphens, beginning and ending with a letter or digit".to_owned())
    }
}

/// Gives a service account access, or takes it away.
pub(super) async fn run(
    app: &App,
    place: &Place,
    cluster: &windlass_provider::ClusterName,
    (name, args): (&str, &AccountArgs),
    (destination, set_current): (Option<PathBuf>, bool),
) -> Result<Option<PathBuf>> {
    let missing = |flag: &str| {
        Error::usage(format!("--service-account {name} needs {flag}")).hint(format!(
            "windlass kubeconfig --service-account {name} --role view --destination {name}.yaml"
        ))
    };
    let namespace = args.namespace.as_deref();
    if args.revoke {
        let accounts = Accounts::open(&place.cx, &*place.provider, cluster).await?;
        revoke(app, place, &accounts, name, namespace).await?;
        return Ok(None);
    }
    let role = args.role.as_deref().ok_or_else(|| missing("--role ROLE"))?;
    let path = destination.ok_or_else(|| missing("--destination FILE"))?;
    let accounts = Accounts::open(&place.cx, &*place.provider, cluster).await?;
    if let Some(namespace) = namespace {
        let known = accounts.namespaces(&place.cx).await?;
        if !known.iter().any(|known| known == namespace) {
            return Err(unknown("namespace", namespace, cluster, &known)
                .hint(format!("or make it: kubectl create namespace {namespace}")));
        }
    }
    let Some(role) = accounts.role(&place.cx, namespace, role).await? else {
        let known = accounts.roles(&place.cx, namespace).await?;
        return Err(unknown("role", role, cluster, &known).hint(
            "roles that every cluster has: view, edit, admin; all of them: kubectl get clusterroles",
        ));
    };
    let grant = Grant {
        name,
        namespace,
        role: &role,
        lasts: args.lasts,
        path: &path,
        make_current: set_current || !path.exists(),
    };
    if role.everything {
        let whole = namespace.map_or_else(
            || format!("the whole cluster {cluster}"),
            |namespace| format!("namespace {namespace}"),
        );
        app.warn(
            &format!("{} lets {name} do anything in {whole}", role.name),
            &[],
        );
    }
    let granted = accounts.grant(&place.cx, &grant).await?;
    tell(app, &grant, &granted);
    Ok(Some(path))
}

fn tell(app: &App, grant: &Grant<'_>, granted: &Granted) {
    let Grant {
        name,
        role: Role {
            kind, name: role, ..
        },
        ..
    } = *grant;
    let (place_of, flag) = match grant.namespace {
        Some(namespace) => (
            format!("namespace {namespace}"),
            format!(" --namespace {namespace}"),
        ),
        None => ("the whole cluster".to_owned(), String::new()),
    };
    let output = app.output();
    let home = &granted.home;
    output.note(&format!(
        "service account {home}/{name} has {kind} {role} in {place_of}"
    ));
    if granted.foreign {
        output.note("  somebody else made the account: whatever it may do besides, it still may, and a revocation leaves it there");
    }
    for other in &granted.others {
        output.note(&format!("  windlass gave it more before: {other}"));
    }
    let left = granted.left;
    let short = match left + Duration::from_secs(60) < grant.lasts {
        true => ", which is all that the cluster grants",
        false => "",
    };
    // In whole minutes: asking took a moment.
    let minutes = Duration::from_secs((left.as_secs() + 30) / 60 * 60);
    output.note(&format!(
        "  its token ends {:.0}, in {}{short}",
        granted.expires,
        format_duration(minutes)
    ));
    let path = quote(&grant.path.to_string_lossy());
    let lasts = format_duration(grant.lasts);
    let cluster = app.cluster_flag();
    output.note(&format!(
        "  renew: windlass kubeconfig{cluster} --service-account {name}{flag} --role {role} --for {lasts} --destination {path}"
    ));
    output.note(&format!(
        "  revoke: windlass kubeconfig{cluster} --service-account {name}{flag} --revoke"
    ));
}

async fn revoke(
    app: &App,
    place: &Place,
    accounts: &Accounts,
    name: &str,
    namespace: Option<&str>,
) -> Result<()> {
    let all = accounts.granted(&place.cx).await?;
    let homes: Vec<&str> = all
        .iter()
        .filter(|(home, known)| known == name && namespace.is_none_or(|wanted| wanted == home))
        .map(|(home, _)| home.as_str())
        .collect();
    let home = match homes[..] {
        [home] => home,
        [] => {
            let listed: Vec<String> = all
                .iter()
                .map(|(home, name)| format!("{home}/{name}"))
                .collect();
            let error = Error::message(
                Kind::Refused,
                format!("windlass gave no access to a service account {name}"),
            );
            return Err(match listed.is_empty() {
                true => error.hint("it gave access to none"),
                false => error.hint(format!("it gave access to: {}", listed.join(", "))),
            });
        }
        _ => {
            return Err(Error::usage(format!(
                "there are service accounts {name} in {}",
                homes.join(", ")
            ))
            .hint("say which: --namespace NAMESPACE"));
        }
    };
    let removed = accounts.revoke(&place.cx, home, name).await?;
    let account = format!("ServiceAccount {home}/{name}");
    for what in &removed {
        app.output().note(&format!("removed {what}"));
    }
    if removed.contains(&account) {
        app.output()
            .note("its tokens are no longer taken; kubeconfigs with them can be deleted");
    } else {
        app.output().note(&format!(
            "{account} is not windlass's own: its tokens are taken until they end, without that role"
        ));
    }
    Ok(())
}

fn unknown(
    what: &str,
    name: &str,
    cluster: &windlass_provider::ClusterName,
    known: &[String],
) -> Error {
    let error = Error::message(
        Kind::Refused,
        format!("cluster {cluster} has no {what} {name}"),
    );
    match suggest(name, known.iter().map(String::as_str)) {
        Some(near) => error.hint(format!("did you mean {near}?")),
        None => error,
    }
}
