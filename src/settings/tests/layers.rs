//! Which layer beats which, and that each value knows its own.

use super::*;
use crate::files::dotenv::write_block;

const FULL: &str = include_str!("full.toml");

#[test]
fn each_layer_beats_the_next_and_is_told() {
    let mut place = Place::new();
    let mut told = Vec::new();
    let mut look = |place: &Place| {
        let settings = place.resolve().unwrap();
        let max = settings.max_nodes;
        told.push(match &max {
            Some(max) => format!("{} from {}", max.value, max.origin),
            None => "none".to_owned(),
        });
    };
    look(&place);
    place = place
        .toml("\n[clusters.dot]\nnodes.max = 2\n[environments.x]\nclusters.dot.nodes.max = 3\n");
    look(&place);
    place = place.variable("WINDLASS_ENVIRONMENT", "x");
    look(&place);
    place = place.dot_env("# ours\n\nexport WINDLASS_MAX_NODES='4'\n");
    look(&place);
    place = place.variable("WINDLASS_MAX_NODES", "5");
    look(&place);
    place = place.flags(Flags {
        max_nodes: some("6"),
        ..Flags::default()
    });
    look(&place);
    insta::assert_snapshot!(told.join("\n"), @r"
    none
    2 from clusters.dot.nodes.max in windlass.toml line 3
    3 from environments.x.clusters.dot.nodes.max in windlass.toml line 5
    4 from WINDLASS_MAX_NODES in .env line 3
    5 from WINDLASS_MAX_NODES in the environment
    6 from --max-nodes
    ");
}

#[test]
fn the_cluster_is_the_one_asked_for_or_the_only_one_or_dot() {
    let find = |toml: &str, flag: Option<&str>| {
        let place = Place::new().toml(toml).flags(Flags {
            cluster: flag.map(str::to_owned),
            ..Flags::default()
        });
        place
            .resolve()
            .map(|settings| settings.cluster.value.to_string())
            .map_err(|error| error.to_string())
    };
    let ok = |name: &str| Ok(name.to_owned());
    assert_eq!(find("", None), ok("dot"));
    assert_eq!(find("[clusters.a]", None), ok("a"));
    assert_eq!(find("[clusters.a]\n[clusters.dot]", None), ok("dot"));
    assert_eq!(find("[clusters.a]\n[clusters.b]", Some("b")), ok("b"));
    assert_eq!(find("[clusters.a]", Some("new")), ok("new"));
    let mut any = Place::new().toml("[clusters.a]\n[clusters.b]");
    any.any_cluster = true;
    assert_eq!(any.resolve().unwrap().cluster.value.as_str(), "dot");
    insta::assert_snapshot!(find("[clusters.a]\n[clusters.b]", None).unwrap_err(), @r"error: --cluster: windlass.toml has more than one: name one of a, b");
}

#[test]
fn components_are_checked_against_the_catalogue() {
    let place = Place::new()
        .toml("[components.treafik]\nenabled = true\n[components.zzz]\n[components.flux]\n")
        .flags(Flags {
            without: vec!["cert-manger".to_owned()],
            ..Flags::default()
        });
    let settings = place.resolve().unwrap();
    let known = ["flux", "cert-manager", "traefik", "crossplane"];
    insta::assert_snapshot!(settings.check_components(&known).unwrap_err(), @r#"
    error: 3 settings cannot be used
      --without: there is no component "cert-manger"; did you mean cert-manager?
      components.treafik in windlass.toml line 1: there is no component "treafik"; did you mean traefik?
      components.zzz in windlass.toml line 3: there is no component "zzz"; there are flux, cert-manager, traefik, crossplane
    "#);
    let fine = Place::new().toml(FULL).resolve().unwrap();
    fine.check_components(&known).unwrap();
}

#[test]
fn secrets_are_looked_for_but_never_kept() {
    let place = Place::new().toml(FULL);
    let settings = place.resolve().unwrap();
    settings.check_secrets(&["flux"]).unwrap();
    insta::assert_snapshot!(settings.check_secrets(&["traefik"]).unwrap_err(), @r#"error: components.traefik.secrets."auth.password" in windlass.toml line 23: the variable TRAEFIK_PASSWORD is not set: export it, or put it into .env"#);
    for place in [
        Place::new()
            .toml(FULL)
            .variable("TRAEFIK_PASSWORD", "hunter2"),
        Place::new().toml(FULL).dot_env("TRAEFIK_PASSWORD=hunter2"),
    ] {
        let settings = place.resolve().unwrap();
        settings.check_secrets(&["traefik"]).unwrap();
        assert_eq!(settings.secrets().collect::<Vec<_>>(), ["hunter2"]);
        assert!(!format!("{settings:?}").contains("hunter2"));
    }
}

#[test]
fn what_windlass_wrote_into_dot_env_is_no_input() {
    let place = Place::new().dot_env("WINDLASS_CLUSTER=mine\nA='it'\n");
    let ours = [
        ("PROVIDER".to_owned(), "azure".to_owned()),
        ("WINDLASS_CLUSTER".to_owned(), "theirs".to_owned()),
    ];
    write_block(
        &place.path().join(".env"),
        &"theirs".parse().unwrap(),
        &ours,
        |_| false,
    )
    .unwrap();
    let settings = place.resolve().unwrap();
    assert_eq!(settings.cluster.value.as_str(), "mine");
    assert_eq!(settings.provider, None);
}
