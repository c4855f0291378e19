//! Windlass's own blocks in `.env`: lines of `export K=V` between two marker lines, one block a cluster.
//!
//! All other lines are the user's and stay byte for byte; settings are read from those only ([`outside_blocks`]).

mod block;
mod quote;
#[cfg(test)]
mod tests;

use std::path::Path;

use windlass_provider::ClusterName;

use super::{Mode, atomic};
use crate::error::{Error, Kind, Result};

use block::{BrokenMarkers, Part, parse};

/// What became of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Written {
    /// It holds the block now.
    Changed,
    /// It was already so.
    Unchanged,
    /// Nothing but our block was in it, so that it is gone.
    Removed,
}

/// Writes the cluster's block into the file at `path`, in the place of the one that is there, or at the end. The file is
/// made where there is none, and is readable only by its owner afterwards. Of the other variables in the block those stay that
/// `keep` says by their name.
///
/// # Errors
/// The markers in it are not in order, a value cannot stand on one line, or the system refuses; the file is untouched then.
pub fn write_block(
    path: &Path,
    cluster: &ClusterName,
    variables: &[(String, String)],
    keep: impl Fn(&str) -> bool,
) -> Result<Written> {
    let _lock = atomic::lock_folder(path)?;
    let before = atomic::read(path)?.unwrap_or_default();
    let parts = parts(path, &before)?;
    let kept = block::kept_lines(&parts, cluster, |key| {
        keep(key) && variables.iter().all(|(new, _)| new != key)
    });
    let text = block::render(cluster, variables, &kept)?;
    let after = block::put(&parts, cluster, text.as_bytes());
    if after == before && is_private(path) {
        return Ok(Written::Unchanged);
    }
    atomic::write(path, Mode::Private, &after)?;
    Ok(Written::Changed)
}

/// Removes the cluster's block from the file at `path`, and the file where nothing else was in it. Absence of either is
/// success.
///
/// # Errors
/// The markers in it are not in order, or the system refuses; the file is untouched then.
pub fn remove_block(path: &Path, cluster: &ClusterName) -> Result<Written> {
    if atomic::read(path)?.is_none() {
        return Ok(Written::Unchanged);
    }
    let _lock = atomic::lock_folder(path)?;
    let before = atomic::read(path)?.unwrap_or_default();
    let after = block::take(&parts(path, &before)?, cluster);
    if after == before {
        return Ok(Written::Unchanged);
    }
    // A link is the user's own: it stays, and leads to an empty file.
    if after.is_empty() && !path.is_symlink() {
        atomic::remove(path)?;
        return Ok(Written::Removed);
    }
    atomic::write(path, Mode::Private, &after)?;
    Ok(Written::Changed)
}

/// Returns the lines of the cluster's block in the file at `path`, without the markers, for `windlass env`; `None` where
/// there is none.
///
/// # Errors
/// The file cannot be read, or the markers in it are not in order.
pub fn read_block(path: &Path, cluster: &ClusterName) -> Result<Option<String>> {
    let Some(bytes) = atomic::read(path)? else {
        return Ok(None);
    };
    Ok(parts(path, &bytes)?.iter().find_map(|part| match part {
        Part::Block { name, lines } if *name == cluster.as_str() => Some(
            lines[1..lines.len() - 1]
                .iter()
                .map(|line| String::from_utf8_lossy(line))
                .collect(),
        ),
        _ => None,
    }))
}

/// Returns the names of the clusters that have a block in the file at `path`, in its order.
///
/// # Errors
/// The file cannot be read, or the markers in it are not in order.
pub fn list_blocks(path: &Path) -> Result<Vec<String>> {
    let bytes = atomic::read(path)?.unwrap_or_default();
    Ok(parts(path, &bytes)?
        .iter()
        .filter_map(|part| match part {
            Part::Block { name, .. } => Some((*name).to_owned()),
            Part::Line(_) => None,
        })
        .collect())
}

/// Returns `bytes`, which were read from `path`, with every line of windlass's own blocks emptied: what windlass wrote is never
/// read back as input, and the lines that are left keep their numbers.
///
/// # Errors
/// The markers are not in order.
pub fn outside_blocks(path: &Path, bytes: &[u8]) -> Result<Vec<u8>> {
    let mut outside = Vec::with_capacity(bytes.len());
    for part in parts(path, bytes)? {
        match part {
            Part::Line(line) => outside.extend_from_slice(line),
            Part::Block { lines, .. } => outside.resize(outside.len() + lines.len(), b'\n'),
        }
    }
    Ok(outside)
}

fn parts<'a>(path: &Path, bytes: &'a [u8]) -> Result<Vec<Part<'a>>> {
    parse(bytes).map_err(|BrokenMarkers { line, reason }| {
        Error::message(
            Kind::Usage,
            format!("cannot use {}: line {line}: {reason}", path.display()),
        )
        .hint("remove the lines that begin with \"# >>> windlass\" or \"# <<< windlass\", and those between them")
    })
}

#[cfg(unix)]
fn is_private(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(path).is_ok_and(|found| found.permissions().mode() & 0o077 == 0)
}

#[cfg(not(unix))]
fn is_private(_: &Path) -> bool {
    true
}
