//! What bad programs, and missing ones, come to: always a clear error, and never a program left running.

use std::{
    fs::File,
    sync::{Arc, mpsc},
    time::Duration,
};

use tokio::sync::Notify;
use windlass_provider::{Check, Ctx, Error, Fault, Provider, Scope, Verdict};

use crate::machine::{Machine, nothing, spec};

/// Tries to make a cluster with a kind whose `create` is this piece of shell.
async fn create(machine: &Machine, cx: &Ctx, script: &str) -> Error {
    machine.put("kind/create", script);
    let cluster = machine.plan(&spec("dot")).await;
    let ended = machine.kind().ensure(cx, &cluster, &nothing()).await;
    ended.unwrap_err()
}

/// Makes the machine's `lock` the one that programs inherit, and returns how to wait until nothing holds it any more.
fn lock(machine: &Machine, cx: &mut Ctx) -> impl FnOnce() + use<> {
    let path = machine.path("lock");
    let file = File::create(&path).unwrap();
    file.lock().unwrap();
    cx.program_lock = Some(Arc::new(file));
    move || {
        // The lock is waited for in a thread, so that one that is never released fails the test.
        let (free, freed) = mpsc::channel();
        std::thread::spawn(move || {
            File::open(&path).unwrap().lock().unwrap();
            free.send(()).unwrap();
        });
        freed
            .recv_timeout(Duration::from_secs(60))
            .expect("a program is left running");
    }
}

/// A kind that begins, starts something that holds the lock too, and then never ends.
const ENDLESS: &str = r#"
mkfifo "$FAKE_KIND/never"
exec 3<&0
(read -r _ <"$FAKE_KIND/never") <&3 &
echo ' • Preparing nodes 📦  ...' >&2
read -r _ <"$FAKE_KIND/never"
"#;

#[tokio::test]
async fn a_failed_create_tells_kinds_own_words_its_class_and_what_to_do() {
    for (said, fault, hint) in [
        (
            "failed to pull image \"kindest/node:v1.99.9\": manifest unknown",
            Fault::Invalid,
            "kubernetes-version",
        ),
        (
            "failed to pull image: net/http: TLS handshake timeout",
            Fault::Transient,
            "HTTPS_PROXY",
        ),
        (
            "write /var/lib/docker/x: no space left on device",
            Fault::Failed,
            "docker system prune",
        ),
        (
            "could not find a log line that matches",
            Fault::Failed,
            "fs.inotify.max_user_instances",
        ),
        (
            "Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?",
            Fault::Unavailable,
            "start",
        ),
        ("nobody has ever seen this", Fault::Failed, ""),
    ] {
        let machine = Machine::fake();
        let script = format!(
            "echo 'Creating cluster \"dot\" ...' >&2\nprintf '\\033[31mERROR\\033[0m: failed to create cluster: %s\\n\\nCommand Output: x\\n' '{said}' >&2\nexit 1"
        );
        let error = create(&machine, &machine.cx(), &script).await;
        assert_eq!(error.fault, fault, "{said}");
        assert_eq!(error.to_string(), "cannot create kind cluster \"dot\"");
        assert!(
            error.causes[0].contains("kind create cluster --name dot"),
            "{error:?}"
        );
        assert!(
            error.causes[0].ends_with("ended with exit status: 1"),
            "{error:?}"
        );
        assert_eq!(
            error.causes[1],
            format!("ERROR: failed to create cluster: {said}")
        );
        assert_eq!(error.hints.is_empty(), hint.is_empty(), "{error:?}");
        assert!(
            error.hints.is_empty() || error.hints.iter().any(|h| h.contains(hint)),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn output_without_end_or_sense_is_bounded() {
    let machine = Machine::fake();
    let script = r#"
head -c 20000000 /dev/zero | tr '\0' 'y' >&2
head -c 40000000 /dev/zero
printf '\nERROR: \377\376 broken\n' >&2
exit 3"#;
    let error = create(&machine, &machine.cx(), script).await;
    assert_eq!(error.causes.len(), 2);
    assert_eq!(error.causes[1], "ERROR: \u{fffd}\u{fffd} broken");
    assert!(machine.said().is_empty(), "{:?}", machine.said());
}

#[tokio::test]
async fn a_kind_killed_by_a_signal_says_so() {
    let machine = Machine::fake();
    let error = create(&machine, &machine.cx(), "kill -9 $$").await;
    assert_eq!(error.fault, Fault::Failed);
    assert!(error.causes[0].contains("signal: 9"), "{error:?}");
}

#[tokio::test]
async fn a_kind_that_claims_success_over_nothing_is_not_believed() {
    let machine = Machine::fake();
    let error = create(&machine, &machine.cx(), ":").await;
    assert_eq!(error.to_string(), "kind cluster \"dot\" is gone");
}

#[tokio::test]
async fn a_deadline_ends_kind_and_all_that_it_started() {
    let machine = Machine::fake();
    let clock = Arc::clone(&machine.clock);
    let mut cx = machine.listening(move |said| {
        if said == "preparing nodes" {
            clock.advance(Duration::from_secs(60 * 60));
        }
    });
    let released = lock(&machine, &mut cx);
    let error = create(&machine, &cx, ENDLESS).await;
    assert_eq!(error.fault, Fault::TimedOut);
    assert_eq!(error.to_string(), "cannot create kind cluster \"dot\"");
    assert!(
        error
            .causes
            .iter()
            .any(|cause| cause.contains("Preparing nodes")),
        "{error:?}"
    );
    drop(cx);
    released();
}

#[tokio::test]
async fn an_interruption_ends_even_a_kind_that_will_not_listen() {
    let machine = Machine::fake();
    let clock = Arc::clone(&machine.clock);
    let cancel = Arc::new(std::sync::OnceLock::<tokio_util::sync::CancellationToken>::new());
    let token = Arc::clone(&cancel);
    let mut cx = machine.listening(move |said| match said {
        "preparing nodes" => token.get().unwrap().cancel(),
        "still here" => clock.advance(Duration::from_secs(5)),
        _ => {}
    });
    cancel.set(cx.cancel.clone()).unwrap();
    let released = lock(&machine, &mut cx);
    let script = r#"
trap 'echo " • Still here" >&2' TERM
mkfifo "$FAKE_KIND/never"
echo ' • Preparing nodes' >&2
while :; do read -r _ <"$FAKE_KIND/never"; done"#;
    let error = create(&machine, &cx, script).await;
    assert_eq!(error.fault, Fault::Cancelled);
    drop(cx);
    released();
    assert!(machine.said().contains(&"still here".to_owned()));
}

#[tokio::test]
async fn a_call_that_is_dropped_leaves_no_program_behind() {
    let machine = Machine::fake();
    let begun = Arc::new(Notify::new());
    let told = Arc::clone(&begun);
    let mut cx = machine.listening(move |_| told.notify_one());
    let released = lock(&machine, &mut cx);
    tokio::select! {
        error = create(&machine, &cx, ENDLESS) => panic!("{error:?}"),
        () = begun.notified() => {}
    }
    drop(cx);
    released();
}

#[tokio::test]
async fn missing_programs_are_all_named_with_how_to_get_them() {
    let machine = Machine::bare();
    let error = machine
        .kind()
        .facts(&machine.cx(), &spec("dot"))
        .await
        .unwrap_err();
    assert_eq!(error.fault, Fault::Unavailable);
    assert_eq!(error.to_string(), "kind and docker are not installed");
    for hint in ["install kind", "devbox shell", "install Docker"] {
        assert!(
            error.hints.iter().any(|h| h.contains(hint)),
            "{hint}: {error:?}"
        );
    }
    let mut podman = spec("dot");
    podman.kind.engine = Some("podman".into());
    let error = machine
        .kind()
        .facts(&machine.cx(), &podman)
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "kind and podman are not installed");
    podman.kind.engine = Some("rkt".into());
    let error = machine
        .kind()
        .facts(&machine.cx(), &podman)
        .await
        .unwrap_err();
    assert_eq!(error.fault, Fault::Invalid);
    let error = machine
        .kind()
        .discover(&machine.cx(), Scope::all())
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "docker is not installed");
}

#[tokio::test]
async fn a_docker_that_does_not_answer_is_explained() {
    for (said, fault, hint) in [
        (
            "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
            Fault::Unavailable,
            "start",
        ),
        (
            "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock",
            Fault::Denied,
            "sudo usermod -aG docker",
        ),
        ("no idea", Fault::Unavailable, "start"),
    ] {
        let machine = Machine::fake();
        machine.put("docker/broken", said);
        let error = machine
            .kind()
            .facts(&machine.cx(), &spec("dot"))
            .await
            .unwrap_err();
        assert_eq!(error.fault, fault);
        assert_eq!(error.to_string(), "docker is installed but does not answer");
        assert!(error.causes.contains(&said.to_owned()), "{error:?}");
        assert!(error.hints[0].contains(hint), "{error:?}");
        let checks = machine
            .kind()
            .preflight(&machine.cx(), &spec("dot"), &Default::default())
            .await;
        let failed: Vec<&Check> = checks
            .iter()
            .filter(|c| c.verdict == Verdict::Failed)
            .collect();
        assert_eq!(failed.len(), 1);
        assert!(failed[0].detail.contains(said), "{failed:?}");
    }
}

#[tokio::test]
async fn a_docker_that_hangs_is_given_up() {
    let machine = Machine::fake();
    machine.put("docker/stuck", "");
    let calls = machine.path("docker/calls");
    let patience = async {
        while !calls.exists() {
            tokio::task::yield_now().await;
        }
        machine.clock.advance(Duration::from_secs(61));
    };
    let (kind, cx, spec) = (machine.kind(), machine.cx(), spec("dot"));
    let (facts, ()) = futures::join!(kind.facts(&cx, &spec), patience);
    let error = facts.unwrap_err();
    assert_eq!(error.fault, Fault::Unavailable);
    assert_eq!(error.to_string(), "docker does not answer");
    assert!(error.hints[0].contains("start"), "{error:?}");
}

#[tokio::test]
async fn the_first_engine_that_answers_is_taken_and_the_silent_one_named() {
    let machine = Machine::fake();
    machine.put("docker/broken", "Cannot connect to the Docker daemon");
    machine.install("podman", &machine.path("bin/docker"));
    let facts = machine
        .kind()
        .facts(&machine.cx(), &spec("dot"))
        .await
        .unwrap();
    assert_eq!(facts.identity, "podman 5.4.1, kind 0.33.0");
    assert_eq!(
        machine
            .kind()
            .discover(&machine.cx(), Scope::all())
            .await
            .unwrap(),
        []
    );
    assert!(
        machine
            .said()
            .iter()
            .any(|said| said.starts_with("docker is installed but does not answer"))
    );
    let mut docker = spec("dot");
    docker.kind.engine = Some("docker".into());
    let error = machine
        .kind()
        .facts(&machine.cx(), &docker)
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "docker is installed but does not answer");
}

#[tokio::test]
async fn an_old_or_speechless_kind_is_noticed() {
    let machine = Machine::fake();
    machine.put("kind/version", "echo 'kind v0.20.0 go1.20 linux/amd64'");
    let facts = machine
        .kind()
        .facts(&machine.cx(), &spec("dot"))
        .await
        .unwrap();
    let checks = machine
        .kind()
        .preflight(&machine.cx(), &spec("dot"), &facts)
        .await;
    assert!(
        checks
            .iter()
            .any(|c| c.verdict == Verdict::Warning && c.detail.contains("0.20.0"))
    );
    machine.put("kind/version", "echo '?'");
    let error = machine
        .kind()
        .facts(&machine.cx(), &spec("dot"))
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "cannot read kind's version");
}
