//! `windlass completions`: prints a completion script.

use clap::{Args, ValueEnum};
use clap_complete::{Generator, Shell, generate};
use clap_complete_nushell::Nushell;

use super::App;
use crate::error::Result;

/// Print a completion script for a shell.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  bash   windlass completions bash > /etc/bash_completion.d/windlass
  zsh    windlass completions zsh > \"${fpath[1]}/_windlass\"
  fish   windlass completions fish > ~/.config/fish/completions/windlass.fish
  nu     windlass completions nushell | save ($nu.default-config-dir | path join autoload windlass.nu)")]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: Dialect,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Dialect {
    Bash,
    Elvish,
    Fish,
    Nushell,
    #[value(name = "powershell")]
    PowerShell,
    Zsh,
}

pub(super) fn run(args: CompletionsArgs, app: App) -> Result<()> {
    let script = match args.shell {
        Dialect::Bash => write(Shell::Bash),
        Dialect::Elvish => write(Shell::Elvish),
        Dialect::Fish => write(Shell::Fish),
        Dialect::Nushell => write(Nushell),
        Dialect::PowerShell => write(Shell::PowerShell),
        Dialect::Zsh => write(Shell::Zsh),
    };
    let script = String::from_utf8(script).map_err(anyhow::Error::from)?;
    app.output().streams().data(&script)
}

fn write(shell: impl Generator) -> Vec<u8> {
    let mut script = Vec::new();
    generate(shell, &mut super::command(), "windlass", &mut script);
    script
}
