//! `windlass man`: prints the manual.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Command};
use clap_mangen::Man;

use super::App;
use crate::{
    error::Result,
    files::{Mode, atomic},
};

/// Print the manual page, or write one for each command.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  windlass man | man -l -
  windlass man --dir ~/.local/share/man/man1")]
pub(super) struct ManArgs {
    /// Write a page for each command into this folder, and print their paths
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    dir: Option<PathBuf>,
}

pub(super) fn run(args: ManArgs, app: App) -> Result<()> {
    let mut command = super::command();
    command.build();
    let Some(folder) = args.dir else {
        let page = String::from_utf8(render(command)?.1).map_err(anyhow::Error::from)?;
        return app.output().streams().data(&page);
    };
    atomic::create_folder(&folder)?;
    let mut written = String::new();
    let mut commands = vec![command];
    while let Some(command) = commands.pop() {
        commands.extend(
            command
                .get_subcommands()
                .filter(|inner| !inner.is_hide_set())
                .cloned(),
        );
        let (name, page) = render(command)?;
        let path = folder.join(name);
        atomic::write(&path, Mode::Shared, &page)?;
        written.push_str(&format!("{}\n", path.display()));
    }
    app.output().streams().data(&written)
}

/// Returns the page of a command, and the name of its file.
fn render(command: Command) -> Result<(String, Vec<u8>)> {
    let man = Man::new(command);
    let mut page = Vec::new();
    man.render(&mut page)
        .context("cannot write a manual page")?;
    Ok((man.get_filename(), page))
}
