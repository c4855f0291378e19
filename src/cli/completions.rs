//! `windlass completions`: prints a completion script.

use clap::Args;
use clap_complete::Shell;

use super::App;
use crate::error::Result;

/// Print a completion script for a shell.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  bash   windlass completions bash > /etc/bash_completion.d/windlass
  zsh    windlass completions zsh > \"${fpath[1]}/_windlass\"
  fish   windlass completions fish > ~/.config/fish/completions/windlass.fish")]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

pub(super) fn run(args: CompletionsArgs, app: App) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::command(), "windlass", &mut script);
    let script = String::from_utf8(script).map_err(anyhow::Error::from)?;
    app.output().streams().data(&script)
}
