//! Clusters on Google Cloud, in simulated projects: their life, and what is said of what goes wrong.

use serde_json::{Value, json};

use crate::{bed::Bed, process::Served};

const SETUP: &[&str] = &["setup", "google", "--rehearse", "--only", "traefik"];
const CREATE: &[&str] = &["cluster", "create", "google", "--rehearse"];
const DESTROY: &[&str] = &["destroy", "google", "--rehearse"];

/// Returns what is in the projects, as "kind name".
fn projects(world: &Served) -> Vec<String> {
    let assets = world.ask("assets");
    let assets = assets.as_array().expect("a list").iter();
    let text = |asset: &Value, key: &str| asset[key].as_str().unwrap_or_default().to_owned();
    assets
        .filter(|asset| asset["provider"] == "google")
        .map(|asset| format!("{} {}", text(asset, "kind"), text(asset, "name")))
        .collect()
}

#[test]
fn a_platform_rises_on_gke_and_goes_from_a_machine_that_knows_nothing() {
    let bed = Bed::new();
    let world = bed.serve();
    bed.run(SETUP).expect(0);
    let again = bed.run(SETUP).expect(0);
    assert!(
        again.out.contains("already there") && !again.out.contains("made\n"),
        "{}",
        again.out
    );
    let list = bed
        .run(&["cluster", "list", "--rehearse", "--output", "json"])
        .expect(0);
    assert!(
        list.out.contains("\"provider\": \"google\""),
        "{}",
        list.out
    );
    let there = projects(&world);
    for kind in [
        "google:forwardingRules",
        "google:targetPools",
        "google:firewalls",
    ] {
        assert!(there.iter().any(|it| it.starts_with(kind)), "{there:?}");
    }
    let elsewhere = Bed::new();
    let mut destroy = elsewhere.command(DESTROY);
    let destroy = destroy.env("WINDLASS_REHEARSE_WORLD", bed.world());
    let down = elsewhere.finish(destroy).expect(0);
    assert!(down.out.contains("nothing is left behind"), "{}", down.out);
    assert_eq!(projects(&world), [""; 0]);
}

#[test]
fn pools_and_versions_of_a_cluster_that_is_there_change_and_nothing_else_does() {
    let bed = Bed::new();
    let run = |args: &[&str]| {
        bed.run(&[&["cluster"], args, &["--provider", "google", "--rehearse"]].concat())
    };
    let small = [
        "--min-nodes",
        "1",
        "--lifetime",
        "8h",
        "--location",
        "us-east1-b",
    ];
    bed.run(&[CREATE, &small].concat()).expect(0);
    let pool = [
        "node-pool",
        "add",
        "gpu",
        "--machine",
        "g2-standard-4",
        "--max",
        "2",
        "--label",
        "tier=fast",
    ];
    run(&pool).expect(0);
    run(&["node-pool", "scale", "default", "--max", "7"]).expect(0);
    run(&["upgrade"]).expect(0);
    let list = run(&["node-pool", "list"]).expect(0);
    insta::assert_snapshot!(list.out, @r"
    POOL     STATE  MIN  MAX  MACHINE        ZONE        VERSION             TAINTS                              DETAIL
    default  ready  1    7    e2-standard-2  -           1.36.1-gke.1286000  -
    gpu      ready  0    2    g2-standard-4  us-east1-b  1.36.1-gke.1286000  nvidia.com/gpu=present:NO_SCHEDULE
    ");
    let own = run(&["node-pool", "recreate", "default"]).expect(1);
    assert!(
        own.err
            .contains("makes the pool \"default\" with the cluster"),
        "{}",
        own.err
    );
    run(&["node-pool", "recreate", "gpu"]).expect(0);
    assert_eq!(run(&["node-pool", "list"]).expect(0).out, list.out);
    run(&["node-pool", "delete", "gpu"]).expect(0);
    bed.run(DESTROY).expect(0);
}

#[test]
fn a_project_of_its_own_is_named_and_goes_unless_it_is_to_be_kept() {
    let bed = Bed::new();
    let world = bed.serve();
    let create = [CREATE, &["--create-project", "--project", "acme-dev-1"]].concat();
    let up = bed.run(&create).expect(0);
    assert!(up.out.contains("project acme-dev-1"), "{}", up.out);
    let kept = bed
        .run(&[DESTROY, &["--keep", "project"]].concat())
        .expect(0);
    assert!(
        kept.out.contains("you asked to keep the project"),
        "{}",
        kept.out
    );
    assert_eq!(projects(&world), ["google:project acme-dev-1"]);
    bed.run(&create).expect(0);
    let down = bed.run(DESTROY).expect(0);
    assert!(down.out.contains("project acme-dev-1"), "{}", down.out);
    assert_eq!(projects(&world), [""; 0]);
}

/// A project that nobody named has its name before the plan is made: what acts on Google Cloud acts in it, as an account of its own.
#[test]
fn components_act_in_a_project_whose_name_was_made_up() {
    let bed = Bed::new();
    let world = bed.serve();
    let setup = [
        "setup",
        "google",
        "--rehearse",
        "--create-project",
        "--only",
        "external-dns",
    ];
    let planned = bed
        .run(&[&setup[..], &["--dry-run", "--output", "json"]].concat())
        .expect(0);
    assert!(
        planned.out.contains("account-external-dns"),
        "{}",
        planned.out
    );
    assert_eq!(projects(&world), [""; 0]);
    // A run that came to nothing leaves no name behind that the next would have to ask for.
    bed.write(
        "faults.toml",
        "[[cloud]]\nprovider = \"google\"\naction = \"projects.create\"\nstatus = 403\n",
    );
    let faults = ["--rehearse-faults", "faults.toml"];
    let denied = bed.run(&[&setup[..], &faults].concat()).expect(6);
    assert!(denied.err.contains("projects.create"), "{}", denied.err);
    bed.write("faults.toml", "");
    bed.run(&[&setup[..], &faults].concat()).expect(0);
    let there = projects(&world);
    let found = |kind: &str| {
        there
            .iter()
            .filter_map(|it| it.strip_prefix(kind))
            .collect::<Vec<_>>()
    };
    let [project] = found("google:project ")[..] else {
        panic!("{there:?}");
    };
    assert!(project.starts_with("dot-2"), "{project}");
    let accounts = found("google:service-account ");
    let account = accounts.iter().find(|it| it.starts_with("dot-external-d-"));
    assert!(
        account.is_some_and(|it| it.ends_with(&format!("@{project}.iam.gserviceaccount.com"))),
        "{accounts:?}"
    );
    // The next run finds the project by its label, and asks for the same.
    let again = bed.run(&setup).expect(0);
    assert!(!again.out.contains("made\n"), "{}", again.out);
    assert_eq!(projects(&world), there);
    let down = bed.run(DESTROY).expect(0);
    assert!(
        down.out.contains(&format!("project {project}")),
        "{}",
        down.out
    );
    assert_eq!(projects(&world), [""; 0]);
}

#[test]
fn private_nodes_get_a_way_out_that_goes_with_their_cluster_unless_nobody_wants_it() {
    let bed = Bed::new();
    let world = bed.serve();
    let router = "google:routers windlass-dot".to_owned();
    for (nat, made) in [("", true), (", nat = false", false)] {
        let google = format!(
            "[clusters.dot]\ngoogle = {{ private-nodes = true, location = \"us-east1-b\"{nat} }}\n"
        );
        bed.write("windlass.toml", google);
        let up = bed.run(CREATE).expect(0);
        assert_eq!(up.out.contains("router windlass-dot"), made, "{}", up.out);
        assert_eq!(projects(&world).contains(&router), made);
        // What asks for the cluster as it is takes the way out along.
        bed.run(&["cluster", "upgrade", "--provider", "google", "--rehearse"])
            .expect(0);
        assert_eq!(projects(&world).contains(&router), made);
        let down = bed.run(DESTROY).expect(0);
        assert_eq!(
            down.out.contains("router windlass-dot"),
            made,
            "{}",
            down.out
        );
        assert_eq!(projects(&world), [""; 0]);
    }
}

#[test]
fn what_controllers_left_goes_with_a_cluster_whose_api_is_dead() {
    let bed = Bed::new();
    let world = bed.serve();
    bed.run(SETUP).expect(0);
    bed.write(
        "faults.toml",
        "[[request]]\npath = \"/**\"\nreset = \"before\"\n",
    );
    let down = bed
        .run(&[DESTROY, &["--rehearse-faults", "faults.toml"]].concat())
        .expect(5);
    assert!(down.out.contains("forwarding rule "), "{}", down.out);
    assert!(down.err.contains("nobody can tell"), "{}", down.err);
    assert_eq!(projects(&world), [""; 0]);
}

/// What cannot be deleted is listed by its name, and the exit code says that something is left; the next run takes it along.
#[test]
fn what_cannot_be_deleted_is_listed_and_goes_with_the_next_run() {
    let bed = Bed::new();
    let world = bed.serve();
    bed.run(SETUP).expect(0);
    bed.write(
        "faults.toml",
        "[[request]]\npath = \"/**\"\nreset = \"before\"\n\n[[cloud]]\nprovider = \"google\"\naction = \"targetPools.delete\"\nstatus = 403\n",
    );
    let faults = ["--rehearse-faults", "faults.toml"];
    let down = bed.run(&[DESTROY, &faults].concat()).expect(5);
    let left = down.out.split("left behind").nth(1).expect("a list");
    assert!(left.contains("target pool a"), "{}", down.out);
    assert!(!left.contains("forwarding rule"), "{}", down.out);
    let kinds: Vec<String> = projects(&world)
        .iter()
        .filter_map(|it| Some(it.split(' ').next()?.to_owned()))
        .collect();
    assert!(
        kinds.contains(&"google:targetPools".to_owned()),
        "{kinds:?}"
    );
    bed.write("faults.toml", "");
    bed.run(&[DESTROY, &faults].concat());
    assert_eq!(projects(&world), [""; 0]);
}

/// Google cares for the nodes of an Autopilot cluster; all else is as everywhere.
#[test]
fn a_platform_rises_on_autopilot_and_goes() {
    let bed = Bed::new();
    let world = bed.serve();
    bed.write(
        "windlass.toml",
        "[clusters.dot]\ngoogle = { mode = \"autopilot\" }\n",
    );
    bed.run(SETUP).expect(0);
    let again = bed.run(SETUP).expect(0);
    assert!(!again.out.contains("made\n"), "{}", again.out);
    let pool = [
        "cluster",
        "node-pool",
        "add",
        "more",
        "--provider",
        "google",
        "--rehearse",
    ];
    let refused = bed.run(&pool).expect(2);
    assert!(refused.err.contains("Autopilot"), "{}", refused.err);
    let down = bed.run(DESTROY).expect(0);
    assert!(down.out.contains("nothing is left behind"), "{}", down.out);
    assert_eq!(projects(&world), [""; 0]);
}

/// A load balancer whose cluster and firewall rule somebody deleted by hand may be another cluster's by its nodes' names: it is told,
/// and stays.
#[test]
fn what_may_be_another_cluster_s_is_told_and_stays() {
    let bed = Bed::new();
    let world = bed.serve();
    let named = ["--cluster", "dot-a", "--location", "us-east1-b"];
    bed.run(&[SETUP, &named].concat()).expect(0);
    let there = projects(&world);
    let firewall = there
        .iter()
        .find_map(|it| it.strip_prefix("google:firewalls "));
    let project = "projects/windlass-rehearsal";
    let cluster = format!("container/v1/{project}/locations/us-east1-b/clusters/dot-a");
    world.ask_google("DELETE", &cluster);
    let firewall = firewall.expect("a firewall rule");
    world.ask_google(
        "DELETE",
        &format!("compute/compute/v1/{project}/global/firewalls/{firewall}"),
    );
    world.pass(900);
    let down = bed
        .run(&[DESTROY, &["--cluster", "dot-a"]].concat())
        .expect(5);
    let pool = format!(
        "target pool {}: it leads to nodes",
        firewall.trim_start_matches("k8s-fw-")
    );
    assert!(down.out.contains(&pool), "{}", down.out);
    assert!(
        down.out
            .contains("may be those of dot-a, or of another cluster"),
        "{}",
        down.out
    );
    assert!(
        down.err.contains("look where it is, and delete it there"),
        "{}",
        down.err
    );
    let left = projects(&world);
    let kinds: Vec<&str> = left.iter().filter_map(|it| it.split(' ').next()).collect();
    assert_eq!(kinds, ["google:forwardingRules", "google:targetPools"]);
}

#[test]
fn whoever_may_not_is_told_what_and_before_anything_is_made_where_that_can_be_known() {
    let bed = Bed::new();
    let world = bed.serve();
    bed.write(
        "faults.toml",
        "[[cloud]]\nprovider = \"google\"\nservice = \"container\"\naction = \"clusters.create\"\nstatus = 403\n",
    );
    let faults = ["--rehearse-faults", "faults.toml"];
    let refused = bed.run(&[CREATE, &faults].concat()).expect(1);
    assert!(
        refused.err.contains("may not container.clusters.create"),
        "{}",
        refused.err
    );
    assert_eq!(projects(&world), [""; 0]);
    let check = ["credentials", "check", "google", "--rehearse"];
    let told = bed.run(&check).expect(4);
    assert!(
        told.out.contains("may not container.clusters.create"),
        "{}",
        told.out
    );
    bed.write("faults.toml", "");
    let told = bed.run(&[&check[..], &faults].concat()).expect(0);
    let who = "rehearsal@example.com in project windlass-rehearsal";
    assert!(told.out.contains(who), "{}", told.out);
}

#[test]
fn a_quota_that_is_too_small_stops_before_anything_is_made_and_one_behind_a_call_is_explained() {
    let bed = Bed::new();
    let many = ["--min-nodes", "40", "--max-nodes", "40"];
    let refused = bed.run(&[CREATE, &many].concat()).expect(1);
    assert!(refused.err.contains("of 72 are used"), "{}", refused.err);
    bed.write(
        "faults.toml",
        "[[cloud]]\nprovider = \"google\"\naction = \"clusters.create\"\nfails = \"Insufficient regional quota: CPUS\"\n",
    );
    let faults = ["--rehearse-faults", "faults.toml"];
    let failed = bed.run(&[CREATE, &faults].concat()).expect(6);
    assert!(
        failed.err.contains("Insufficient regional quota"),
        "{}",
        failed.err
    );
    bed.write("faults.toml", "");
    bed.run(&[CREATE, &faults].concat()).expect(0);
    bed.run(DESTROY).expect(0);
}

#[test]
fn without_credentials_it_is_said_how_to_get_some_and_nobody_is_waited_for() {
    let bed = Bed::new();
    let ran = bed
        .run(&["credentials", "check", "google", "--project", "acme-dev-1"])
        .expect(4);
    assert!(
        ran.out
            .contains("there are no credentials of Google Cloud here"),
        "{}",
        ran.out
    );
    assert!(
        ran.err.contains("gcloud auth application-default login"),
        "{}",
        ran.err
    );
}

/// Without a rehearsal, too: a user's own credentials bring tokens where their file says, and each service is asked where its variable
/// says.
#[test]
fn a_user_s_own_credentials_lead_to_their_project_and_end_when_they_are_revoked() {
    let bed = Bed::new();
    let world = bed.serve();
    let project = "windlass-rehearsal";
    world.tell("google/assume", &project.into());
    bed.run(&[CREATE, &["--location", "us-east1-b", "--min-nodes", "1"]].concat())
        .expect(0);
    let host = world.endpoint().split('/').nth(2).expect("a host");
    let google = format!("http://{host}/google");
    let run = |refresh_token: &str, args: &[&str]| {
        let adc = json!({
            "type": "authorized_user", "client_id": "id", "client_secret": "secret", "refresh_token": refresh_token,
            "token_uri": format!("{google}/oauth2/token"),
        });
        bed.write("adc.json", adc.to_string());
        let mut command = bed.command(args);
        for service in [
            "cloudresourcemanager",
            "compute",
            "container",
            "iam",
            "openidconnect",
            "serviceusage",
        ] {
            let variable = format!("CLOUDSDK_API_ENDPOINT_OVERRIDES_{}", service.to_uppercase());
            command.env(variable, format!("{google}/{service}"));
        }
        command
            .env(
                "GOOGLE_APPLICATION_CREDENTIALS",
                bed.here().join("adc.json"),
            )
            .env("GOOGLE_CLOUD_PROJECT", project);
        bed.finish(&mut command)
    };
    let check = ["credentials", "check", "google"];
    let told = run("1//rehearsal", &check).expect(0);
    let who = "rehearsal@example.com in project windlass-rehearsal";
    assert!(told.out.contains(who), "{}", told.out);
    let list = ["cluster", "list", "--provider", "google"];
    let list = run("1//rehearsal", &list).expect(0);
    assert!(
        list.out.contains("dot      google    ready  windlass"),
        "{}",
        list.out
    );
    let told = run("1//revoked", &check).expect(4);
    assert!(
        told.out.contains("bring no token") && told.out.contains("invalid_grant"),
        "{}",
        told.out
    );
    assert!(
        told.err.contains("gcloud auth application-default login"),
        "{}",
        told.err
    );
}
