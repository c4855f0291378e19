//! The real way, without `--rehearse`: programs found on PATH, files in the current directory, the machine's own clock. `kind`
//! and `docker` on that PATH are stand-ins that a served world answers for, so that the cluster is simulated and all else is not.

use std::process::Command;

use crate::{bed::Bed, process::Served};

/// Returns a command of windlass whose PATH has a `kind` and a `docker` of the served world.
pub(crate) fn command(bed: &Bed, world: &Served, args: &[&str]) -> Command {
    let own = env!("CARGO_BIN_EXE_windlass");
    let [kind, docker] =
        ["kind", "docker"].map(|program| format!("exec {own} rehearse program {program} \"$@\""));
    let endpoint = world.endpoint();
    let (address, _) = endpoint.split_once("/world/").expect("a world's endpoint");
    let mut command = bed.command(args);
    command
        .env(
            "PATH",
            bed.programs(&[("kind", &kind), ("docker", &docker)]),
        )
        .env_remove("WINDLASS_REHEARSE_WORLD")
        .env("WINDLASS_REHEARSE_ENDPOINT", endpoint)
        .env(
            "WINDLASS_FLUX_MANIFEST",
            format!("{address}/manifests/flux/v2.9.4/install.yaml"),
        );
    command
}

#[test]
fn a_real_run_writes_its_files_here_and_destroy_takes_them_away() {
    let bed = Bed::new();
    let world = bed.serve();
    // Ports of this machine are looked at: any that is free will do.
    let ports = ["--http-port", "0", "--https-port", "0"];
    bed.write(".env", "MINE=1\n");
    let setup = [&["setup", "kind"][..], &ports].concat();
    let up = bed.finish(&mut command(&bed, &world, &setup)).expect(0);
    assert!(
        !up.out.contains("rehearsal") && !up.err.contains("rehearsal"),
        "{}",
        up.err
    );
    assert!(up.out.contains("source .env"), "{}", up.out);
    let env = bed.text(".env").expect("a file");
    assert!(env.starts_with("MINE=1\n"), "{env}");
    assert!(env.contains("export KUBECONFIG="), "{env}");
    let lock = bed.text("windlass.lock").expect("a lock file");
    assert!(
        lock.contains("[locked.flux]") && lock.contains("sha256"),
        "{lock}"
    );
    let kubeconfig = bed.text("kubeconfig-dot.yaml").expect("a kubeconfig");
    assert!(!kubeconfig.contains("--rehearse"), "{kubeconfig}");

    let status = bed
        .finish(&mut command(&bed, &world, &["status"]))
        .expect(0);
    assert!(status.out.contains("traefik"), "{}", status.out);

    // Off a terminal it wants a yes beforehand, and does nothing without it.
    let asked = bed
        .finish(&mut command(&bed, &world, &["destroy", "kind"]))
        .expect(2);
    assert!(asked.err.contains("--yes"), "{}", asked.err);
    let down = bed
        .finish(&mut command(&bed, &world, &["destroy", "kind", "--yes"]))
        .expect(0);
    assert!(down.out.contains("nothing is left behind"), "{}", down.out);
    assert_eq!(bed.text(".env").as_deref(), Some("MINE=1\n"));
    // The lock file is the user's to commit.
    assert_eq!(bed.list(), [".env", "windlass.lock"]);
}

#[test]
fn a_manifest_that_changed_is_refused() {
    let bed = Bed::new();
    let world = bed.serve();
    bed.write(
        "windlass.lock",
        format!(
            "format = 1\n[locked.flux]\nversion = \"2.9.4\"\nurl = \"https://example.com\"\nsha256 = \"{}\"\n",
            "0".repeat(64)
        ),
    );
    let args = ["setup", "kind", "--http-port", "0", "--https-port", "0"];
    let ran = bed.finish(&mut command(&bed, &world, &args)).expect(1);
    assert!(
        ran.err
            .contains("the manifest of flux 2.9.4 is not what it was"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains("remove [locked.flux]"), "{}", ran.err);
    assert_eq!(world.containers(), [""; 0]);
}

#[test]
fn the_kubeconfigs_own_program_gives_a_credential() {
    let bed = Bed::new();
    let world = bed.serve();
    let args = [
        "setup",
        "kind",
        "--http-port",
        "0",
        "--https-port",
        "0",
        "--only",
        "flux",
    ];
    bed.finish(&mut command(&bed, &world, &args)).expect(0);
    let kubeconfig = bed.text("kubeconfig-dot.yaml").expect("a kubeconfig");
    assert!(kubeconfig.contains("- token\n"), "{kubeconfig}");
    let args = ["token", "--provider", "kind", "--cluster", "dot"];
    let token = bed.finish(&mut command(&bed, &world, &args)).expect(0);
    let credential: serde_json::Value = serde_json::from_str(&token.out).expect("JSON");
    assert!(credential["status"]["token"].is_string(), "{credential}");
}
