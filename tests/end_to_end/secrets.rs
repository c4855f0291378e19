//! Secrets that are planted everywhere, and looked for in all that windlass prints and writes.

use std::{fs, path::Path};

use crate::bed::{Bed, Ran};

const SETUP: &[&str] = &["setup", "kind", "--rehearse"];

/// Variables with a secret's name, and what is in them.
const PLANTED: [(&str, &str); 4] = [
    ("DASHBOARD_PASSWORD", "pl4nted-by-a-variable"),
    ("AWS_SECRET_ACCESS_KEY", "pl4nted/in/the/environment+1"),
    ("GITHUB_TOKEN", "pl4nted-token-of-a-forge"),
    (
        "LINES_SECRET",
        "pl4nted-first-line\npl4nted-second-line-\"quoted\"",
    ),
];
/// The start of every planted secret.
const MARK: &str = "pl4nted";

const SETTINGS: &str = r#"
[components.traefik.values.dashboard]
password = "pl4nted-in-a-value"
apiKey = "pl4nted-under-a-key"
note = "https://user:pl4nted-in-a-url@example.com"

[components.traefik.secrets]
"dashboard.other" = "DASHBOARD_PASSWORD"

[components.cert-manager.secrets]
"lines" = "LINES_SECRET"
"#;

/// Runs a command with the secrets in its environment, and looks for them in all that it printed.
#[track_caller]
fn run(bed: &Bed, args: &[&str], code: i32) -> Ran {
    let mut command = bed.command(args);
    command.envs(PLANTED);
    let ran = bed.finish(&mut command).expect(code);
    for text in [&ran.out, &ran.err] {
        assert!(
            !text.contains(MARK),
            "windlass {} shows it:\n{text}",
            args.join(" ")
        );
    }
    ran
}

/// Fails the test where a file under `folder` holds a planted secret; returns how many files there are.
pub(crate) fn search(folder: &Path) -> usize {
    let mut files = 0;
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files += search(&path);
            continue;
        }
        if path.file_name().is_some_and(|name| name == "windlass.toml") {
            continue;
        }
        let text = String::from_utf8_lossy(&fs::read(&path).expect("a file")).into_owned();
        for line in text.lines() {
            assert!(!line.contains(MARK), "{}: {line}", path.display());
        }
        files += 1;
    }
    files
}

#[test]
fn planted_secrets_are_shown_and_written_nowhere() {
    for flags in [
        &["-vv"][..],
        &["--output", "json"],
        &["--output", "yaml"],
        &["--trace", "trace.ndjson"],
        &[],
    ] {
        let bed = Bed::new();
        let world = bed.serve();
        bed.write("windlass.toml", SETTINGS);
        let with = |args: &[&'static str]| [args, flags].concat();
        let plan = run(
            &bed,
            &with(&["setup", "kind", "--rehearse", "--dry-run"]),
            0,
        );
        assert!(plan.out.contains("traefik"), "{}", plan.out);
        run(&bed, &with(SETUP), 0);
        // Again: it converges, and a plan that is compared is not told either.
        run(&bed, &with(SETUP), 0);
        for args in [
            &["status", "--rehearse"][..],
            &["cluster", "list", "--rehearse"],
            &["cluster", "show", "--rehearse"],
            &["env", "--rehearse"],
            &["kubeconfig", "--merge", "--rehearse"],
            &["support", "--rehearse"],
        ] {
            run(&bed, &[args, flags].concat(), 0);
        }
        // A journal, a kubeconfig, .env and more were looked at.
        assert!(search(&bed.here()) >= 5);
        // And yet the cluster has them: in a Secret.
        let log = fs::read_to_string(bed.world().join("log.jsonl")).expect("a log");
        assert!(
            log.contains("pl4nted-by-a-variable") || log.contains("cGw0bnRlZC1ieS1hLXZhcmlhYmxl")
        );
        drop(world);
        run(&bed, &with(&["destroy", "kind", "--rehearse"]), 0);
    }
}

#[test]
fn an_error_tells_no_secret() {
    let bed = Bed::new();
    for text in [
        "[components.traefik.secrets]\n\"a\" = \"pl4nted not a variable\"\n",
        "[components.traefik.values]\npassword = \"pl4nted\n",
        "[gitops]\nurl = \"https://user:pl4nted-in-a-url@example.com/x.git\"\n",
    ] {
        bed.write("windlass.toml", text);
        run(&bed, SETUP, 2);
    }
    bed.write("windlass.toml", "");
    bed.write(".env", "GITHUB_TOKEN='pl4nted-half\n");
    run(&bed, SETUP, 2);
    bed.write(".env", "");
    // A variable that is wanted and not set is named.
    bed.write(
        "windlass.toml",
        "[components.traefik.secrets]\n\"a\" = \"NOT_SET\"\n",
    );
    let ran = run(&bed, SETUP, 2);
    assert!(ran.err.contains("NOT_SET"), "{}", ran.err);
}

#[test]
fn the_credential_of_a_cluster_is_shown_by_token_alone() {
    let bed = Bed::new();
    let world = bed.serve();
    let mut said = String::new();
    let ran = bed.run(&[SETUP, &["-vv"]].concat()).expect(0);
    said.push_str(&(ran.out + &ran.err));
    let token = bed.run(&["token", "--rehearse"]).expect(0);
    let token: serde_json::Value = serde_json::from_str(&token.out).expect("JSON");
    let status = &token["status"];
    let secret = status["token"].as_str().expect("a token");
    assert!(secret.len() >= 16, "{token}");
    for args in [
        &["status", "--rehearse", "-vv"][..],
        &["cluster", "show", "--rehearse", "--output", "json"],
        &["kubeconfig", "--rehearse", "-vv"],
        &["token", "--rehearse", "--cluster", "other"],
    ] {
        let ran = bed.run(args);
        said.push_str(&(ran.out + &ran.err));
    }
    assert!(!said.contains(secret), "{said}");
    let holds = |path: &Path| fs::read_to_string(path).is_ok_and(|text| text.contains(secret));
    let mut folders = vec![bed.here()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            assert!(!holds(&path), "{}", path.display());
            // Whoever knows the world's endpoint controls it.
            let text = fs::read_to_string(&path).unwrap_or_default();
            assert!(!text.contains(world.endpoint()), "{}", path.display());
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
}
