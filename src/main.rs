//! Parses, runs and exits.

use std::{panic::AssertUnwindSafe, process::ExitCode, sync::Arc};

use clap::Parser;
use windlass::{cli::Cli, error::Kind, redact::Redactor};

fn main() -> ExitCode {
    if windlass::cli::complete() {
        return ExitCode::SUCCESS;
    }
    let cli = Cli::parse();
    // Fails only where another provider was installed before: there is none.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let redactor = Arc::new(Redactor::new());
    redactor.learn_environment(
        std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        }),
    );
    let output = cli.global.output(redactor.clone());
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            output.show_error(&windlass::error::Error::message(
                Kind::Refused,
                format!("cannot start: {error}"),
            ));
            return ExitCode::from(Kind::Refused.exit_code());
        }
    };
    let told = output.clone();
    std::panic::set_hook(Box::new(move |panic| {
        told.note(&format!("a bug of windlass, please report it: {panic}"));
    }));
    let run = AssertUnwindSafe(|| runtime.block_on(cli.run(output.clone(), redactor)));
    match std::panic::catch_unwind(run) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => {
            output.show_error(&error);
            ExitCode::from(error.kind.exit_code())
        }
        Err(_) => ExitCode::from(Kind::Bug.exit_code()),
    }
}
