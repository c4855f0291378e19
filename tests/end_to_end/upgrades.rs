//! `upgrade`: what changes is shown, then done.

use crate::{
    bed::Bed,
    components::{row, says},
};

const OLD: &[&str] = &["setup", "kind", "--rehearse", "--only", "traefik"];

/// Raises a platform with an old Traefik, as windlass.toml wants it, and takes windlass.toml away again.
fn raise_old(bed: &Bed) {
    bed.write(
        "windlass.toml",
        "[components.traefik]\nversion = \"39.0.0\"\nvalues = { logs = { general = { level = \"DEBUG\" } } }\n",
    );
    bed.run(OLD).expect(0);
    std::fs::remove_file(bed.here().join("windlass.toml")).expect("a file");
}

#[test]
fn an_upgrade_shows_what_changes_and_does_it() {
    let bed = Bed::new();
    raise_old(&bed);
    let change = "traefik: version 39.0.0 → 41.3.0";
    let dry = bed
        .run(&["upgrade", "--all", "--rehearse", "--dry-run"])
        .expect(0);
    says(&dry, change);
    says(
        &dry,
        "traefik: values.logs.general.level: \"DEBUG\" → not set",
    );
    says(&dry, "flux 2.9.4 is as it is wanted");
    says(&dry, "another major version");
    assert_eq!(row(&bed, "traefik")["installed"], "39.0.0");

    let kept = bed
        .run(&["upgrade", "traefik", "--reuse-values", "--rehearse"])
        .expect(0);
    says(&kept, change);
    assert!(!kept.err.contains("logs.general.level"), "{}", kept.err);
    let traefik = row(&bed, "traefik");
    assert_eq!(
        (&traefik["installed"], &traefik["health"]),
        (&"41.3.0".into(), &"ready".into())
    );

    let reset = bed.run(&["upgrade", "--all", "--rehearse"]).expect(0);
    says(&reset, "values.logs.general.level: \"DEBUG\" → not set");
    let done = bed.run(&["upgrade", "--all", "--rehearse"]).expect(0);
    says(&done, "there is nothing to upgrade");
    assert_eq!(done.out, "");
}

#[test]
fn a_downgrade_is_warned_of_and_an_unknown_version_is_explained() {
    let bed = Bed::new();
    bed.run(OLD).expect(0);
    let down = bed
        .run(&["upgrade", "traefik", "--version", "39.0.0", "--rehearse"])
        .expect(0);
    says(
        &down,
        "warning: Traefik would go down from 41.3.0 to 39.0.0",
    );
    assert_eq!(row(&bed, "traefik")["installed"], "39.0.0");
    let unknown = bed
        .run(&["upgrade", "traefik", "--version", "41.3.9", "--rehearse"])
        .expect(1);
    says(&unknown, "there is no Traefik 41.3.9");
    says(
        &unknown,
        "the nearest is 41.3.0: windlass upgrade traefik --version 41.3.0 --rehearse",
    );
    assert_eq!(row(&bed, "traefik")["installed"], "39.0.0");
    bed.run(&["upgrade", "traefik", "--rehearse"]).expect(0);
    assert_eq!(row(&bed, "traefik")["installed"], "41.3.0");
}

#[test]
fn what_is_not_there_or_not_asked_for_is_refused() {
    let bed = Bed::new();
    bed.run(OLD).expect(0);
    let missing = bed
        .run(&["upgrade", "cert-manager", "--rehearse"])
        .expect(1);
    says(&missing, "cert-manager is not installed");
    says(&missing, "windlass install cert-manager --rehearse");
    bed.run(&["upgrade", "--rehearse"]).expect(2);
    bed.run(&["upgrade", "--all", "traefik", "--rehearse"])
        .expect(2);
    bed.write(
        "windlass.toml",
        "[components.traefik]\nnamespace = \"edge\"\n",
    );
    let moved = bed.run(&["upgrade", "traefik", "--rehearse"]).expect(1);
    says(
        &moved,
        "traefik is in namespace traefik and cannot move to edge",
    );
    std::fs::remove_file(bed.here().join("windlass.toml")).expect("a file");
    let moved = ["upgrade", "traefik", "--namespace", "edge", "--rehearse"];
    says(
        &bed.run(&moved).expect(1),
        "windlass uninstall traefik --rehearse, then install it again",
    );
    let several = [
        "upgrade",
        "traefik",
        "flux",
        "--namespace",
        "traefik",
        "--rehearse",
    ];
    says(&bed.run(&several).expect(2), "are about one component");
    let stays = ["upgrade", "traefik", "--namespace", "traefik", "--rehearse"];
    says(
        &bed.run(&stays).expect(0),
        "traefik 41.3.0 is as it is wanted",
    );
}

#[test]
fn a_setup_does_not_begin_with_a_version_that_does_not_exist() {
    let bed = Bed::new();
    bed.write(
        "windlass.toml",
        "[components.traefik]\nversion = \"99.0.0\"\n[components.cert-manager]\nversion = \"1.21.1\"\n",
    );
    let ran = bed.run(OLD).expect(1);
    says(&ran, "there is no Traefik 99.0.0");
    says(
        &ran,
        "hint: 99.0.0 does not exist; the nearest is 41.3.0: write version = \"41.3.0\" under [components.traefik] in windlass.toml",
    );
    assert_eq!(bed.list(), ["windlass.toml"]);
    // A registry's tags are what they are.
    let tag = bed
        .run(&["setup", "kind", "--rehearse", "--only", "cert-manager"])
        .expect(1);
    says(&tag, "the nearest is v1.21.1");
}

#[test]
fn an_export_prints_what_an_upgrade_would_apply() {
    let bed = Bed::new();
    bed.run(OLD).expect(0);
    bed.run(&[
        "upgrade",
        "traefik",
        "--set",
        "logs.general.level=DEBUG",
        "--rehearse",
    ])
    .expect(0);
    let export = |more: &[&str]| -> serde_json::Value {
        let args = [
            "upgrade",
            "traefik",
            "--export",
            "--version",
            "39.0.0",
            "--rehearse",
        ];
        let ran = bed.run(&[&args[..], more].concat()).expect(0);
        let objects: Vec<serde_json::Value> = serde_saphyr::from_multiple(&ran.out).expect("YAML");
        assert_eq!(objects[1]["spec"]["ref"]["tag"], "39.0.0");
        objects[2]["spec"]["values"]["logs"]["general"]["level"].clone()
    };
    assert_eq!(export(&[]), serde_json::Value::Null);
    assert_eq!(export(&["--reuse-values"]), "DEBUG");
    // Nothing was done.
    assert_eq!(row(&bed, "traefik")["installed"], "41.3.0");
}

#[test]
fn versions_that_would_be_skipped_are_warned_of() {
    let bed = Bed::new();
    bed.run(OLD).expect(0);
    // No registry here has it, and none is asked.
    bed.write("faults.toml", "[[registry]]\nstatus = 503\n");
    let skip = [
        "upgrade",
        "traefik",
        "--version",
        "41.9.0",
        "--dry-run",
        "--rehearse",
        "--rehearse-faults",
        "faults.toml",
    ];
    let ran = bed.run(&skip).expect(0);
    says(&ran, "traefik: version 41.3.0 → 41.9.0");
    says(
        &ran,
        "warning: Traefik would skip minor versions, from 41.3.0 to 41.9.0: CRDs are often migrated from one to the next only",
    );
    says(&ran, "hint: go there in steps: --version");
}
