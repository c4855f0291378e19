//! `kubeconfig --service-account`: access for others, which ends by itself, and can be taken away.

use std::os::unix::fs::PermissionsExt;

use serde_json::Value;

use crate::{bed::Bed, process::Served};

const GIVE: &[&str] = &["kubeconfig", "--rehearse", "--service-account"];

/// Returns a bed with a cluster that somebody else made.
fn foreign() -> (Bed, Served) {
    let bed = Bed::new();
    let world = bed.serve();
    world
        .program(&bed, "kind", &["create", "cluster", "--name", "dot"])
        .expect(0);
    world.make_namespace(&bed, "dot", "a-team");
    (bed, world)
}

fn user(bed: &Bed, file: &str) -> (String, Value) {
    let text = bed.text(file).expect("a kubeconfig");
    let config: Value = serde_saphyr::from_str(&text).expect("YAML");
    let token = config["users"][0]["user"]["token"]
        .as_str()
        .expect("a token");
    (token.to_owned(), config["contexts"][0]["context"].clone())
}

#[test]
fn access_is_given_for_a_while_and_taken_away_again() {
    let (bed, world) = foreign();
    let before = world.objects("dot");
    let ci = ["ci", "--role", "view", "--destination", "ci.yaml"];
    let ran = bed.run(&[GIVE, &ci].concat()).expect(0);
    assert_eq!(ran.out, "HERE/ci.yaml\n");
    for said in [
        "service account windlass-system/ci has ClusterRole view in the whole cluster",
        ", in 8h\n",
        "renew: windlass kubeconfig --service-account ci --role view --for 8h --destination ci.yaml --rehearse",
        "revoke: windlass kubeconfig --service-account ci --revoke --rehearse",
    ] {
        assert!(ran.err.contains(said), "{said}:\n{}", ran.err);
    }
    assert!(!ran.err.contains("warning"), "{}", ran.err);
    let mode = std::fs::metadata(bed.here().join("ci.yaml"))
        .expect("a file")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let (token, _) = user(&bed, "ci.yaml");
    assert!(!ran.err.contains(&token));
    let namespace = "api/v1/namespaces/a-team";
    assert_eq!(world.try_token("dot", &token, "GET", namespace), 200);
    assert_eq!(world.try_token("dot", &token, "DELETE", namespace), 403);

    // In one namespace alone, and everything there: that is said.
    let all = [
        "deployer",
        "--namespace",
        "a-team",
        "--role",
        "cluster-admin",
        "--for",
        "1h",
        "--destination",
        "deployer.yaml",
    ];
    let ran = bed.run(&[GIVE, &all].concat()).expect(0);
    assert!(
        ran.err
            .contains("warning: cluster-admin lets deployer do anything in namespace a-team"),
        "{}",
        ran.err
    );
    assert!(ran.err.contains(", in 1h\n"), "{}", ran.err);
    let (admin, context) = user(&bed, "deployer.yaml");
    assert_eq!(context["namespace"], "a-team");
    let secrets = "api/v1/namespaces/a-team/secrets";
    assert_eq!(world.try_token("dot", &admin, "GET", secrets), 200);
    assert_eq!(world.try_token("dot", &admin, "GET", "api/v1/secrets"), 403);

    // Again: renewed in place; another role beside it is told.
    bed.run(&[GIVE, &ci].concat()).expect(0);
    let edit = ["ci", "--role", "edit", "--destination", "ci.yaml"];
    let ran = bed.run(&[GIVE, &edit].concat()).expect(0);
    assert!(
        ran.err.contains(
            "windlass gave it more before: ClusterRoleBinding windlass:windlass-system:ci:view"
        ),
        "{}",
        ran.err
    );

    let ran = bed.run(&[GIVE, &["ci", "--revoke"]].concat()).expect(0);
    assert!(
        ran.err.contains("its tokens are no longer taken"),
        "{}",
        ran.err
    );
    assert_eq!(world.try_token("dot", &token, "GET", namespace), 401);
    assert_eq!(world.try_token("dot", &admin, "GET", secrets), 200);
    let ran = bed.run(&[GIVE, &["ci", "--revoke"]].concat()).expect(1);
    assert!(
        ran.err.ends_with(
            "error: windlass gave no access to a service account ci\n  hint: it gave access to: a-team/deployer\n"
        ),
        "{}",
        ran.err
    );

    // Destroy leaves the cluster as it was.
    let down = bed.run(&["destroy", "kind", "--rehearse"]).expect(0);
    assert!(
        down.out
            .contains("took the access of service account a-team/deployer away"),
        "{}",
        down.out
    );
    assert_eq!(world.objects("dot"), before);
    assert_eq!(world.try_token("dot", &admin, "GET", secrets), 401);
}

#[test]
fn an_account_of_somebody_else_keeps_what_it_had() {
    let (bed, world) = foreign();
    let body = serde_json::json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "bot" } });
    let path = "api/v1/namespaces/a-team/serviceaccounts";
    world.ask_cluster(&bed, "dot", "POST", path, &body);
    let before = world.objects("dot");
    let bot = [
        "bot",
        "--namespace",
        "a-team",
        "--role",
        "view",
        "--destination",
        "bot.yaml",
    ];
    let ran = bed.run(&[GIVE, &bot].concat()).expect(0);
    assert!(
        ran.err.contains("somebody else made the account"),
        "{}",
        ran.err
    );
    let ran = bed.run(&[GIVE, &["bot", "--revoke"]].concat()).expect(0);
    assert!(
        ran.err
            .contains("ServiceAccount a-team/bot is not windlass's own"),
        "{}",
        ran.err
    );
    let after = world.objects("dot");
    let gone: Vec<_> = before.iter().filter(|it| !after.contains(it)).collect();
    assert!(gone.is_empty(), "{gone:?}");
    assert!(
        !after.iter().any(|it| it.contains("windlass:bot")),
        "{after:?}"
    );
}

#[test]
fn access_that_cannot_be_given_is_told_and_nothing_is_made() {
    let (bed, world) = foreign();
    let before = world.objects("dot");
    for (args, code, told) in [
        (
            &["ci", "--role", "veiw", "--destination", "x"][..],
            1,
            "error: cluster dot has no role veiw\n  hint: did you mean view?\n",
        ),
        (
            &[
                "ci",
                "--role",
                "view",
                "--namespace",
                "a-tem",
                "--destination",
                "x",
            ],
            1,
            "error: cluster dot has no namespace a-tem\n  hint: did you mean a-team?\n",
        ),
        (
            &["ci", "--role", "view"],
            2,
            "error: --service-account ci needs --destination FILE\n  hint: windlass kubeconfig --service-account ci --role view",
        ),
        (&["ci", "--destination", "x"], 2, "needs --role ROLE"),
        (
            &["ci", "--role", "view", "--for", "9m", "--destination", "x"],
            2,
            "\"9m\" is not allowed: from 10m to 24h",
        ),
        (
            &[
                "ci",
                "--role",
                "view",
                "--for",
                "soon",
                "--destination",
                "x",
            ],
            2,
            "is not a duration",
        ),
        (
            &["C.I", "--role", "view", "--destination", "x"],
            2,
            "allowed are lower-case letters",
        ),
        (
            &[
                "ci",
                "--namespace",
                "a.b",
                "--role",
                "view",
                "--destination",
                "x",
            ],
            2,
            "a namespace has no dot",
        ),
        (
            &["ci", "--revoke", "--role", "view"],
            2,
            "cannot be used with",
        ),
        (&["ci", "--revoke"], 1, "hint: it gave access to none"),
    ] {
        let ran = bed.run(&[GIVE, args].concat()).expect(code);
        assert!(ran.err.contains(told), "{told}:\n{}", ran.err);
    }
    assert_eq!(world.objects("dot"), before);
    assert!(bed.text("x").is_none());
}
