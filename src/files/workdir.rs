//! Where each file lies.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

use windlass_provider::ClusterName;

use super::atomic;
use crate::error::{Error, Kind, Result};

/// The folder that windlass writes into: the current directory, or `rehearsal/` in it, so that a rehearsal never touches
/// real files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkDir {
    root: PathBuf,
    rehearsal: bool,
}

impl WorkDir {
    /// Returns the folder of real runs in `current`.
    #[must_use]
    pub fn real(current: impl Into<PathBuf>) -> Self {
        Self {
            root: current.into(),
            rehearsal: false,
        }
    }

    /// Returns the folder of rehearsals in `current`.
    #[must_use]
    pub fn rehearsal(current: impl AsRef<Path>) -> Self {
        Self {
            root: current.as_ref().join("rehearsal"),
            rehearsal: true,
        }
    }

    /// Returns the folder itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns whether it is a rehearsal's.
    #[must_use]
    pub fn is_rehearsal(&self) -> bool {
        self.rehearsal
    }

    /// Makes a rehearsal's folder where it is missing. The current directory is the user's: it is there, or writing to it says
    /// so.
    ///
    /// # Errors
    /// What the system says, with the path and what to do.
    pub fn prepare(&self) -> Result<()> {
        if self.rehearsal {
            atomic::create_folder(&self.root)?;
        }
        Ok(())
    }

    /// Returns the path of `.env`, in which windlass keeps a block for each cluster.
    #[must_use]
    pub fn dot_env(&self) -> PathBuf {
        self.root.join(".env")
    }

    /// Returns the path of the cluster's kubeconfig.
    #[must_use]
    pub fn kubeconfig(&self, cluster: &ClusterName) -> PathBuf {
        self.root.join(format!("kubeconfig-{cluster}.yaml"))
    }

    /// Returns the path of `windlass.lock`; `None` in a rehearsal, which writes none and whose stand-ins have other digests.
    #[must_use]
    pub fn lock_file(&self) -> Option<PathBuf> {
        (!self.rehearsal).then(|| self.root.join("windlass.lock"))
    }

    /// Returns the folder of all state: `.windlass`.
    #[must_use]
    pub fn state(&self) -> PathBuf {
        self.root.join(".windlass")
    }

    /// Returns the folder of the cluster's runs and run lock: `.windlass/<name>`.
    #[must_use]
    pub fn cluster(&self, cluster: &ClusterName) -> PathBuf {
        self.state().join(cluster.as_str())
    }

    /// Returns the folder for files that only the programs of a run read or write, without what a killed run left in it.
    ///
    /// # Errors
    /// What the system says, with the path and what to do.
    pub fn clear_scratch(&self, cluster: &ClusterName) -> Result<PathBuf> {
        let folder = self.cluster(cluster).join("scratch");
        if let Err(error) = std::fs::remove_dir_all(&folder)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            let source =
                anyhow::Error::new(error).context(format!("cannot remove {}", folder.display()));
            return Err(Error::new(Kind::Refused, source)
                .hint("remove it by hand: nothing in it is needed any more"));
        }
        atomic::create_folder(&folder)?;
        Ok(folder)
    }
}

impl WorkDir {
    /// Removes the record of a cluster's runs, and the folders around it that are empty then. Returns whether it was there.
    ///
    /// # Errors
    /// What the system says, with the path and what to do.
    pub fn forget(&self, cluster: &ClusterName) -> Result<bool> {
        let folder = self.cluster(cluster);
        let was_there = folder.is_dir();
        if was_there {
            std::fs::remove_dir_all(&folder).map_err(|error| {
                let source = anyhow::Error::new(error)
                    .context(format!("cannot remove {}", folder.display()));
                Error::new(Kind::Refused, source).hint(
                    "see whose it is, and remove it by hand: nothing in it is needed any more",
                )
            })?;
        }
        // Folders that hold anything else stay.
        let _ = std::fs::remove_dir(self.state());
        if self.rehearsal {
            let _ = std::fs::remove_dir(&self.root);
        }
        Ok(was_there)
    }
}

/// Returns where windlass keeps what belongs to the user and to no working directory: `$XDG_STATE_HOME/windlass`, or
/// `~/.local/state/windlass`. A relative `XDG_STATE_HOME` is ignored, as
/// <https://specifications.freedesktop.org/basedir-spec/latest/> wants it.
///
/// # Errors
/// Neither variable names a folder.
pub fn state_dir(variable: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf> {
    let folder = |name| {
        variable(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    folder("XDG_STATE_HOME")
        .or_else(|| folder("HOME").map(|home| home.join(".local/state")))
        .map(|state| state.join("windlass"))
        .ok_or_else(|| {
            Error::message(
                Kind::Refused,
                "there is no state directory: neither XDG_STATE_HOME nor HOME is an absolute path",
            )
            .hint("set HOME, or say where the rehearsed world lives: --rehearse-world DIR")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rehearsal_has_a_folder_of_its_own_and_no_lock_file() {
        let current = tempfile::tempdir().unwrap();
        let dot = "dot".parse().unwrap();
        let (real, rehearsal) = (
            WorkDir::real(current.path()),
            WorkDir::rehearsal(current.path()),
        );
        rehearsal.prepare().unwrap();
        rehearsal.prepare().unwrap();
        assert!(current.path().join("rehearsal").is_dir());
        assert_eq!(rehearsal.dot_env(), current.path().join("rehearsal/.env"));
        assert_eq!(rehearsal.lock_file(), None);
        assert_eq!(real.lock_file(), Some(current.path().join("windlass.lock")));
        assert_eq!(
            real.kubeconfig(&dot),
            current.path().join("kubeconfig-dot.yaml")
        );
        assert_eq!(real.cluster(&dot), current.path().join(".windlass/dot"));
    }

    #[test]
    fn a_file_in_place_of_the_rehearsals_folder_is_named() {
        let current = tempfile::tempdir().unwrap();
        std::fs::write(current.path().join("rehearsal"), "").unwrap();
        let error = WorkDir::rehearsal(current.path()).prepare().unwrap_err();
        insta::assert_snapshot!(
            error.to_string().replace(current.path().to_str().unwrap(), "/d"),
            @r"
        error: cannot create the folder /d/rehearsal
          caused by: File exists (os error 17)
          hint: a file of that name is in the way: move it away
        "
        );
    }

    #[test]
    fn the_state_directory_is_xdgs_or_below_home() {
        let find = |xdg: Option<&str>, home: Option<&str>| {
            state_dir(|name| match name {
                "XDG_STATE_HOME" => xdg.map(Into::into),
                _ => home.map(Into::into),
            })
        };
        for (xdg, home, expected) in [
            (Some("/s"), Some("/h"), "/s/windlass"),
            (Some("relative"), Some("/h"), "/h/.local/state/windlass"),
            (Some(""), Some("/h"), "/h/.local/state/windlass"),
            (Some("/s"), None, "/s/windlass"),
        ] {
            assert_eq!(find(xdg, home).unwrap(), Path::new(expected));
        }
        for home in [None, Some("")] {
            insta::allow_duplicates! {
                insta::assert_snapshot!(find(None, home).unwrap_err(), @r"
                error: there is no state directory: neither XDG_STATE_HOME nor HOME is an absolute path
                  hint: set HOME, or say where the rehearsed world lives: --rehearse-world DIR
                ");
            }
        }
    }
}
