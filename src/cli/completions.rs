//! `windlass completions`: prints a completion script.

use clap::{Args, ValueEnum};
use clap_complete::{
    CompleteEnv, Generator, Shell,
    env::{Bash, Elvish, EnvCompleter, Fish, Shells, Zsh},
    generate,
};
use clap_complete_nushell::Nushell;

use super::App;
use crate::error::Result;

/// The variable by which a shell's script asks this binary for completions.
const VARIABLE: &str = "WINDLASS_COMPLETE";
/// The shells that ask this binary. PowerShell is none of them: what clap_complete has it do evaluates the line that is being
/// typed, command substitutions and all. Nushell's scripts can only be complete in themselves.
const ASKING: Shells<'static> = Shells(&[&Bash, &Elvish, &Fish, &Zsh]);

/// Print a completion script for a shell.
///
/// In bash, zsh, fish and elvish it knows the clusters and environments of this folder and the components, too: it asks windlass.
/// Print it anew after an upgrade.
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
        Dialect::Bash => register(&Bash)?,
        Dialect::Elvish => register(&Elvish)?,
        Dialect::Fish => register(&Fish)?,
        Dialect::Nushell => write(Nushell),
        Dialect::PowerShell => write(Shell::PowerShell),
        Dialect::Zsh => register(&Zsh)?,
    };
    let script = String::from_utf8(script).map_err(anyhow::Error::from)?;
    app.output().streams().data(&script)
}

/// Answers a shell that asks; returns whether one did. What goes wrong is not told: it would stand in the line that is typed.
pub(super) fn complete() -> bool {
    if std::env::var_os(VARIABLE).is_none_or(|shell| shell.is_empty()) {
        return false;
    }
    let here = std::env::current_dir().ok();
    let _ = CompleteEnv::with_factory(super::command)
        .var(VARIABLE)
        .shells(ASKING)
        .try_complete(std::env::args_os(), here.as_deref());
    true
}

/// Returns a script that asks windlass, wherever PATH leads to it.
fn register(shell: &dyn EnvCompleter) -> Result<Vec<u8>> {
    let mut script = Vec::new();
    shell
        .write_registration(VARIABLE, "windlass", "windlass", "windlass", &mut script)
        .map_err(anyhow::Error::from)?;
    Ok(script)
}

fn write(shell: impl Generator) -> Vec<u8> {
    let mut script = Vec::new();
    generate(shell, &mut super::command(), "windlass", &mut script);
    script
}
