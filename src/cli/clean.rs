//! `windlass clean`: removes windlass's own files.

use clap::Args;
use windlass_provider::{Change, Ctx};

use super::{App, cluster_flags::flags_at};
use crate::{
    engine::RunLock,
    error::{Error, Kind, Result},
    steps,
};

/// Remove windlass's own files from this folder: the kubeconfig, its block in .env and the record of its runs.
///
/// The cluster stays, if there is one: `windlass destroy` finds it without these files.
#[derive(Debug, Args)]
pub(super) struct CleanArgs {
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

pub(super) async fn run(args: CleanArgs, app: App) -> Result<()> {
    let settings = app.settings(flags_at(&app, None)?)?;
    let cluster = &settings.cluster.value;
    let workdir = app.workdir();
    let state = workdir.cluster(cluster);
    let question = format!(
        "Remove the files of cluster {cluster} from {}? The cluster itself stays.",
        workdir.root().display()
    );
    if !app.confirm(&question, args.yes)? {
        return Err(Error::message(Kind::Refused, "nothing was removed"));
    }
    let mut removed = Vec::new();
    if state.is_dir() {
        // A run that is under way keeps its files.
        drop(RunLock::take(&state, "clean", &*app.clock())?);
        std::fs::remove_dir_all(&state).map_err(|error| {
            Error::new(
                Kind::Refused,
                anyhow::Error::new(error).context(format!("cannot remove {}", state.display())),
            )
        })?;
        removed.push(state.display().to_string());
        // Where it was the last: a folder that is not empty stays.
        let _ = std::fs::remove_dir(workdir.state());
    }
    let kubeconfig = workdir.kubeconfig(cluster);
    let had_kubeconfig = kubeconfig.exists();
    let cx = Ctx::new(app.clock());
    if steps::remove_access(&cx, &workdir, cluster).await? == Change::Removed {
        if had_kubeconfig {
            removed.push(kubeconfig.display().to_string());
        }
        removed.push(format!(
            "the block of {cluster} in {}",
            workdir.dot_env().display()
        ));
    }
    if workdir.is_rehearsal() {
        let _ = std::fs::remove_dir(workdir.root());
    }
    if removed.is_empty() {
        app.output()
            .note(&format!("there are no files of cluster {cluster}"));
    }
    for what in removed {
        app.output().note(&format!("removed {what}"));
    }
    Ok(())
}
