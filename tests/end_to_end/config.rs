//! `config`: a file to begin with, what holds, and the schema.

use crate::bed::Bed;

#[test]
fn a_file_to_begin_with_is_written_once_and_works() {
    let bed = Bed::new();
    let ran = bed.run(&["config", "init"]).expect(0);
    assert_eq!(ran.out, "windlass.toml\n");
    let written = bed.text("windlass.toml").expect("a file");
    assert!(written.contains("\n#provider = \"kind\"\n"), "{written}");
    bed.run(&["config", "show"]).expect(0);
    bed.run(&["setup", "kind", "--rehearse", "--dry-run"])
        .expect(0);

    bed.write("windlass.toml", "# mine\n");
    let again = bed.run(&["config", "init"]).expect(1);
    assert!(
        again.err.contains("windlass.toml is there already"),
        "{}",
        again.err
    );
    assert_eq!(bed.text("windlass.toml").as_deref(), Some("# mine\n"));
    bed.run(&["config", "init", "--config", "other.toml"])
        .expect(0);
    assert_eq!(bed.text("other.toml"), Some(written));
}

#[test]
fn every_setting_is_shown_with_its_origin_and_no_secret() {
    let bed = Bed::new();
    bed.write(
        "windlass.toml",
        r#"
[clusters.dev]
lifetime = "never"
nodes.min = 2
[[clusters.dev.node-pools]]
name = "gpu"
[components.traefik]
version = "41.3.0"
values = { replicas = 2 }
secrets = { "auth.password" = "TRAEFIK_PASSWORD" }
[gitops]
url = "https://example.org/fleet.git"
"#,
    );
    bed.write(
        ".env",
        "WINDLASS_HTTP_PORT=8080\nTRAEFIK_PASSWORD=hunter2hunter2\n",
    );
    let args = ["config", "show", "--origin", "--nodes", "3"];
    let ran = bed
        .finish(bed.command(&args).env("WINDLASS_WITHOUT", "traefik"))
        .expect(0);
    assert!(!ran.out.contains("hunter2"), "{}", ran.out);
    insta::assert_snapshot!(ran.out, @r#"
    SETTING                                   VALUE                          FROM
    cluster                                   dev                            clusters.dev in windlass.toml line 2
    components.traefik.secrets.auth.password  TRAEFIK_PASSWORD               components.traefik.secrets."auth.password" in windlass.toml line 10
    components.traefik.values                 {"replicas":2}                 components.traefik in windlass.toml line 7
    components.traefik.version                41.3.0                         components.traefik.version in windlass.toml line 8
    environment                               -                              nobody set it
    gitops.branch                             main                           the default
    gitops.interval                           1m                             the default
    gitops.namespace                          flux-system                    the default
    gitops.path                               kubernetes                     the default
    gitops.prune                              true                           the default
    gitops.url                                https://example.org/fleet.git  gitops.url in windlass.toml line 12
    kind.engine                               -                              nobody set it
    kind.http-port                            8080                           WINDLASS_HTTP_PORT in .env line 1
    kind.https-port                           443                            the default
    kind.image                                -                              nobody set it
    kubernetes-version                        -                              nobody set it
    lifetime                                  never                          clusters.dev.lifetime in windlass.toml line 3
    node-pools.gpu.max                        1                              clusters.dev.node-pools[0] in windlass.toml line 5
    node-pools.gpu.min                        1                              clusters.dev.node-pools[0] in windlass.toml line 5
    nodes.max                                 3                              the default
    nodes.min                                 3                              --min-nodes
    only                                      -                              nobody set it
    platform.namespaces                       a-team,b-team                  the default
    provider                                  kind                           WINDLASS_PROVIDER in the environment
    without                                   traefik                        WINDLASS_WITHOUT in the environment
    "#);
    let json = bed.run(&["config", "show", "--output", "json"]).expect(0);
    let json: serde_json::Value = serde_json::from_str(&json.out).expect("JSON");
    let port = json
        .as_array()
        .expect("an array")
        .iter()
        .find(|held| held["setting"] == "kind.http-port")
        .expect("a setting");
    assert_eq!(port["value"], "8080");
    assert_eq!(port["origin"], "WINDLASS_HTTP_PORT in .env line 1");
}

#[test]
fn the_schema_is_printed_as_it_is() {
    let ran = Bed::new().run(&["config", "schema"]).expect(0);
    let schema: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!(schema["title"], "windlass.toml");
    jsonschema::meta::validate(&schema).expect("a schema");
}
