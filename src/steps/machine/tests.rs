//! What `doctor` finds on machines of all sorts.

use std::{fs, os::unix::fs::PermissionsExt, sync::Arc};

use windlass_provider::SystemClock;

use super::*;

fn verdicts(checks: &[Check]) -> Vec<(&str, Verdict)> {
    checks
        .iter()
        .map(|check| (check.name.as_str(), check.verdict))
        .collect()
}

#[test]
fn programs_are_looked_for_and_one_engine_is_enough() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().as_os_str();
    let look = || {
        check_programs(&["kind"], &["docker", "podman"], path, |name| {
            vec![name.into()]
        })
    };
    let none = look();
    assert_eq!(
        verdicts(&none),
        [
            ("program kind", Verdict::Failed),
            ("program docker or podman", Verdict::Failed)
        ]
    );
    assert_eq!(none[1].hints, ["docker"]);
    for name in ["kind", "podman"] {
        let path = folder.path().join(name);
        fs::write(&path, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    assert_eq!(
        verdicts(&look()),
        [
            ("program kind", Verdict::Passed),
            ("program docker", Verdict::Skipped),
            ("program podman", Verdict::Passed)
        ]
    );
}

#[test]
fn the_proxy_is_told_without_its_password() {
    let find = |variables: &[(&str, &str)]| {
        let check = check_proxy("https://github.com/x", |name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        });
        assert!(!format!("{check:?}").contains("secret"), "{check:?}");
        (check.verdict, check.detail)
    };
    let https = ("HTTPS_PROXY", "http://me:secret@proxy:3128");
    let told = |verdict, text: &str| (verdict, text.to_owned());
    assert_eq!(
        find(&[]),
        told(Verdict::Passed, "none is set: github.com is asked directly")
    );
    assert_eq!(
        find(&[https]),
        told(
            Verdict::Passed,
            "github.com is asked through proxy:3128, which HTTPS_PROXY names"
        )
    );
    assert_eq!(
        find(&[https, ("no_proxy", ".github.com,github.com")]),
        told(
            Verdict::Passed,
            "no_proxy exempts github.com from HTTPS_PROXY: it is asked directly"
        )
    );
    assert_eq!(
        find(&[("all_proxy", "http://me:secret@ bad")]),
        told(Verdict::Failed, "the value of all_proxy is not a URL")
    );
}

#[tokio::test]
async fn a_manifest_that_cannot_be_had_is_a_finding() {
    let cx = Ctx::new(Arc::new(SystemClock));
    // Port 9 of loopback: nothing listens.
    let check = check_manifest(&cx, "http://127.0.0.1:9/install.yaml").await;
    assert_eq!(check.verdict, Verdict::Failed);
    assert!(check.hints[0].contains("--flux-manifest"), "{check:?}");
    let check = check_manifest(&cx, "/nowhere/install.yaml").await;
    assert_eq!(check.verdict, Verdict::Failed);
    let file = tempfile::NamedTempFile::new().unwrap();
    let check = check_manifest(&cx, file.path().to_str().unwrap()).await;
    assert_eq!(check.verdict, Verdict::Passed);
}

#[test]
fn a_folder_that_is_to_be_made_is_judged_by_the_one_above_it() {
    let folder = tempfile::tempdir().unwrap();
    let check = check_folder("state", &folder.path().join("a/b"));
    assert_eq!(check.verdict, Verdict::Passed, "{check:?}");
    assert!(!folder.path().join("a").exists());
    fs::write(folder.path().join("a"), "").unwrap();
    let check = check_folder("state", &folder.path().join("a/b"));
    assert_eq!(check.verdict, Verdict::Failed);
    // Not even root may write there.
    if Path::new("/proc/1").exists() {
        let check = check_folder("state", Path::new("/proc/1/x"));
        assert_ne!(check.verdict, Verdict::Passed, "{check:?}");
    }
}

#[test]
fn path_is_looked_at_for_windlass_itself() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("windlass");
    let other = folder.path().join("other");
    for path in [&own, &other] {
        fs::write(path, "#!/bin/sh\n").unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let path = Some(folder.path().as_os_str().to_owned());
    assert_eq!(check_path(path.as_ref(), &own).verdict, Verdict::Passed);
    assert_eq!(check_path(path.as_ref(), &other).verdict, Verdict::Warning);
    assert_eq!(check_path(None, &own).verdict, Verdict::Warning);
}
