use super::{
    FaultFile, Faults, RequestEffect,
    file::{FATES, METHODS, PROGRAMS, SECTIONS, SIDES, TOP},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

const EXAMPLE: &str = r#"
seed = 7

[[request]]
method = "PATCH"
path = "/apis/*/v1/**"
nth = 2
every = 2
count = 2
status = 429
retry-after = "1500ms"

[[request]]
method = "WATCH"
silent = true

[[program]]
program = "kind"
verb = "create cluster"
exit = 1
message = "ERROR: no"

[[finalizer]]
kind = "HelmRelease"
name = "flux-system/*"

[[chart]]
name = "**/traefik"
count = 1
fails = "timed out"

[[missing]]
chart = "ghcr.io/traefik/**"
version = "41.*"

[[registry]]
url = "ghcr.io/v2/**"
count = 1
status = 503

[[pod]]
image = "quay.io/**"
latency = "2m"
fate = "missing"
"#;

fn faults(text: &str) -> Faults {
    let faults = Faults::new();
    faults.put(
        &FaultFile::parse(text).expect("a file"),
        Timestamp::UNIX_EPOCH,
    );
    faults
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
}

#[test]
fn rules_strike_what_they_name_as_often_as_they_say() {
    let faults = faults(EXAMPLE);
    let mut struck = Vec::new();
    for n in 1..=8 {
        let strike = faults.request("PATCH", "/apis/apps/v1/namespaces/a/deployments/b", at(n));
        if let Some(effect) = strike.effect {
            let wanted = RequestEffect::Status {
                code: 429,
                retry_after: Some(2),
                message: None,
            };
            assert_eq!(effect, wanted);
            struck.push(n);
        }
        // What a rule does not name is not counted.
        assert_eq!(
            faults
                .request("GET", "/apis/apps/v1/deployments", at(n))
                .effect,
            None
        );
        assert_eq!(
            faults.request("PATCH", "/apis/a/b/v1/c", at(n)).effect,
            None
        );
    }
    assert_eq!(struck, [2, 4]);
    let args = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    assert!(
        faults
            .program("kind", &args("create cluster --name dot"), at(9))
            .effect
            .is_some()
    );
    assert!(
        faults
            .program("kind", &args("delete cluster"), at(9))
            .effect
            .is_none()
    );
    assert!(faults.holds("HelmRelease", "flux-system/traefik", "finalizers.fluxcd.io"));
    assert!(!faults.holds("HelmRelease", "other/traefik", "finalizers.fluxcd.io"));
    assert!(faults.lacks("ghcr.io/traefik/helm/traefik", "41.3.0"));
    assert!(!faults.lacks("ghcr.io/traefik/helm/traefik", "39.0.0"));
    let tags = "ghcr.io/v2/traefik/helm/traefik/tags/list";
    assert_eq!(faults.registry(tags, at(9)).effect, Some(503));
    assert_eq!(faults.registry(tags, at(9)).effect, None);
}

#[test]
fn a_subject_keeps_what_was_decided_of_it() {
    let faults = faults(EXAMPLE);
    for _ in 0..3 {
        assert!(
            faults
                .chart("flux-system/traefik", "one", at(1))
                .effect
                .is_some()
        );
        assert!(
            faults
                .chart("flux-system/traefik", "two", at(1))
                .effect
                .is_none()
        );
    }
    let images = ["docker.io/a:1", "quay.io/jetstack/b:2"];
    let strike = faults.pod("a/b", images.into_iter(), "uid", at(1));
    assert_eq!(
        (strike.latency.as_secs(), strike.effect),
        (120, Some("missing"))
    );
    assert_eq!(
        faults
            .pod("a/b", images[..1].iter().copied(), "other", at(1))
            .effect,
        None
    );
}

#[test]
fn chance_comes_from_the_seed_and_time_from_when_they_were_put_in_force() {
    let run = |seed: u64| -> Vec<bool> {
        let faults = faults(&format!(
            "seed = {seed}\n[[request]]\nprobability = 0.5\nreset = \"after\"\n"
        ));
        (0..200)
            .map(|n| faults.request("GET", "/", at(n)).effect.is_some())
            .collect()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
    let struck = run(3).into_iter().filter(|it| *it).count();
    assert!((70..130).contains(&struck), "{struck} of 200");

    let window = "[[request]]\nfrom = \"10s\"\nuntil = \"20s\"\ndown = \"1m\"\n";
    let faults = faults(window);
    let struck: Vec<i64> = (0..30)
        .filter(|n| faults.request("GET", "/", at(*n)).effect.is_some())
        .collect();
    assert_eq!(struck, (10..20).collect::<Vec<_>>());
    // The same file again does not begin anew; another does.
    faults.put(&FaultFile::parse(window).expect("a file"), at(30));
    assert!(faults.request("GET", "/", at(45)).effect.is_none());
    faults.put(
        &FaultFile::parse(&format!("\n{window}")).expect("a file"),
        at(40),
    );
    assert!(faults.request("GET", "/", at(55)).effect.is_some());
}

#[test]
fn every_mistake_is_told_with_its_line() {
    let text = r#"sead = 1
[[requests]]
[[request]]
methd = "GET"
method = "LOOK"
path = 3
nth = 0
probability = 1.5
latency = "soon"
retry-after = "1s"
[[request]]
status = 200
reset = "before"
[[request]]
silent = true
[[program]]
exit = 0
[[pod]]
fate = "cras"
from = "2m"
until = "1m"
[[chart]]
name = "a"
"#;
    let mistakes = FaultFile::parse(text).expect_err("mistakes");
    let told = mistakes.to_string();
    for wanted in [
        "line 1: the file has no key \"sead\": did you mean seed?",
        "line 2: the file has no key \"requests\": did you mean request?",
        "line 4: [[request]] has no key \"methd\": did you mean method?",
        "line 5: method is \"LOOK\": allowed are GET, WATCH, POST, PUT, PATCH, DELETE",
        "line 6: path must be a pattern in a string",
        "line 7: nth must be a whole number from 1 on",
        "line 8: probability must be a number from 0 to 1",
        "line 9: latency must be a duration such as \"1m30s\" or \"500ms\"",
        "line 10: retry-after says nothing without status",
        "line 12: status is not a refusal: allowed are 400 to 599",
        "line 13: status and reset exclude each other: make two rules of them",
        "line 15: only a watch can fall silent: add method = \"WATCH\"",
        "line 17: exit must be a whole number from 1 on",
        "line 19: fate is \"cras\": allowed are crash, missing, never, unschedulable: did you mean crash?",
        "line 21: until is not after from",
        "line 22: [[chart]] does nothing: give one of latency, fails",
    ] {
        assert!(
            told.lines().any(|line| line == wanted),
            "{wanted}\nis missing in\n{told}"
        );
    }
    assert!(mistakes.0.is_sorted_by_key(|mistake| mistake.line));
    let syntax = FaultFile::parse("seed = 1\nseed = \n")
        .expect_err("a mistake")
        .to_string();
    assert!(syntax.starts_with("line 2: it is not TOML"), "{syntax}");
    let table = FaultFile::parse("[request]\nsilent = true\n")
        .expect_err("a mistake")
        .to_string();
    assert_eq!(
        table,
        "line 1: request is no list of tables: begin each with [[request]]"
    );
}

#[test]
fn the_schema_describes_what_is_read() {
    let text = include_str!("../../faults.schema.json");
    let schema: Value = serde_json::from_str(text).expect("JSON");
    let keys = |object: &Value| -> Vec<String> {
        let mut keys: Vec<String> = object["properties"]
            .as_object()
            .expect("properties")
            .keys()
            .cloned()
            .collect();
        keys.sort();
        keys
    };
    let sorted = |list: Vec<&str>| {
        let mut list: Vec<String> = list.into_iter().map(str::to_owned).collect();
        list.sort();
        list
    };
    let sections = SECTIONS.map(|(name, _)| name);
    assert_eq!(
        keys(&schema),
        sorted(TOP.into_iter().chain(sections).collect())
    );
    for (name, known) in SECTIONS {
        let items = &schema["properties"][name]["items"];
        assert_eq!(keys(items), sorted(known.to_vec()), "{name}");
    }
    let choices = |section: &str, key: &str| {
        schema["properties"][section]["items"]["properties"][key]["enum"].clone()
    };
    assert_eq!(choices("request", "method"), json!(METHODS));
    assert_eq!(choices("request", "reset"), json!(SIDES));
    assert_eq!(choices("program", "reset"), json!(SIDES));
    assert_eq!(choices("program", "program"), json!(PROGRAMS));
    assert_eq!(choices("pod", "fate"), json!(FATES));

    // Both take and refuse the same.
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    let cases = [
        (EXAMPLE, true),
        ("", true),
        ("seed = -1", false),
        ("[[request]]\npath = \"/\"", false),
        ("[[request]]\nstatus = 200", false),
        ("[[request]]\nstatus = 500\nreset = \"after\"", false),
        ("[[request]]\nreset = \"after\"\nmessage = \"no\"", false),
        ("[[request]]\nlatency = \"3\"", false),
        ("[[request]]\ndown = \"1m30s\"\nprobability = 1", true),
        ("[[program]]\nexit = 256", false),
        ("[[program]]\nexit = 1\nreset = \"before\"", false),
        ("[[pod]]\nfate = \"sad\"", false),
        ("[[chart]]\nname = \"a\"", false),
        ("[[finalizer]]", true),
        ("[[missing]]", true),
        ("[[registry]]\nstatus = 200", false),
        ("[[registry]]\nurl = \"a\"", false),
    ];
    for (text, good) in cases {
        let value: Value = toml::from_str(text).expect("TOML");
        assert_eq!(validator.is_valid(&value), good, "the schema of {text}");
        assert_eq!(FaultFile::parse(text).is_ok(), good, "{text}");
    }
}
