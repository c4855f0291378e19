//! Parses, runs and exits.

use std::{panic::AssertUnwindSafe, process::ExitCode, sync::Arc};

use clap::Parser;
use tokio::runtime::Runtime;
use windlass::{
    cli::{Cli, Global, Signals},
    error::{Error, Kind},
    output::Output,
    redact::Redactor,
};

fn main() -> ExitCode {
    if windlass::cli::complete() {
        return ExitCode::SUCCESS;
    }
    // First of all, so that an interruption is never the system's to deal with.
    let begun = begin();
    let (words, told) = match windlass::cli::modernise(std::env::args_os().collect()) {
        Ok(line) => line,
        Err(error) => {
            plain_output().show_error(&error);
            return ExitCode::from(error.kind.exit_code());
        }
    };
    let parsed = Cli::try_parse_from(words);
    if let (Some(told), Err(_)) = (&told, &parsed) {
        plain_output().note(told);
    }
    let cli = parsed.unwrap_or_else(|error| error.exit());
    // Fails only where another provider was installed before: there is none.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let redactor = Arc::new(Redactor::new());
    redactor.learn_environment(
        std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        }),
    );
    let output = cli.global.output(redactor.clone());
    if let Some(told) = &told {
        output.note(told);
    }
    let (runtime, signals) = match begun {
        Ok(begun) => begun,
        Err(error) => {
            output.show_error(&error);
            return ExitCode::from(error.kind.exit_code());
        }
    };
    let told = output.clone();
    std::panic::set_hook(Box::new(move |panic| {
        told.note(&format!("a bug of windlass, please report it: {panic}"));
    }));
    let run = AssertUnwindSafe(|| runtime.block_on(cli.run(output.clone(), redactor, signals)));
    let ended = std::panic::catch_unwind(run);
    // A question that nobody answers any more must not be waited for.
    runtime.shutdown_background();
    match ended {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => {
            output.show_error(&error);
            ExitCode::from(error.kind.exit_code())
        }
        Err(_) => ExitCode::from(Kind::Bug.exit_code()),
    }
}

/// Returns an output for what is said before the command line is understood.
fn plain_output() -> Output {
    Global::default().output(Arc::new(Redactor::new()))
}

/// Starts the runtime, and with it listening for signals.
fn begin() -> Result<(Runtime, Signals), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::message(Kind::Refused, format!("cannot start: {error}")))?;
    let signals = {
        let _runtime = runtime.enter();
        Signals::listen()?
    };
    Ok((runtime, signals))
}
