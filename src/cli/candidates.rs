//! Live values for completions: from `windlass.toml`, the folders of runs and the catalogue. No network, and never an error: what
//! cannot be read has no values.

use std::{
    collections::BTreeSet,
    env,
    fs::{self, File},
    io::Read,
    path::Path,
};

use clap_complete::CompletionCandidate;

use crate::{catalog::Catalog, files::WorkDir, settings};

/// No windlass.toml is longer.
const LIMIT: u64 = 1 << 20;

/// Returns the clusters that windlass.toml describes, and those of which there are runs here.
pub(super) fn clusters() -> Vec<CompletionCandidate> {
    let mut names: BTreeSet<String> = keys("clusters").into_iter().collect();
    for workdir in [WorkDir::real("."), WorkDir::rehearsal(".")] {
        let entries = fs::read_dir(workdir.state()).into_iter().flatten();
        names.extend(
            entries
                .flatten()
                .filter(|entry| entry.path().is_dir())
                .filter_map(|entry| entry.file_name().into_string().ok()),
        );
    }
    names.into_iter().map(CompletionCandidate::new).collect()
}

/// Returns the environments that windlass.toml describes.
pub(super) fn environments() -> Vec<CompletionCandidate> {
    let names = keys("environments");
    names.into_iter().map(CompletionCandidate::new).collect()
}

/// Returns the components that there are.
pub(super) fn components() -> Vec<CompletionCandidate> {
    let catalog = Catalog::load().ok();
    let names = catalog.iter().flat_map(Catalog::names);
    names.map(CompletionCandidate::new).collect()
}

/// Returns the keys of a table of windlass.toml.
fn keys(table: &str) -> Vec<String> {
    let path = env::var_os("WINDLASS_CONFIG").unwrap_or_else(|| settings::FILE.into());
    let mut text = String::new();
    let read =
        File::open(Path::new(&path)).and_then(|file| file.take(LIMIT).read_to_string(&mut text));
    let document = read.ok().and_then(|_| text.parse::<toml::Table>().ok());
    document
        .and_then(|document| Some(document.get(table)?.as_table()?.keys().cloned().collect()))
        .unwrap_or_default()
}
