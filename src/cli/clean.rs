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
    app.say_rehearsal();
    let settings = app.settings(flags_at(&app, None)?)?;
    let cluster = &settings.cluster.value;
    let workdir = app.workdir();
    let state = workdir.cluster(cluster);
    let question = format!(
        "Remove the files of cluster {cluster} from {}? The cluster itself stays.",
        workdir.root().display()
    );
    if !app.confirm(&question, args.yes).await? {
        return Err(Error::message(Kind::Refused, "nothing was removed"));
    }
    let mut removed = Vec::new();
    if state.is_dir() {
        // A run that is under way keeps its files.
        let _lock = RunLock::take(&state, "clean", &*app.clock())?;
        workdir.forget(cluster)?;
        removed.push(state.display().to_string());
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
    // The last file may have gone just now, and with it the need for the folder of rehearsals.
    workdir.forget(cluster)?;
    if removed.is_empty() {
        app.output()
            .note(&format!("there are no files of cluster {cluster}"));
    }
    for what in removed {
        app.output().note(&format!("removed {what}"));
    }
    Ok(())
}
