//! Writes a file whole or not at all.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use crate::error::{Error, Kind, Result};

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Only its owner: 0600. For all that could hold anything private.
    Private,
    /// Everyone: 0644. For what belongs into version control.
    Shared,
}

impl Mode {
    fn bits(self) -> u32 {
        match self {
            Self::Private => 0o600,
            Self::Shared => 0o644,
        }
    }
}

/// Writes `bytes` to `path`: into a temporary file beside it, synced, then renamed over it. Where `path` is a symbolic
/// link, what it leads to is replaced and the link stays.
///
/// # Errors
/// What the system says, with the path and what to do. The file is then as it was, and no half file is left behind.
pub fn write(path: &Path, mode: Mode, bytes: &[u8]) -> Result<()> {
    write_with(path, mode, |file| file.write_all(bytes))
}

/// Writes `bytes` to `path` as [`write`] does, unless something is there already: then nothing is done, and `false` returned.
///
/// # Errors
/// What the system says, with the path and what to do; no half file is left behind.
pub fn create(path: &Path, mode: Mode, bytes: &[u8]) -> Result<bool> {
    place(path, mode, bytes).map_err(|error| explain(error, "cannot write", path))
}

fn place(path: &Path, mode: Mode, bytes: &[u8]) -> io::Result<bool> {
    let mut temporary = prepare(folder_of(path))?;
    let file = temporary.as_file_mut();
    file.write_all(bytes)?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode.bits()))?;
    file.sync_all()?;
    match temporary.persist_noclobber(path) {
        Ok(_) => Ok(true),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error.error),
    }
}

/// Removes the file at `path`; absence is success. Where `path` is a symbolic link, only the link goes.
///
/// # Errors
/// What the system says, with the path and what to do.
pub fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(explain(error, "cannot remove", path)),
    }
}

/// Reads the file at `path`; `None` where there is none.
///
/// # Errors
/// What the system says, with the path and what to do.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(explain(error, "cannot read", path)),
    }
}

/// Waits for the folder of `path`, so that of two who read, change and write back a file in it neither undoes what the other
/// did. The lock ends with the returned file, or with the process; where a file system knows no locks, there is none.
///
/// # Errors
/// The folder cannot be opened: with the path and what to do.
pub(super) fn lock_folder(path: &Path) -> Result<File> {
    let folder =
        File::open(folder_of(path)).map_err(|error| explain(error, "cannot write", path))?;
    let _ = folder.lock();
    Ok(folder)
}

/// Makes the folder at `path`, and those above it, readable only by its owner where they are new.
///
/// # Errors
/// What the system says, with the path and what to do.
pub fn create_folder(path: &Path) -> Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(path)
        .map_err(|error| explain(error, "cannot create the folder", path))
}

/// Writes as [`write`] does, with the content from `fill`. The seam at which the tests let a disk run full: root, as which
/// tests often run, can write to a read-only directory.
fn write_with(
    path: &Path,
    mode: Mode,
    fill: impl FnOnce(&mut File) -> io::Result<()>,
) -> Result<()> {
    replace(path, mode, fill).map_err(|error| explain(error, "cannot write", path))
}

/// Returns the folder that a file is in.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Returns a temporary file in a folder; it removes itself unless it is given a name.
fn prepare(folder: &Path) -> io::Result<tempfile::NamedTempFile> {
    fs::metadata(folder)?;
    tempfile::Builder::new()
        .prefix(".windlass-")
        .suffix(".tmp")
        .tempfile_in(folder)
        // Without the temporary file's name, of which no user has heard.
        .map_err(|error| io::Error::from(error.kind()))
}

fn replace(
    path: &Path,
    mode: Mode,
    fill: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    let target = follow(path)?;
    if target.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let folder = folder_of(&target);
    // The temporary file removes itself when this function returns early.
    let mut temporary = prepare(folder)?;
    let file = temporary.as_file_mut();
    fill(file)?;
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode.bits()))?;
    file.sync_all()?;
    temporary.persist(&target).map_err(|error| error.error)?;
    // The rename itself is lasting only once the folder is synced. Some file systems cannot do that; the file is there
    // then all the same.
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
    Ok(())
}

/// Returns the file that `path` means: itself, or the end of its chain of symbolic links, which need not exist yet.
fn follow(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    // As many as Linux follows (path_resolution(7)).
    for _ in 0..40 {
        match fs::read_link(&path) {
            Ok(link) => {
                path = match path.parent() {
                    Some(folder) => folder.join(link),
                    None => link,
                }
            }
            // Not a link, or nothing there yet.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::InvalidInput | io::ErrorKind::NotFound
                ) =>
            {
                return Ok(path);
            }
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("too many levels of symbolic links"))
}

/// Returns the error for what could not be done to a file, with what to do about it.
pub(crate) fn explain(error: io::Error, what: &str, path: &Path) -> Error {
    use io::ErrorKind as E;
    let hint = match error.kind() {
        E::StorageFull | E::QuotaExceeded => {
            "free some space on the disk, then run the same command again"
        }
        E::FileTooLarge => {
            "no larger file is allowed there: raise the limit (ulimit -f), or run windlass in another folder"
        }
        E::PermissionDenied => {
            "check whose the file and its folder are, or run windlass in another folder"
        }
        E::ReadOnlyFilesystem => "run windlass in a folder that can be written to",
        E::NotFound | E::NotADirectory => "check the path: a folder in it does not exist",
        E::AlreadyExists => "a file of that name is in the way: move it away",
        E::IsADirectory => "move it away, or run windlass in another folder",
        _ => "",
    };
    let reason = match error.kind() {
        E::IsADirectory => anyhow::anyhow!("it is a directory"),
        _ => error.into(),
    };
    let error = Error::new(
        Kind::Refused,
        reason.context(format!("{what} {}", path.display())),
    );
    if hint.is_empty() {
        error
    } else {
        error.hint(hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    #[cfg(unix)]
    fn a_file_is_replaced_whole_with_its_mode() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        for (mode, bits) in [(Mode::Shared, 0o644), (Mode::Private, 0o600)] {
            write(&path, mode, format!("{bits:o}").as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), format!("{bits:o}"));
            assert_eq!(
                fs::metadata(&path).unwrap().permissions().mode() & 0o777,
                bits
            );
        }
        assert_eq!(names(folder.path()), ["f"]);
        remove(&path).unwrap();
        remove(&path).unwrap();
        assert_eq!(read(&path).unwrap(), None);
    }

    #[test]
    #[cfg(unix)]
    fn a_link_stays_and_what_it_leads_to_is_replaced() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("real")).unwrap();
        symlink("second", folder.path().join("first")).unwrap();
        symlink("real/file", folder.path().join("second")).unwrap();
        for text in ["made", "replaced"] {
            write(&folder.path().join("first"), Mode::Private, text.as_bytes()).unwrap();
            let real = folder.path().join("real/file");
            assert_eq!(fs::read_to_string(&real).unwrap(), text);
            assert!(fs::symlink_metadata(real).unwrap().is_file());
        }
        assert_eq!(names(folder.path()), ["first", "real", "second"]);
        symlink("loop", folder.path().join("loop")).unwrap();
        let error = write(&folder.path().join("loop"), Mode::Private, b"").unwrap_err();
        assert!(error.to_string().contains("symbolic links"), "{error}");
    }

    /// A full disk, by what the kernel says of /dev/full where there is one (Linux), else by the same error made up.
    fn run_full(file: &mut File) -> io::Result<()> {
        file.write_all(b"half")?;
        match File::options().write(true).open("/dev/full") {
            Ok(mut full) => full.write_all(b"the other half"),
            Err(_) => Err(io::ErrorKind::StorageFull.into()),
        }
    }

    #[test]
    fn a_full_disk_leaves_the_old_file_and_no_half_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        write(&path, Mode::Private, b"old").unwrap();
        let error = write_with(&path, Mode::Private, run_full).unwrap_err();
        insta::assert_snapshot!(
            error.to_string().replace(folder.path().to_str().unwrap(), "/d"),
            @r"
        error: cannot write /d/f
          caused by: No space left on device (os error 28)
          hint: free some space on the disk, then run the same command again
        "
        );
        assert_eq!(read(&path).unwrap().unwrap(), b"old");
        assert_eq!(names(folder.path()), ["f"]);
    }

    #[test]
    fn every_refusal_of_the_system_names_the_path_and_what_to_do() {
        let path = Path::new("/d/.env");
        let told: Vec<_> = [
            io::ErrorKind::PermissionDenied,
            io::ErrorKind::ReadOnlyFilesystem,
            io::ErrorKind::QuotaExceeded,
            io::ErrorKind::Interrupted,
        ]
        .into_iter()
        .map(|kind| explain(kind.into(), "cannot write", path).to_string())
        .collect();
        insta::assert_snapshot!(told.join("\n"), @r"
        error: cannot write /d/.env
          caused by: permission denied
          hint: check whose the file and its folder are, or run windlass in another folder
        error: cannot write /d/.env
          caused by: read-only filesystem or storage medium
          hint: run windlass in a folder that can be written to
        error: cannot write /d/.env
          caused by: quota exceeded
          hint: free some space on the disk, then run the same command again
        error: cannot write /d/.env
          caused by: operation interrupted
        ");
    }

    #[test]
    fn a_folder_in_the_way_and_a_missing_one_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let tell = |path: &str| {
            write(&folder.path().join(path), Mode::Private, b"x")
                .unwrap_err()
                .to_string()
                .replace(folder.path().to_str().unwrap(), "/d")
        };
        fs::create_dir(folder.path().join("taken")).unwrap();
        fs::write(folder.path().join("file"), "").unwrap();
        insta::assert_snapshot!(
            [tell("taken"), tell("gone/f"), tell("file/f")].join("\n"),
            @r#"
            error: cannot write /d/taken
              caused by: it is a directory
              hint: move it away, or run windlass in another folder
            error: cannot write /d/gone/f
              caused by: No such file or directory (os error 2)
              hint: check the path: a folder in it does not exist
            error: cannot write /d/file/f
              caused by: Not a directory (os error 20)
              hint: check the path: a folder in it does not exist
            "#
        );
        assert_eq!(names(folder.path()), ["file", "taken"]);
    }
}
