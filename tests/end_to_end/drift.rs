//! `status --diff`, and which components a setup takes.

use serde_json::{Value, json};

use crate::{bed::Bed, components::says};

#[test]
fn what_differs_from_the_file_is_told() {
    let bed = Bed::new();
    let without = ["--without", "cert-manager,aso"];
    bed.run(&[&["setup", "kind", "--rehearse"][..], &without].concat())
        .expect(0);
    bed.run(&["install", "cert-manager", "aso", "--rehearse"])
        .expect(0);
    let same = bed.run(&["status", "--diff", "--rehearse"]).expect(0);
    says(&same, "all is as windlass.toml wants it");

    bed.write(
        "windlass.toml",
        "[components.cert-manager]\nenabled = false\n[components.aso]\nenabled = false\n[components.traefik]\nversion = \"39.0.0\"\n\
         values = { ports = { web = { hostPort = 8080 } } }\n",
    );
    let args = ["status", "--diff", "--rehearse", "-o", "json"];
    let told = bed.run(&args).expect(0);
    let told: Value = serde_json::from_str(&told.out).expect("JSON");
    assert_eq!(
        told["drift"],
        json!([
            { "component": "traefik", "version": "41.3.0", "kind": "differs",
              "changes": ["version 41.3.0 → 39.0.0", "values.ports.web.hostPort: 80 → 8080"] },
            { "component": "aso", "version": "v2.21.0", "kind": "extra",
              "changes": ["a setup would not install it"] },
            { "component": "cert-manager", "version": "v1.21.1", "kind": "extra",
              "changes": ["a setup would not install it"] },
        ])
    );
    bed.run(&["uninstall", "traefik", "--rehearse"]).expect(0);
    let table = bed.run(&["status", "--diff", "--rehearse"]).expect(0);
    says(&table, "missing");
    says(&table, "version 39.0.0 is wanted");
    // A setup brings all of it into line.
    bed.run(&["setup", "kind", "--rehearse"]).expect(0);
    let told = bed.run(&args).expect(0);
    let told: Value = serde_json::from_str(&told.out).expect("JSON");
    let kinds: Vec<_> = told["drift"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|it| &it["kind"])
        .collect();
    assert_eq!(kinds, ["extra", "extra"]);
}

#[test]
fn only_and_without_know_names_and_keep_what_is_needed() {
    let bed = Bed::new();
    for flag in ["--only", "--without"] {
        let wrong = bed
            .run(&["setup", "kind", "--rehearse", flag, "traefik,cert-manger"])
            .expect(2);
        says(
            &wrong,
            "there is no component \"cert-manger\"; did you mean cert-manager?",
        );
    }
    let plan = |args: &[&str]| {
        let dry = ["setup", "kind", "--rehearse", "--dry-run", "-o", "json"];
        let ran = bed.run(&[&dry[..], args].concat()).expect(0);
        let plan: Value = serde_json::from_str(&ran.out).expect("JSON");
        let steps = plan["steps"].as_array().expect("steps").clone();
        let names: Vec<String> = steps
            .iter()
            .filter_map(|step| {
                step["id"]
                    .as_str()?
                    .strip_prefix("component/")
                    .map(str::to_owned)
            })
            .collect();
        (names, ran.err)
    };
    assert_eq!(plan(&["--only", "traefik"]).0, ["flux", "traefik"]);
    let (names, said) = plan(&["--without", "flux,traefik"]);
    assert_eq!(
        names,
        ["flux", "cert-manager", "aso", "atlas", "crossplane"]
    );
    assert!(
        said.contains("flux is installed all the same: cert-manager needs it"),
        "{said}"
    );
    assert!(!said.contains("traefik is installed"), "{said}");
}
