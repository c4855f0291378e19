//! What bad input gets.

use super::*;

#[test]
fn what_is_no_text_or_no_toml_is_told_with_its_place() {
    let told: Vec<_> = [
        &b"[clusters.dot\nprovider = \"kind\"\n"[..],
        b"[clusters.dot]\nprovider = \"kin",
        b"[clusters.dot]\nprovider = kind\n",
        b"[clusters.dot]\nprovider = \"aws\"\nprovider = \"kind\"\n",
        b"[clusters.dot]\n[clusters.dot]\n",
        b"a = 1\nb = \"\0\"\n",
        b"a = 1\n\xc3\x28 = 2\n",
        b"\xff\xfea\0=\0b\0",
        b"= 1",
    ]
    .into_iter()
    .map(|text| Place::new().toml(text).error())
    .collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    error: cannot use windlass.toml: it is not TOML
      caused by: line 1, column 14: unclosed table, expected `]`
      hint: correct the line, or use another file: --config FILE
    error: cannot use windlass.toml: it is not TOML
      caused by: line 2, column 16: invalid basic string, expected `"`
      hint: correct the line, or use another file: --config FILE
    error: cannot use windlass.toml: it is not TOML
      caused by: line 2, column 12: string values must be quoted, expected literal string
      hint: correct the line, or use another file: --config FILE
    error: cannot use windlass.toml: it is not TOML
      caused by: line 3, column 1: duplicate key
      hint: correct the line, or use another file: --config FILE
    error: cannot use windlass.toml: it is not TOML
      caused by: line 2, column 11: duplicate key
      hint: correct the line, or use another file: --config FILE
    error: cannot use windlass.toml
      caused by: line 2: it holds a NUL byte
      hint: save it as plain text in UTF-8
    error: cannot use windlass.toml
      caused by: line 2: it is not UTF-8
      hint: save it as plain text in UTF-8
    error: cannot use windlass.toml
      caused by: line 1: it holds a NUL byte
      hint: save it as plain text in UTF-8
    error: cannot use windlass.toml: it is not TOML
      caused by: line 1, column 1: unquoted keys cannot be empty, expected letters, numbers, `-`, `_`
      hint: correct the line, or use another file: --config FILE
    "#);
}

#[test]
fn a_file_cut_off_anywhere_is_read_or_told_but_never_a_panic() {
    let whole = include_str!("full.toml");
    let (mut read, mut told) = (0, 0);
    for end in (0..whole.len()).filter(|end| whole.is_char_boundary(*end)) {
        match Place::new().toml(&whole[..end]).resolve() {
            Ok(_) => read += 1,
            Err(error) => {
                assert!(error.to_string().contains(FILE), "{error}");
                told += 1;
            }
        }
    }
    assert!(read > 10 && told > 100, "{read} {told}");
}

#[test]
fn a_file_that_cannot_be_read_is_told() {
    let mut told = Vec::new();
    for name in [FILE, ".env"] {
        let place = Place::new();
        fs::create_dir(place.path().join(name)).unwrap();
        told.push(place.error());
    }
    told.push(Place::new().toml(vec![b'#'; (1 << 20) + 1]).error());
    let gone = Place::new().toml("[broken").flags(Flags {
        config: Some("gone.toml".into()),
        ..Flags::default()
    });
    told.push(gone.error());
    told.push(
        Place::new()
            .variable("WINDLASS_CONFIG", "gone.toml")
            .error(),
    );
    told.push(
        Place::new()
            .file("other.toml", "[cluster]")
            .dot_env("WINDLASS_CONFIG=other.toml")
            .error(),
    );
    insta::assert_snapshot!(told.join("\n"), @r"
    error: cannot read windlass.toml
      caused by: it is a directory
      hint: move it away, or run windlass in another folder
    error: cannot read .env
      caused by: it is a directory
      hint: move it away, or run windlass in another folder
    error: cannot use windlass.toml
      caused by: it is longer than 1 MiB
    error: --config: gone.toml
      caused by: there is no such file
      hint: name a file that is there, or leave it out to use ./windlass.toml
    error: WINDLASS_CONFIG in the environment: gone.toml
      caused by: there is no such file
      hint: name a file that is there, or leave it out to use ./windlass.toml
    error: cluster in other.toml line 1: unknown key; did you mean clusters?
    ");
}

#[test]
fn a_byte_order_mark_is_no_mistake() {
    let place = Place::new().toml("\u{feff}[clusters.a]\nprovider = \"kind\"\n");
    assert_eq!(place.resolve().unwrap().cluster.value.as_str(), "a");
    let place = Place::new().toml("# comment\r\n[clusters.a]\r\nprovider = \"gcp\"\r\n");
    let provider = place.resolve().unwrap().provider.unwrap();
    assert_eq!(provider.value, ProviderId::Google);
    assert_eq!(
        provider.origin.to_string(),
        "clusters.a.provider in windlass.toml line 3"
    );
}

#[test]
fn unknown_keys_are_told_all_at_once_with_the_nearest_known_one() {
    let place = Place::new().toml(
        r#"
clutsers = 1
[clusters.dot]
providr = "kind"
nodes = { minimum = 1, Max = 2 }
kind.http_port = 80
[[clusters.dot.node-pools]]
name = "a"
taint = []
taints = [{ key = "k", effect = "NoExecute", valeu = "v" }]
[components.traefik]
chart = "x"
values.anything = { "goes here" = 1 }
[gitops]
url = "https://example.org/x"
brnch = "main"
[platform]
namespace = []
[environments.other]
clusters.dot.node = 1
[environments.other.environments.deeper]
[environments."not a name"]
"#,
    );
    insta::assert_snapshot!(place.error(), @r#"
    error: 13 settings cannot be used
      clutsers in windlass.toml line 2: unknown key; did you mean clusters?
      clusters.dot.providr in windlass.toml line 4: unknown key; did you mean clusters.dot.provider?
      clusters.dot.nodes.Max in windlass.toml line 5: unknown key; did you mean clusters.dot.nodes.max?
      clusters.dot.nodes.minimum in windlass.toml line 5: unknown key; known here: min, max, size
      clusters.dot.kind.http_port in windlass.toml line 6: unknown key; did you mean clusters.dot.kind.http-port?
      clusters.dot.node-pools[0].taint in windlass.toml line 9: unknown key; did you mean clusters.dot.node-pools[0].taints?
      clusters.dot.node-pools[0].taints[0].valeu in windlass.toml line 10: unknown key; did you mean clusters.dot.node-pools[0].taints[0].value?
      components.traefik.chart in windlass.toml line 12: unknown key; known here: enabled, version, namespace, values, secrets
      gitops.brnch in windlass.toml line 16: unknown key; did you mean gitops.branch?
      platform.namespace in windlass.toml line 18: unknown key; did you mean platform.namespaces?
      environments.other.clusters.dot.node in windlass.toml line 20: unknown key; did you mean environments.other.clusters.dot.nodes?
      environments.other.environments in windlass.toml line 21: unknown key; known here: clusters, components, gitops, platform
      environments."not a name" in windlass.toml line 22: "not a name" is not a name: allowed are 1 to 63 lower-case letters, digits and hyphens, beginning and ending with a letter or digit
    "#);
}

#[test]
fn values_of_the_wrong_type_are_told_all_at_once() {
    let place = Place::new().toml(
        r#"
platform = []
[clusters.dot]
provider = true
kubernetes-version = 1.36
lifetime = 8
nodes = { min = "1", max = 1.5, size = 1 }
node-pools = { name = "a" }
kind = "docker"
[clusters]
"Upper" = {}
next = 2026-01-01
[components]
traefik = "41.3.0"
[components.flux]
enabled = "yes"
values = 1
secrets = { a = 1 }
[components.other]
values = { a = inf, b = 99999999999999999999, c = [nan] }
[gitops]
prune = 1
"#,
    );
    insta::assert_snapshot!(place.error(), @r#"
    error: 20 settings cannot be used
      platform in windlass.toml line 2: it is an array, where a table is wanted
      clusters.dot.provider in windlass.toml line 4: it is true or false, where a string is wanted
      clusters.dot.kubernetes-version in windlass.toml line 5: it is a number with a point, where a string, in quotes, is wanted
      clusters.dot.lifetime in windlass.toml line 6: it is a whole number, where a string, in quotes, is wanted
      clusters.dot.nodes.min in windlass.toml line 7: it is a string, where a whole number, without quotes, is wanted
      clusters.dot.nodes.max in windlass.toml line 7: it is a number with a point, where a whole number is wanted
      clusters.dot.nodes.size in windlass.toml line 7: it is a whole number, where a string, in quotes, is wanted
      clusters.dot.node-pools in windlass.toml line 8: it is a table, where an array is wanted
      clusters.dot.kind in windlass.toml line 9: it is a string, where a table is wanted
      clusters.Upper in windlass.toml line 11: "Upper" is not a cluster name: it must begin with a lower-case letter
      clusters.next in windlass.toml line 12: it is a date or time, where a table is wanted
      components.traefik in windlass.toml line 14: it is a string, where a table is wanted
      components.flux.enabled in windlass.toml line 16: it is a string, where true or false is wanted
      components.flux.values in windlass.toml line 17: it is a whole number, where a table is wanted
      components.flux.secrets.a in windlass.toml line 18: it is a whole number, where a string, in quotes, is wanted
      components.other.values.a in windlass.toml line 20: a chart's values know no inf and no nan
      components.other.values.b in windlass.toml line 20: the number is too large
      components.other.values.c[0] in windlass.toml line 20: a chart's values know no inf and no nan
      gitops in windlass.toml line 21: url is missing: which repository?
      gitops.prune in windlass.toml line 22: it is a whole number, where true or false is wanted
    "#);
}

#[test]
fn values_against_the_rules_are_told_all_at_once() {
    let place = Place::new().toml(
        r#"
[clusters.dot]
provider = "kid"
kubernetes-version = "v1.36"
lifetime = "8 hours"
nodes = { min = 0, max = 1001, size = "tiny" }
kind = { engine = "doker", image = "--privileged", http-port = 65536, https-port = -1 }
[[clusters.dot.node-pools]]
min = 3
max = 2
labels = { "a/b/c" = "x", ok = "-x" }
taints = [{ key = "", effect = "noSchedule" }, { value = "v" }]
[[clusters.dot.node-pools]]
name = "Batch"
[[clusters.dot.node-pools]]
name = "gpu"
[[clusters.dot.node-pools]]
name = "gpu"
[components.traefik]
version = ">=1"
namespace = "a_b"
secrets = { "a..b" = "X", "a.b" = "hunter2!", "" = "X" }
[gitops]
url = "https://user:hunter2@example.org/x"
tag = "v 1"
commit = "abc"
path = "../x"
interval = "1s"
namespace = ""
[platform]
namespaces = ["kube-x", "default", "ok", "ok", "no.dots", "flux-system"]
"#,
    );
    let error = place.error();
    assert!(!error.contains("hunter2"));
    insta::assert_snapshot!(error, @r#"
    error: 35 settings cannot be used
      clusters.dot.provider in windlass.toml line 3: "kid" is not a provider: allowed are aws, azure, google, kind; did you mean kind?
      clusters.dot.kubernetes-version in windlass.toml line 4: "v1.36" is not a Kubernetes version: write one such as 1.36 or 1.36.1
      clusters.dot.lifetime in windlass.toml line 5: "8 hours" is not a duration: write one such as 30m, 8h, 7d or 1h30m, or never
      clusters.dot.nodes.min in windlass.toml line 6: "0" is not a whole number from 1 to 1000
      clusters.dot.nodes.max in windlass.toml line 6: "1001" is not a whole number from 1 to 1000
      clusters.dot.nodes.size in windlass.toml line 6: "tiny" is not a node size: allowed are small, medium, large
      clusters.dot.kind.engine in windlass.toml line 7: "doker" is not a container engine: allowed are docker, podman, nerdctl; did you mean docker?
      clusters.dot.kind.image in windlass.toml line 7: "--privileged" is not an image: write one such as kindest/node:v1.36.1
      clusters.dot.kind.http-port in windlass.toml line 7: "65536" is not a whole number from 0 to 65535; 0 opens none
      clusters.dot.kind.https-port in windlass.toml line 7: "-1" is not a whole number from 0 to 65535; 0 opens none
      clusters.dot.node-pools[0] in windlass.toml line 8: the node pool has no name
      clusters.dot.node-pools[0].min in windlass.toml line 9: 3 is above the maximum, which is 2 (clusters.dot.node-pools[0].max in windlass.toml line 10)
      clusters.dot.node-pools[0].labels."a/b/c" in windlass.toml line 11: "a/b/c" is not the key of a label: write one such as tier or example.org/tier
      clusters.dot.node-pools[0].labels.ok in windlass.toml line 11: "-x" is not the value of a label: allowed are up to 63 letters, digits, hyphens, underscores and dots, beginning and ending with a letter or digit
      clusters.dot.node-pools[0].taints[0].key in windlass.toml line 12: "" is not the key of a label: write one such as tier or example.org/tier
      clusters.dot.node-pools[0].taints[0].effect in windlass.toml line 12: "noSchedule" is not what a taint does: allowed are NoSchedule, PreferNoSchedule, NoExecute; did you mean NoSchedule?
      clusters.dot.node-pools[0].taints[1] in windlass.toml line 12: a taint needs both a key and an effect
      clusters.dot.node-pools[1].name in windlass.toml line 14: "Batch" is not a name: allowed are 1 to 63 lower-case letters, digits and hyphens, beginning and ending with a letter or digit
      clusters.dot.node-pools[3] in windlass.toml line 17: a second node pool is called "gpu"
      components.traefik.version in windlass.toml line 20: ">=1" is not a version: write one such as 41.3.0, not a range
      components.traefik.namespace in windlass.toml line 21: "a_b" is not a name: allowed are 1 to 63 lower-case letters, digits and hyphens, beginning and ending with a letter or digit
      components.traefik.secrets."" in windlass.toml line 22: "" is not the path of a value: write one such as auth.password
      components.traefik.secrets."a..b" in windlass.toml line 22: "a..b" is not the path of a value: write one such as auth.password
      components.traefik.secrets."a.b" in windlass.toml line 22: it is not the name of a variable of the environment, which holds the secret: letters, digits and underscores, not beginning with a digit
      gitops.url in windlass.toml line 24: it holds credentials, which do not belong into a file: take them out
      gitops.tag in windlass.toml line 25: "v 1" is not the name of a branch or tag
      gitops.commit in windlass.toml line 26: "abc" is not a commit: all its 40 hexadecimal digits are wanted
      gitops.path in windlass.toml line 27: "../x" is not a folder of the repository: write one such as kubernetes or clusters/dot
      gitops.interval in windlass.toml line 28: "1s" is not an interval: allowed are 10s to 1d
      gitops.namespace in windlass.toml line 29: "" is not a name: allowed are 1 to 63 lower-case letters, digits and hyphens, beginning and ending with a letter or digit
      platform.namespaces[0] in windlass.toml line 31: "kube-x" is reserved for the platform: choose another name
      platform.namespaces[1] in windlass.toml line 31: "default" is reserved for the platform: choose another name
      platform.namespaces[3] in windlass.toml line 31: "ok" is there twice
      platform.namespaces[4] in windlass.toml line 31: "no.dots" is not a name: allowed are 1 to 63 lower-case letters, digits and hyphens, beginning and ending with a letter or digit
      platform.namespaces[5] in windlass.toml line 31: "flux-system" is reserved for the platform: choose another name
    "#);
}

#[test]
fn urls_of_git_hold_no_credentials() {
    for (url, good) in [
        ("https://example.org/x.git", true),
        ("http://git.local:8080/x", true),
        ("ssh://git@example.org:22/x", true),
        ("https://token@example.org/x", false),
        ("ssh://git:pass@example.org/x", false),
        ("git@example.org:x.git", false),
        ("file:///x", false),
        ("https://example.org", false),
        ("https:///x", false),
        ("https://example.org/x?token=t", false),
        ("https://example.org/x y", false),
    ] {
        assert_eq!(names::git_url(url).is_ok(), good, "{url}");
    }
}

#[test]
fn what_does_not_go_together_is_told() {
    let flags = |change: fn(&mut Flags)| {
        let mut flags = Flags::default();
        change(&mut flags);
        flags
    };
    let file = "[clusters.dot]\nnodes.min = 3\nkind.http-port = 443\n[gitops]\nurl = \"https://e.org/x\"\nbranch = \"a\"\ntag = \"b\"\n";
    let told: Vec<_> = [
        Place::new().toml(file).flags(flags(|flags| {
            flags.max_nodes = some("2");
            flags.only = vec!["flux".to_owned()];
            flags.without = vec!["traefik,flux".to_owned()];
        })),
        Place::new().flags(flags(|flags| flags.https_port = some("80"))),
        Place::new().variable("WINDLASS_ENVIRONMENT", "staging"),
        Place::new()
            .toml("[environments.staging]\n[environments.production]")
            .flags(flags(|flags| flags.environment = some("stagin"))),
        Place::new()
            .toml("[environments.staging]")
            .flags(flags(|flags| flags.environment = some("x"))),
        Place::new().toml("[gitops]\nbranch = \"main\"\n"),
        Place::new()
            .variable("WINDLASS_CLUSTER", "Dot")
            .flags(flags(|flags| {
                flags.lifetime = some("30s");
                flags.min_nodes = some("+1");
                flags.provider = some("upcloud");
            })),
    ]
    .iter()
    .map(Place::error)
    .collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    error: 4 settings cannot be used
      --without: flux is wanted by --only too
      clusters.dot.nodes.min in windlass.toml line 2: 3 is above the maximum, which is 2 (--max-nodes)
      clusters.dot.kind.http-port in windlass.toml line 3: http and https cannot both have port 443
      gitops.tag in windlass.toml line 7: only one of branch, tag and commit can be
    error: --https-port: http and https cannot both have port 80
    error: WINDLASS_ENVIRONMENT in the environment: there is no windlass.toml here that could have an environment "staging"
    error: --environment: there is no environment "stagin" in windlass.toml; did you mean staging?
    error: --environment: there is no environment "x" in windlass.toml; it has staging
    error: gitops in windlass.toml line 1: url is missing: which repository?
    error: 4 settings cannot be used
      WINDLASS_CLUSTER in the environment: "Dot" is not a cluster name: it must begin with a lower-case letter
      --provider: "upcloud" is not a provider: allowed are aws, azure, google, kind
      --lifetime: "30s" is not a lifetime: allowed are 1m to 3650d, or never
      --min-nodes: "+1" is not a whole number from 1 to 1000
    "#);
}

#[test]
fn both_ports_may_be_off() {
    let place = Place::new().toml("[clusters.dot]\nkind = { http-port = 0, https-port = 0 }\n");
    place.resolve().unwrap();
}

#[test]
fn durations_are_read_and_written_alike() {
    for (text, seconds, written) in [
        ("30m", 1_800, "30m"),
        ("8h", 28_800, "8h"),
        ("1w", 604_800, "7d"),
        ("90m", 5_400, "1h30m"),
        ("1d2h3m4s", 93_784, "1d2h3m4s"),
    ] {
        let duration = words::duration(text).unwrap();
        assert_eq!(duration.as_secs(), seconds);
        assert_eq!(format_duration(duration), written);
        assert_eq!(words::duration(written), Ok(duration));
    }
    for bad in [
        "",
        "0s",
        "8",
        "h",
        "8 h",
        "8hours",
        "1m1h",
        "1h1h",
        "-1h",
        "1.5h",
        "８h",
        "1é",
        "99999999999999999999h",
        "9999999999999999w",
    ] {
        assert!(words::duration(bad).is_err(), "{bad}");
    }
}
