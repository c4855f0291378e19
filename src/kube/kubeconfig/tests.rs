use std::{fs, os::unix::fs::PermissionsExt, path::Path, sync::Arc, time::Duration};

use windlass_provider::{Change, Clock, Ctx, Fault};

use super::*;

/// A clock whose every wait is over at once, and has passed.
#[derive(Debug, Default)]
struct Leaping(std::sync::atomic::AtomicU64);

#[async_trait::async_trait]
impl Clock for Leaping {
    fn now(&self) -> jiff::Timestamp {
        let passed = self.0.load(std::sync::atomic::Ordering::SeqCst);
        jiff::Timestamp::UNIX_EPOCH + Duration::from_millis(passed)
    }

    async fn sleep(&self, duration: Duration) {
        let millis = u64::try_from(duration.as_millis()).unwrap();
        self.0
            .fetch_add(millis, std::sync::atomic::Ordering::SeqCst);
    }

    async fn reached(&self, _: jiff::Timestamp) {
        std::future::pending().await
    }
}

fn cx() -> Ctx {
    Ctx::new(Arc::new(Leaping::default()))
}

fn entry(cluster: &str) -> Entry {
    Entry {
        name: format!("windlass-{cluster}"),
        cluster: cluster.into(),
        server: "https://127.0.0.1:6443".into(),
        certificate_authority: Some("-----BEGIN CERTIFICATE-----\n".into()),
        tls_server_name: None,
        namespace: None,
        credential: Credential::Program {
            command: "windlass".into(),
            args: vec!["token".into(), "--cluster".into(), cluster.into()],
            install_hint: "windlass is not on your PATH: see https://example.com".into(),
        },
    }
}

const FOREIGN: &str = "\
# my clusters, do not touch
apiVersion: v1
kind: Config
preferences: {colors: true}   # odd but mine
clusters:
  - name: work        # the big one
    cluster:
      server: https://work.example.com
      x-unknown: [1, 0x10, ~]
users:
  # two of them
  - name: me
    user: {token: \"012\"}
  - name: you
    user:
      exec: {apiVersion: client.authentication.k8s.io/v1, command: x, interactiveMode: IfAvailable}
contexts: []
current-context: work
x-future: yes
";

#[tokio::test]
async fn merging_and_removing_leaves_a_foreign_file_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    fs::write(&path, FOREIGN).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let cx = cx();

    assert_eq!(
        merge(&cx, &path, &entry("dot"), false).await.unwrap(),
        Change::Updated
    );
    let merged = fs::read_to_string(&path).unwrap();
    for line in FOREIGN.lines().filter(|line| !line.starts_with("contexts")) {
        assert!(merged.contains(line), "{line:?} is gone from\n{merged}");
    }
    assert_eq!(
        merge(&cx, &path, &entry("dot"), false).await.unwrap(),
        Change::Unchanged
    );
    assert_eq!(
        merge(&cx, &path, &entry("other"), false).await.unwrap(),
        Change::Updated
    );
    let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o640);

    assert_eq!(remove(&cx, &path, "other").await.unwrap(), Change::Removed);
    assert_eq!(fs::read_to_string(&path).unwrap(), merged);
    assert_eq!(remove(&cx, &path, "dot").await.unwrap(), Change::Removed);
    assert_eq!(fs::read_to_string(&path).unwrap(), FOREIGN);
    assert_eq!(remove(&cx, &path, "dot").await.unwrap(), Change::Absent);
    assert!(!folder.path().join("config.lock").exists());
}

#[tokio::test]
async fn comments_around_our_entries_stay() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    fs::write(&path, FOREIGN).unwrap();
    let cx = cx();
    merge(&cx, &path, &entry("dot"), false).await.unwrap();
    merge(&cx, &path, &entry("other"), false).await.unwrap();
    let commented = fs::read_to_string(&path)
        .unwrap()
        .replace(
            "  - name: windlass-other\n",
            "  # the other one\n  - name: windlass-other\n",
        )
        .replace("users:\n", "\n# who\nusers:\n");
    assert_eq!(commented.matches("# the other one").count(), 2);
    fs::write(&path, &commented).unwrap();
    remove(&cx, &path, "dot").await.unwrap();
    let left = fs::read_to_string(&path).unwrap();
    assert_eq!(left.matches("# the other one").count(), 2);
    remove(&cx, &path, "other").await.unwrap();
    let left = fs::read_to_string(&path).unwrap();
    assert_eq!(left, FOREIGN.replace("users:\n", "\n# who\nusers:\n"));
}

#[tokio::test]
async fn merging_makes_the_file_and_kube_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(".kube/config");
    assert_eq!(
        merge(&cx(), &path, &entry("dot"), true).await.unwrap(),
        Change::Made
    );
    let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    let read = ::kube::config::Kubeconfig::read_from(&path).unwrap();
    assert_eq!(read.current_context.as_deref(), Some("windlass-dot"));
    let user = read.auth_infos[0].auth_info.as_ref().unwrap();
    let exec = user.exec.as_ref().unwrap();
    assert_eq!(exec.command.as_deref(), Some("windlass"));
    assert_eq!(exec.args.as_deref().unwrap(), ["token", "--cluster", "dot"]);
    assert!(user.token.is_none());
    let context = read.contexts[0].context.as_ref().unwrap();
    assert_eq!(context.cluster, "windlass-dot");
}

#[tokio::test]
async fn the_current_context_changes_only_when_asked_and_is_cleared_only_if_ours() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    fs::write(&path, FOREIGN).unwrap();
    let cx = cx();
    let current = || {
        let text = fs::read_to_string(&path).unwrap();
        let line = text
            .lines()
            .find(|line| line.starts_with("current-context"));
        line.unwrap().to_owned()
    };
    merge(&cx, &path, &entry("dot"), false).await.unwrap();
    assert_eq!(current(), "current-context: work");
    merge(&cx, &path, &entry("other"), true).await.unwrap();
    assert_eq!(current(), "current-context: windlass-other");
    remove(&cx, &path, "dot").await.unwrap();
    assert_eq!(current(), "current-context: windlass-other");
    remove(&cx, &path, "other").await.unwrap();
    assert_eq!(current(), "current-context: \"\"");
}

#[tokio::test]
async fn files_in_other_styles_keep_their_meaning() {
    let json = r#"{"apiVersion":"v1","kind":"Config","clusters":[{"name":"a","cluster":{"server":"s","n":"1e3"}}],"users":null,"x":{"y":["true","0o7","- a: b"]}}"#;
    let bare = "clusters:\n- cluster:\n    server: a\n  name: a\nusers:\n";
    let no_newline = "apiVersion: v1\nusers: []\ncurrent-context: a";
    for text in [json, bare, no_newline, "", "---\n", "# only a comment\n"] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        fs::write(&path, text).unwrap();
        let before = document::parse(&path, text).unwrap();
        merge(&cx(), &path, &entry("dot"), false).await.unwrap();
        remove(&cx(), &path, "dot").await.unwrap();
        let after = fs::read_to_string(&path).unwrap();
        let mut after = document::parse(&path, &after).unwrap();
        for section in document::SECTIONS {
            let there = before.get(section).filter(|value| !value.is_null());
            let there = there.cloned().unwrap_or_else(|| json!([]));
            assert_eq!(after[section].take(), there, "{text}");
        }
        assert_eq!(after["x"], before["x"], "{text}");
        assert_eq!(
            after["current-context"], before["current-context"],
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_broken_file_is_named_and_left_alone() {
    let cases: [(&[u8], &str); 6] = [
        (
            b"apiVersion: v1\nclusters:\n- name: a\n  cluster: {server: \"htt",
            "line 4",
        ),
        (b"a: b\n\xff\n", "line 2 is not UTF-8 text"),
        (b"- a\n", "no mapping"),
        (b"kind: Pod\n", "its kind is \"Pod\""),
        (b"clusters: 7\n", "clusters is no list"),
        (b"users:\n- user: {}\n", "an item of users has no name"),
    ];
    for (broken, expected) in cases {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        fs::write(&path, broken).unwrap();
        for result in [
            merge(&cx(), &path, &entry("dot"), true).await,
            remove(&cx(), &path, "dot").await,
        ] {
            let error = result.unwrap_err();
            assert_eq!(error.fault, Fault::Invalid);
            assert!(
                error.message.contains(&path.display().to_string()),
                "{error:?}"
            );
            assert!(error.causes[0].contains(expected), "{error:?}");
        }
        assert_eq!(fs::read(&path).unwrap(), broken);
        assert!(!folder.path().join("config.lock").exists());
    }
}

#[tokio::test]
async fn an_entry_of_that_name_that_is_not_ours_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    let text = "contexts:\n- name: windlass-dot\n  context: {cluster: mine, user: mine}\n";
    fs::write(&path, text).unwrap();
    let error = merge(&cx(), &path, &entry("dot"), true).await.unwrap_err();
    assert_eq!(error.fault, Fault::Conflict);
    assert!(
        error.causes[0].contains("\"windlass-dot\" in contexts"),
        "{error:?}"
    );
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    assert_eq!(remove(&cx(), &path, "dot").await.unwrap(), Change::Absent);
}

#[tokio::test]
async fn a_lock_that_stays_is_named_and_one_that_goes_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    let lock = folder.path().join("config.lock");
    fs::write(&lock, "").unwrap();
    let error = merge(&cx(), &path, &entry("dot"), true).await.unwrap_err();
    assert_eq!(error.fault, Fault::Conflict);
    assert!(error.hints[0].contains("config.lock"), "{error:?}");
    assert!(!path.exists());

    let mut cx = cx();
    cx.progress = windlass_provider::Progress::new(move |_| fs::remove_file(&lock).unwrap());
    merge(&cx, &path, &entry("dot"), true).await.unwrap();
}

#[tokio::test]
async fn a_link_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let real = folder.path().join("real");
    let link = folder.path().join("config");
    fs::write(&real, FOREIGN).unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    merge(&cx(), &link, &entry("dot"), false).await.unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(fs::read_to_string(&real).unwrap().contains("windlass-dot"));
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    // A folder where the file should be: fails for root too.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config");
    fs::create_dir(&path).unwrap();
    let error = write(&path, &entry("dot")).unwrap_err();
    assert_eq!(error.fault, Fault::Unavailable);
    assert!(error.message.contains("config"), "{error:?}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn the_users_own_file_is_found_by_the_environment() {
    let find = |kubeconfig: Option<&str>, home: Option<&str>| {
        default_path(|name| match name {
            "KUBECONFIG" => kubeconfig.map(Into::into),
            _ => home.map(Into::into),
        })
    };
    assert_eq!(find(Some(":/a:/b"), Some("/h")).unwrap(), Path::new("/a"));
    assert_eq!(
        find(Some(""), Some("/h")).unwrap(),
        Path::new("/h/.kube/config")
    );
    let error = find(None, None).unwrap_err();
    assert_eq!(error.fault, Fault::Unavailable);
    assert!(error.message.contains("HOME"));
}
