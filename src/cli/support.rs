//! `windlass support`: one text file for a bug report, without secrets.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use serde_json::Value;
use windlass_provider::{ClusterName, Ctx, Scope};

use super::{App, app::Place, cluster_flags::flags_at, config, doctor, status};
use crate::{
    catalog::Catalog,
    engine,
    error::{Error, Kind, Result},
    files::{Mode, atomic},
    settings::Settings,
    spec::{self, Spec},
    steps::{self, Section},
};

/// How many of the last runs are told.
const RUNS: usize = 3;
/// How much of a file or a log is told: its end, in bytes.
const LONGEST: usize = 256 * 1024;
/// How long the cluster and the provider may take to answer.
const ANSWER: Duration = Duration::from_secs(60);

/// Write a text file for a bug report: versions, checks, settings, runs, and how the cluster is.
///
/// It holds no Secret, no token and no value of .env. What it holds is listed; read it before you share it. A cluster that does
/// not answer is no obstacle.
#[derive(Debug, Args)]
pub(super) struct SupportArgs {
    /// The file [default: windlass-support-CLUSTER.txt]; one that is there is left alone
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    destination: Option<PathBuf>,
}

pub(super) async fn run(args: SupportArgs, app: App) -> Result<()> {
    app.say_rehearsal();
    learn_dot_env(&app);
    let mut sections = vec![about(&app)];
    let cluster = gather(&app, &mut sections).await;
    let path = args.destination.unwrap_or_else(|| {
        let cluster = cluster.as_ref().map_or("dot", ClusterName::as_str);
        PathBuf::from(format!("windlass-support-{cluster}.txt"))
    });
    let text = write(&app, &sections);
    if !atomic::create(&path, Mode::Private, text.as_bytes())? {
        return Err(Error::message(
            Kind::Refused,
            format!("{} is there already", path.display()),
        )
        .hint("move it away, or name another file: --destination FILE"));
    }
    let output = app.output();
    output.note("in it, without secrets:");
    for section in &sections {
        match &section.text {
            Ok(_) => output.note(&format!("  {}", section.title)),
            Err(why) => output.note(&format!("  {}: missing, {why}", section.title)),
        }
    }
    output.note("read it before you share it");
    let shown = std::path::absolute(&path).unwrap_or(path);
    output.streams().data(&format!("{}\n", shown.display()))
}

/// Gathers all that needs settings; what cannot be had is told in its place. Returns the cluster's name, as far as it is known.
async fn gather(app: &App, sections: &mut Vec<Section>) -> Option<ClusterName> {
    let resolved = flags_at(app, None).and_then(|flags| app.settings(flags));
    let settings = match resolved {
        Ok(settings) => settings,
        Err(error) => {
            sections.push(missing("settings", &error));
            let named = app.global().cluster.as_deref().unwrap_or("dot");
            let cluster = named.parse().ok();
            if let Some(cluster) = &cluster {
                sections.extend(files(app, cluster));
            }
            return cluster;
        }
    };
    for secret in settings.secrets() {
        app.redactor().learn(secret);
    }
    let cluster = settings.cluster.value.clone();
    let described = describe(app, &settings);
    sections.push(match &described {
        Ok((_, text)) => section("settings", text.clone()),
        Err(error) => missing("settings", error),
    });
    let spec = described.ok().map(|(spec, _)| spec);
    let opened = match app.provider_of(&settings) {
        Ok(id) => app.place(id).await,
        Err(error) => Err(error),
    };
    match opened {
        Ok(place) => look(sections, &place, &cluster, spec.as_ref()).await,
        Err(error) => sections.push(missing("where the cluster runs", &error)),
    }
    sections.extend(files(app, &cluster));
    Some(cluster)
}

async fn look(
    sections: &mut Vec<Section>,
    place: &Place,
    cluster: &ClusterName,
    spec: Option<&Spec>,
) {
    let bounded = || place.cx.within(ANSWER);
    if let Some(spec) = spec {
        let manifest = App::environment().remove("WINDLASS_FLUX_MANIFEST");
        let checks = doctor::check(place, spec, manifest.as_deref()).await;
        sections.push(match checks {
            Ok(checks) => section("doctor", doctor::tabulate(&checks).to_text(None)),
            Err(error) => missing("doctor", &error),
        });
    }
    let found = place
        .provider
        .discover(&bounded(), Scope::of(cluster))
        .await;
    sections.push(match found {
        Ok(found) => {
            let lines = found.iter().map(|item| {
                format!(
                    "{} {}: {:?}, {:?}, {:?} {}\n",
                    item.resource.kind,
                    item.resource.name,
                    item.observed.state,
                    item.observed.owner,
                    item.tags,
                    item.observed.detail.as_deref().unwrap_or_default()
                )
            });
            section("resources", lines.collect::<String>())
        }
        Err(error) => missing("resources", &error.into()),
    });
    sections.push(survey(&bounded(), place, cluster).await);
    sections.extend(steps::inspect(&bounded(), &*place.provider, cluster).await);
}

async fn survey(cx: &Ctx, place: &Place, cluster: &ClusterName) -> Section {
    let catalog = match Catalog::load() {
        Ok(catalog) => catalog,
        Err(error) => return missing("status", &error.into()),
    };
    match steps::survey(cx, &*place.provider, cluster, &catalog).await {
        Ok(Some(survey)) => section("status", status::tabulate(&survey).to_text(None)),
        Ok(None) => Section {
            title: "status".to_owned(),
            text: Err(format!("there is no cluster {cluster} at {}", place.id)),
        },
        Err(error) => missing("status", &error.into()),
    }
}

fn about(app: &App) -> Section {
    let global = app.global();
    let lines = [
        format!("windlass {}", env!("CARGO_PKG_VERSION")),
        format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        format!("written {:.0}", app.clock().now()),
        format!("rehearsal: {}", if global.rehearse { "yes" } else { "no" }),
    ];
    section("about", lines.join("\n"))
}

fn describe(app: &App, settings: &Settings) -> Result<(Spec, String)> {
    let mut answered = settings.clone();
    answered.answer_provider(app.provider_of(settings)?);
    let spec = Spec::new(&answered)?;
    let held = spec::list(settings, &spec);
    let text = config::tabulate(&held, true).to_text(None);
    Ok((spec, text))
}

/// Returns what windlass wrote down: its lock file and its last runs.
fn files(app: &App, cluster: &ClusterName) -> Vec<Section> {
    let workdir = app.workdir();
    let mut sections = Vec::new();
    if let Some(path) = workdir.lock_file() {
        sections.push(file("windlass.lock", &path));
    }
    match engine::list_journals(&workdir.cluster(cluster)) {
        Ok(journals) if journals.is_empty() => sections.push(Section {
            title: "runs".to_owned(),
            text: Err("there are none".to_owned()),
        }),
        Ok(journals) => {
            for path in journals.iter().rev().take(RUNS) {
                let name = path.file_stem().unwrap_or_default().to_string_lossy();
                sections.push(file(&format!("run {name}"), path));
            }
        }
        Err(error) => sections.push(missing("runs", &error)),
    }
    sections
}

fn file(title: &str, path: &Path) -> Section {
    let text = match atomic::read(path) {
        Ok(Some(bytes)) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Ok(None) => Err("there is none".to_owned()),
        Err(error) => Err(format!("{:#}", error.source)),
    };
    Section {
        title: title.to_owned(),
        text,
    }
}

fn section(title: &str, text: impl Into<String>) -> Section {
    Section {
        title: title.to_owned(),
        text: Ok(text.into()),
    }
}

fn missing(title: &str, error: &Error) -> Section {
    Section {
        title: title.to_owned(),
        text: Err(format!("{:#}", error.source)),
    }
}

/// Learns all values of `.env`, whatever they are called and whether or not the file is in order: none may be told. What
/// windlass reads or writes itself is no secret.
fn learn_dot_env(app: &App) {
    let Ok(bytes) = std::fs::read(Path::new(".env")) else {
        return;
    };
    for line in String::from_utf8_lossy(&bytes).lines() {
        let line = line.trim().trim_start_matches("export ").trim_start();
        let (key, value) = line.split_once('=').unwrap_or(("", line));
        let own = ["WINDLASS_", "KUBECONFIG", "PROVIDER"];
        if !line.starts_with('#') && !own.iter().any(|own| key.starts_with(own)) {
            app.redactor().learn(value.trim().trim_matches(['"', '\'']));
        }
    }
}

/// Returns the file's text: a list of what is in it, and each part, without secrets.
fn write(app: &App, sections: &[Section]) -> String {
    let mut text = "A report of windlass for its developers. Secrets have been taken out; read it before you share it.\n\n".to_owned();
    for section in sections {
        let title = &section.title;
        match &section.text {
            Ok(_) => text.push_str(&format!("- {title}\n")),
            Err(_) => text.push_str(&format!("- {title} (missing)\n")),
        }
    }
    for section in sections {
        text.push_str(&format!("\n## {}\n\n", section.title));
        match &section.text {
            Ok(part) if part.trim().is_empty() => text.push_str("nothing\n"),
            Ok(part) => text.push_str(&clean(app, part)),
            Err(why) => text.push_str(&format!("missing: {}\n", clean(app, why).trim_end())),
        }
    }
    text
}

/// Returns the end of a part without its secrets: lines of JSON as such, so that what is told by its key is found, too.
fn clean(app: &App, part: &str) -> String {
    let redactor = app.redactor();
    let mut text = String::new();
    // Lines that are not JSON are looked at together: a secret may go over several.
    let mut plain = String::new();
    for line in part.lines() {
        match serde_json::from_str::<Value>(line) {
            Ok(mut value) if value.is_object() => {
                text.push_str(&redactor.text(&plain));
                plain.clear();
                redactor.value(&mut value);
                text.push_str(&format!("{value}\n"));
            }
            _ => plain.push_str(&format!("{line}\n")),
        }
    }
    text.push_str(&redactor.text(&plain));
    let mut start = text.len().saturating_sub(LONGEST);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    match start {
        0 => text,
        start => format!("(the first {start} bytes are left out)\n{}", &text[start..]),
    }
}
