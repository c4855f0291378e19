use crate::{
    Speed, World,
    stage::{Stage, ask},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::{fs, time::Duration};

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn a_second_process_attaches_to_the_first() {
    let stage = Stage::open().await;
    assert!(stage.world.serving());
    let dir = stage.dir.path().join("world");
    let other = World::open(&dir, Speed::Factor(1.0)).await.unwrap();
    assert!(!other.serving());
    assert_eq!(other.endpoint(), stage.world.endpoint());
    assert_eq!(
        other.manifest("flux", "v2.9.4"),
        stage.world.manifest("flux", "v2.9.4")
    );

    // One clock: what one sleeps, the other sees.
    let (here, there) = (stage.world.clock(), other.clock());
    let start = here.now();
    assert_eq!(there.now(), start);
    there.sleep(HOUR).await;
    assert_eq!(
        there.now().duration_since(start),
        SignedDuration::from_hours(1)
    );
    assert_eq!(here.now(), there.now());
    let before = there.now();
    there.reached(before - SignedDuration::from_secs(1)).await;
    here.sleep(HOUR).await;
    there.sleep(Duration::ZERO).await;
    assert_eq!(there.now(), here.now());

    // A remote wait that is given up is forgotten.
    let limit = there.now() + SignedDuration::from_hours(24);
    tokio::select! {
        () = there.reached(limit) => panic!("a deadline is not hurried to"),
        () = here.sleep(HOUR) => {}
    }
    other.close().await;
    assert_eq!(stage.get("mutations").await, json!([]));
}

#[tokio::test]
async fn time_never_goes_back_and_the_address_stays() {
    let stage = Stage::open().await;
    let endpoint = stage.world.endpoint().to_owned();
    let clock = stage.world.clock();
    clock.sleep(HOUR * 48).await;
    let then = clock.now();
    let dir = stage.dir;
    stage.world.close().await;
    let world = World::open(&dir.path().join("world"), Speed::Max)
        .await
        .unwrap();
    assert!(world.clock().now() >= then);
    let port = |endpoint: &str| endpoint.split("/world/").next().unwrap().to_owned();
    assert_eq!(port(world.endpoint()), port(&endpoint));
    assert_ne!(world.endpoint(), endpoint, "the token is new");
    let (status, _) = ask(&endpoint, "GET", "state", Value::Null).await;
    assert_eq!(status, 401);
    assert!(world.clock().now() > Timestamp::now());
}

#[tokio::test]
async fn a_world_that_was_killed_goes_on_where_it_was() {
    let stage = Stage::open().await;
    stage.dot().await;
    let before = stage.get("state").await;
    let log = stage.dir.path().join("world/log.jsonl");
    let dir = stage.dir;
    // Dropped, not closed: nothing more is written, as when the process is killed.
    drop(stage.world);
    let mut text = fs::read(&log).unwrap();
    text.extend(b"{\"t\":\"2026-");
    fs::write(&log, text).unwrap();
    let world = World::open(&dir.path().join("world"), Speed::Max)
        .await
        .unwrap();
    let stage = Stage { world, dir };
    let after = stage.get("state").await;
    assert_eq!(after["containers"], before["containers"]);
    assert_eq!(after["clusters"][0]["id"], before["clusters"][0]["id"]);
    let nodes = stage
        .ok(
            "docker",
            &[
                "exec",
                "dot-control-plane",
                "kubectl",
                "get",
                "nodes",
                "-o",
                "name",
            ],
        )
        .await;
    assert_eq!(nodes, "node/dot-control-plane\n");
}

#[tokio::test]
async fn a_damaged_log_and_a_bad_place_are_named() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("log.jsonl"), "nonsense\n").unwrap();
    let error = World::open(dir.path(), Speed::Max).await.err().unwrap();
    assert!(
        format!("{error:#}").contains("log.jsonl:1: this line of the world's log is damaged"),
        "{error:#}"
    );
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let error = World::open(&file.join("world"), Speed::Max)
        .await
        .err()
        .unwrap();
    assert!(
        format!("{error:#}").contains("cannot create the world's folder"),
        "{error:#}"
    );
    for url in [
        "https://127.0.0.1:1/world/x",
        "nothing",
        "http://127.0.0.1:1/world/x",
    ] {
        let error = World::attach(url).await.err().unwrap();
        assert!(format!("{error:#}").contains(url), "{error:#}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn what_it_writes_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let stage = Stage::open().await;
    let mode = |name: &str| {
        fs::metadata(stage.dir.path().join(name))
            .unwrap()
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(mode("world"), 0o700);
    assert_eq!(mode("world/log.jsonl"), 0o600);
    assert_eq!(mode("world/endpoint"), 0o600);
}

#[tokio::test]
async fn kind_is_stopped_between_any_two_of_its_steps() {
    let stage = Stage::open().await;
    for (at, when, containers, clusters) in [
        (2, "before", 0, 0),
        (2, "after", 1, 0),
        (4, "before", 1, 0),
        (4, "after", 1, 1),
        (6, "after", 1, 1),
    ] {
        stage.post("hold", json!({"at": at, "when": when})).await;
        let create = stage.run("kind", &["create", "cluster", "--name", "dot"]);
        let cut = async {
            let held = stage.get("held").await;
            let request = held["held"]["request"].as_str().unwrap().to_owned();
            assert!(request.ends_with(" of dot"), "{request}");
            stage.post("release", json!({"answer": false})).await;
        };
        let (output, ()) = tokio::join!(create, cut);
        assert_ne!(output.status, 0);
        let state = stage.get("state").await;
        let count = |what: &str| state[what].as_array().unwrap().len();
        assert_eq!(
            (count("containers"), count("clusters")),
            (containers, clusters),
            "{at} {when}"
        );
        stage
            .ok("kind", &["delete", "cluster", "--name", "dot"])
            .await;
    }
}

#[tokio::test]
async fn a_mutating_call_is_held_and_let_go() {
    let stage = Stage::open().await;
    for (when, answer, made) in [
        ("before", true, true),
        ("before", false, false),
        ("after", true, true),
        ("after", false, true),
    ] {
        stage.post("hold", json!({"at": 1, "when": when})).await;
        let create = stage.run("kind", &["create", "cluster", "--name", "dot"]);
        let release = async {
            let held = stage.get("held").await;
            assert_eq!(held["held"]["request"], "kind create cluster --name dot");
            assert_eq!(held["held"]["when"], when);
            assert_eq!(
                stage.post("release", json!({"answer": answer})).await.0,
                200
            );
        };
        let (output, ()) = tokio::join!(create, release);
        assert_eq!(
            output.status == 0,
            answer,
            "{when} {answer}: {}",
            output.err
        );
        let clusters = stage.run("kind", &["get", "clusters"]).await;
        assert_eq!(
            clusters.out,
            if made { "dot\n" } else { "" },
            "{when} {answer}"
        );
        stage
            .ok("kind", &["delete", "cluster", "--name", "dot"])
            .await;
    }
    let mutations = stage.get("mutations").await;
    let whole = |it: &&Value| it["request"].as_str().unwrap().starts_with("kind ");
    let mutations = mutations.as_array().unwrap();
    assert_eq!(mutations.iter().filter(whole).count(), 8);
    assert_eq!(stage.post("release", json!({"answer": true})).await.0, 409);
    // One that never comes is waited for only until the test says that it has ended.
    stage.post("hold", json!({"at": 5})).await;
    let (held, _) = tokio::join!(stage.get("held"), stage.post("hold", json!({"at": null})));
    assert_eq!(held, json!({"held": null}));
    let history = stage.get("history").await;
    let mut last = Timestamp::MIN;
    for life in history
        .as_array()
        .unwrap()
        .iter()
        .filter(|life| life["what"] == "container")
    {
        let time = |field: &str| life[field].as_str().unwrap().parse::<Timestamp>().unwrap();
        assert!(time("born") >= last, "two were alive at once: {history}");
        last = time("died");
    }
}

#[tokio::test]
async fn a_cluster_answers_only_its_token_and_only_while_it_runs() {
    let stage = Stage::open().await;
    stage.dot().await;
    let host = stage.world.endpoint().split('/').nth(2).unwrap().to_owned();
    let get = async |path: &str| {
        let (host, path) = (host.clone(), path.to_owned());
        tokio::task::spawn_blocking(move || {
            use std::io::{Read, Write};
            let mut stream = std::net::TcpStream::connect(host).unwrap();
            write!(stream, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
            let mut answer = String::new();
            // A dropped connection reads as empty or as reset.
            let _ = stream.read_to_string(&mut answer);
            answer
                .split_whitespace()
                .nth(1)
                .unwrap_or_default()
                .to_owned()
        })
        .await
        .unwrap()
    };
    assert_eq!(get("/clusters/dot/api/v1/nodes").await, "403");
    assert_eq!(
        get("/clusters/other/api/v1/nodes").await,
        "",
        "nobody listens where no cluster is"
    );
    assert_eq!(get("/world/wrong/control/state").await, "401");
    assert_eq!(get("/manifests/flux/v2.9.4/install.yaml").await, "200");
    assert_eq!(get("/manifests/flux/v1.0.0/install.yaml").await, "404");
    stage.ok("docker", &["stop", "dot-control-plane"]).await;
    assert_eq!(
        get("/clusters/dot/api/v1/nodes").await,
        "",
        "a stopped control plane does not answer"
    );
    stage.ok("docker", &["start", "dot-control-plane"]).await;
    assert_eq!(get("/clusters/dot/api/v1/nodes").await, "403");
}
