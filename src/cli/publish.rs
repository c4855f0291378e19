//! `windlass crossplane publish`: builds a package of Crossplane, and pushes it.

use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use windlass_provider::{Ctx, Fault, Progress};

use super::{App, cluster_flags::flags_at};
use crate::{
    error::{Error, Kind, Result},
    steps::{Login, Publication},
};

/// The manifest that names the package, where no other is given.
const MANIFEST: &str = "config.yaml";

/// Build a package of Crossplane and push it to a registry, by the programs kcl and crossplane.
///
/// Each of the sources makes a file of the package: kcl/compositions.k makes package/compositions.yaml. Then the package is built and
/// pushed, and the Configuration in config.yaml, where there is one, names the new version. The registry is told who you are by
/// docker's own configuration (docker login), or by --username with the token in UP_TOKEN.
#[derive(Debug, Args)]
pub(super) struct PublishArgs {
    /// The package, which becomes dot-PACKAGE at the registry
    package: String,
    /// The files in kcl/ that are made into files of the package, without .k
    #[arg(long, value_name = "NAME,…", default_value = "compositions")]
    sources: String,
    /// The version, as in v1.0.0 [default: the variable VERSION]
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// The account at xpkg.upbound.io [default: the variable UP_ACCOUNT]
    #[arg(long, value_name = "ACCOUNT", conflicts_with = "repository")]
    account: Option<String>,
    /// Where it goes instead of xpkg.upbound.io/ACCOUNT/dot-PACKAGE
    #[arg(long, value_name = "HOST/PATH")]
    repository: Option<String>,
    /// Whose token is in the variable UP_TOKEN, to the registry: the access id of a robot, or a user
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// The folder of the package
    #[arg(long, value_name = "DIR", default_value = "package", value_hint = ValueHint::DirPath)]
    package_root: PathBuf,
    /// The manifest whose spec.package becomes the new version; '': none [default: config.yaml, where there is one]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    update: Option<String>,
    /// Check everything and say what would be run, and do nothing
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn run(args: PublishArgs, app: App) -> Result<()> {
    app.say_rehearsal();
    let publication = publication(&args, &app)?;
    let path = std::env::var_os("PATH").unwrap_or_default();
    // Registries and programs of this machine are real: a rehearsal does without them.
    if args.dry_run || app.global().rehearse {
        let checked = publication.prepare(&path);
        if !(app.global().rehearse && is_for_want_of_programs(&checked)) {
            checked.map_err(wrong)?;
        }
        app.output().note("nothing is run; this would be:");
        let lines = publication.lines();
        return app.output().show(&lines, || lines.join("\n") + "\n");
    }
    let programs = publication.prepare(&path).map_err(wrong)?;
    let output = app.output().clone();
    let cx = Ctx {
        progress: Progress::new(move |said| output.note(said)),
        trace: app.trace().clone(),
        ..Ctx::new(app.clock())
    };
    let published = publication.publish(&cx, &programs).await;
    let published = published.map_err(|error| match error.fault {
        // Files were made, and perhaps more.
        Fault::Failed => Error {
            kind: Kind::Stopped,
            ..Error::from(error)
        },
        _ => error.into(),
    })?;
    app.output().show(&published, || {
        let mut text = format!("published {}\n", published.reference);
        if let Some(path) = &published.updated {
            text.push_str(&format!(
                "{} names it now: kubectl apply --filename {0}\n",
                path.display()
            ));
        }
        text
    })
}

fn is_for_want_of_programs<T>(checked: &windlass_provider::Result<T>) -> bool {
    matches!(checked, Err(error) if error.fault == Fault::Unavailable)
}

/// Returns the error of a mistake, told before anything was done.
fn wrong(error: windlass_provider::Error) -> Error {
    let kind = match error.fault {
        Fault::Invalid => Kind::Usage,
        _ => Kind::Refused,
    };
    Error {
        kind,
        ..Error::from(error)
    }
}

/// Returns what the flags and the variables ask for.
fn publication(args: &PublishArgs, app: &App) -> Result<Publication> {
    let settings = app.settings(flags_at(app, None)?)?;
    let variable = |name: &str| {
        settings
            .variables
            .get(name)
            .map(|(value, _)| value.to_owned())
    };
    let name = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|c| c.is_ascii_alphanumeric() || b"_-".contains(&c))
    };
    // The scripts took a list of Nushell's: [a b].
    let between = |c: char| c.is_whitespace() || matches!(c, '[' | ',' | ']');
    let sources = args.sources.split(between).filter(|it| !it.is_empty());
    let sources: Vec<String> = sources.map(str::to_owned).collect();
    for (what, text) in
        std::iter::once(("package", &args.package)).chain(sources.iter().map(|it| ("source", it)))
    {
        if !name(text) {
            return Err(Error::usage(format!(
                "\"{text}\" is no name of a {what}: letters, digits, _ and -"
            )));
        }
    }
    let version = args
        .version
        .clone()
        .or_else(|| variable("VERSION"))
        .ok_or_else(|| {
            Error::usage("no version is given")
                .hint("say which: --version v1.0.0, or VERSION=v1.0.0")
        })?;
    let repository = match (
        &args.repository,
        args.account.clone().or_else(|| variable("UP_ACCOUNT")),
    ) {
        (Some(repository), _) => repository.clone(),
        (None, Some(account)) => format!("xpkg.upbound.io/{account}/dot-{}", args.package),
        (None, None) => {
            return Err(Error::usage("it is not said where the package goes")
                .hint("name the account at xpkg.upbound.io: --account acme, or UP_ACCOUNT=acme")
                .hint("or another registry: --repository ghcr.io/acme/dot-sql"));
        }
    };
    let token = variable("UP_TOKEN");
    if let Some(token) = &token {
        app.redactor().learn(token);
    }
    let login = match (args.username.clone(), token) {
        (Some(user), Some(token)) => Some(Login { user, token }),
        (Some(_), None) => {
            return Err(Error::usage("--username is given, and no token").hint(
                "export UP_TOKEN, or put it into .env; or log in with docker, without --username",
            ));
        }
        (None, Some(_)) => {
            app.warn(
                "UP_TOKEN is not used: the crossplane program of today has no login of its own",
                &["say whose it is: --username; or log in with docker".to_owned()],
            );
            None
        }
        (None, None) => None,
    };
    let update = match args.update.as_deref() {
        Some("") => None,
        Some(path) => Some(PathBuf::from(path)),
        None => Some(PathBuf::from(MANIFEST)).filter(|path| Path::is_file(path)),
    };
    Ok(Publication {
        package: args.package.clone(),
        sources,
        root: args.package_root.clone(),
        reference: format!("{repository}:{version}"),
        update,
        login,
    })
}
