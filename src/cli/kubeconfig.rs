//! `windlass kubeconfig`: writes the cluster's kubeconfig, or merges it into another.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{
    App,
    account::{self, AccountArgs},
    app::Place,
    cluster_flags::flags_at,
    ended::check_file,
};
use crate::{error::Result, steps};

/// Write the cluster's kubeconfig and its variables in .env, and print its path.
#[derive(Debug, Args)]
pub(super) struct KubeconfigArgs {
    /// Merge it into your own kubeconfig too: KUBECONFIG's first file, or ~/.kube/config
    #[arg(long, group = "target")]
    merge: bool,
    /// Write it into this file and nothing else; what is in the file already stays. Destroy does not know of it
    #[arg(long, value_name = "FILE", group = "target", value_hint = clap::ValueHint::FilePath)]
    destination: Option<PathBuf>,
    /// Make the cluster the current context there
    #[arg(long, requires = "target")]
    set_current: bool,
    #[command(flatten)]
    account: AccountArgs,
}

pub(super) async fn run(args: KubeconfigArgs, app: App) -> Result<()> {
    if let Some(path) = &args.destination {
        check_file("--destination", path)?;
    }
    app.say_rehearsal();
    let settings = app.settings(flags_at(&app, None)?)?;
    let provider = app.provider_of(&settings)?;
    let place = app.place(provider).await?;
    let cluster = &settings.cluster.value;
    if let Some(name) = &args.account.service_account {
        let account = (name.as_str(), &args.account);
        let target = (args.destination.clone(), args.set_current);
        return match account::run(&app, &place, cluster, account, target).await? {
            Some(path) => show(&app, &path),
            None => Ok(()),
        };
    }
    let access = place.provider.kubeconfig(&place.cx, cluster).await?;
    let exec = place.exec(cluster)?;
    if let Some(path) = &args.destination {
        let current = args.set_current || !path.exists();
        steps::merge_into(&place.cx, path, cluster, &access, &exec, current).await?;
        return show(&app, path);
    }
    place.workdir.prepare()?;
    steps::write_access(&place.workdir, cluster, provider, &access, &exec)?;
    let path = if args.merge {
        let Place { cx, workdir, .. } = &place;
        steps::merge_access(cx, workdir, cluster, &access, &exec, args.set_current).await?
    } else {
        place.workdir.kubeconfig(cluster)
    };
    show(&app, &path)
}

fn show(app: &App, path: &Path) -> Result<()> {
    let shown = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    app.output()
        .streams()
        .data(&format!("{}\n", shown.display()))
}
