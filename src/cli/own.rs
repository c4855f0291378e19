//! How this very binary is called.

use std::{
    env,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

use crate::{
    error::{Error, Kind, Result},
    output::quote,
};

/// Returns the beginning of a command line that runs this binary again, as a user would type it here: the name under which
/// PATH leads to it, `cargo run --` where cargo started it, or else the path by which it was called.
pub(super) fn own_command() -> String {
    let Ok(program) = env::current_exe() else {
        return "windlass".to_owned();
    };
    name(&Called {
        program: &program,
        typed: env::args_os().next().unwrap_or_default(),
        here: &env::current_dir().unwrap_or_default(),
        variable: &|name| env::var_os(name),
    })
}

/// Returns how another program calls this one: by its name where PATH leads to it, by its path elsewhere.
pub(super) fn own_program() -> Result<String> {
    let path = env::current_exe().map_err(|error| {
        Error::new(
            Kind::Refused,
            anyhow::Error::new(error).context("cannot find windlass's own program"),
        )
    })?;
    let path_variable = env::var_os("PATH");
    if leads(OsStr::new("windlass"), path_variable, Path::new(""), &path) {
        return Ok("windlass".to_owned());
    }
    Ok(path.display().to_string())
}

/// How a binary was called.
struct Called<'a> {
    program: &'a Path,
    /// What was typed, or what the caller said was.
    typed: OsString,
    here: &'a Path,
    variable: &'a dyn Fn(&str) -> Option<OsString>,
}

fn name(called: &Called<'_>) -> String {
    let Called { program, here, .. } = *called;
    let variable = called.variable;
    let is_path = called.typed.to_string_lossy().contains('/');
    let typed = (!is_path).then_some(called.typed.as_os_str());
    for name in typed.into_iter().chain([OsStr::new("windlass")]) {
        if leads(name, variable("PATH"), here, program) {
            return quote(&name.to_string_lossy());
        }
    }
    // https://doc.rust-lang.org/cargo/reference/environment-variables.html: cargo run sets them.
    let package = variable("CARGO_PKG_NAME");
    let below = variable("CARGO_MANIFEST_DIR").is_some_and(|folder| here.starts_with(folder));
    if variable("CARGO").is_some()
        && below
        && package.is_some_and(|it| it == env!("CARGO_PKG_NAME"))
    {
        let release = program.parent().is_some_and(|it| it.ends_with("release"));
        return match release {
            true => "cargo run --release --".to_owned(),
            false => "cargo run --".to_owned(),
        };
    }
    let path = if is_path && same(&here.join(&called.typed), program) {
        Path::new(&called.typed)
    } else {
        program
    };
    quote(&path.to_string_lossy())
}

/// Returns whether a shell in the folder `here` that is given `name` runs `program`.
fn leads(name: &OsStr, path: Option<OsString>, here: &Path, program: &Path) -> bool {
    // An empty PATH would be taken for the current folder.
    let path = path.filter(|path| !path.is_empty());
    path.is_some_and(|path| {
        which::which_in(name, Some(path), here).is_ok_and(|found| same(&found, program))
    })
}

fn same(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| -> Option<PathBuf> { path.canonicalize().ok() };
    real(one).is_some() && real(one) == real(other)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_binary_is_named_as_it_can_be_called_again() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let program = root.join("my tools/windlass");
        std::fs::create_dir(root.join("my tools")).unwrap();
        std::fs::write(&program, "#!/bin/sh\n").unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::os::unix::fs::symlink(&program, root.join("my tools/wl")).unwrap();
        let tools = root.join("my tools").display().to_string();
        let cargo = [
            ("CARGO", "/bin/cargo".to_owned()),
            ("CARGO_PKG_NAME", "windlass".to_owned()),
            ("CARGO_MANIFEST_DIR", root.display().to_string()),
        ];
        let name = |typed: &str, variables: &[(&str, String)]| {
            name(&Called {
                program: &program,
                typed: typed.into(),
                here: &root,
                variable: &|name| {
                    let found = variables.iter().find(|(known, _)| *known == name);
                    found.map(|(_, value)| value.into())
                },
            })
        };
        assert_eq!(name("windlass", &[("PATH", tools.clone())]), "windlass");
        assert_eq!(name("wl", &[("PATH", tools.clone())]), "wl");
        // Called by a path, but the name would do.
        assert_eq!(name("./my tools/wl", &[("PATH", tools)]), "windlass");
        assert_eq!(name("target/debug/windlass", &cargo), "cargo run --");
        assert_eq!(name("./my tools/wl", &[]), "'./my tools/wl'");
        // Neither a name that leads elsewhere nor another project's cargo.
        let path = || format!("'{}'", program.display());
        assert_eq!(name("windlass", &[("PATH", "/nowhere".into())]), path());
        let mut other = cargo.clone();
        other[1].1 = "other".into();
        assert_eq!(name("else/windlass", &other), path());
    }
}
