use super::{Log, WASTE};
use crate::{
    kube,
    site::{Asset, Cluster, Entry, FORMAT},
};
use jiff::Timestamp;
use serde_json::json;
use std::{fs, path::PathBuf};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn cluster(name: &str, second: i64) -> Entry {
    Entry::Cluster(Cluster {
        name: name.to_owned(),
        id: format!("id-{second}"),
        token: "t".to_owned(),
        version: "v1.36.1".to_owned(),
        created: at(second),
        balancers: false,
        eks: None,
        aks: None,
        google: None,
    })
}

fn asset(id: &str) -> Entry {
    Entry::Asset(Asset {
        kind: "load-balancer".to_owned(),
        id: id.to_owned(),
        name: "web".to_owned(),
        cluster: "dot".to_owned(),
        maker: "Service default/web".to_owned(),
        created: at(3),
    })
}

fn object(revision: u64, name: &str, alive: bool) -> Entry {
    Entry::Object {
        cluster: "dot".to_owned(),
        record: kube::Record {
            revision,
            key: kube::Key {
                group: String::new(),
                kind: "ConfigMap".to_owned(),
                namespace: Some("default".to_owned()),
                name: name.to_owned(),
            },
            object: alive.then(|| json!({"metadata": {"name": name}})),
        },
    }
}

fn written(entries: impl IntoIterator<Item = Entry>) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log.jsonl");
    let (log, reading) = Log::open(&path).unwrap();
    assert_eq!(reading.latest, None);
    log.append(
        at(1),
        Some(Entry::Opened {
            format: FORMAT,
            port: 4711,
        }),
    );
    for (n, entry) in (2..).zip(entries) {
        log.append(at(n), Some(entry));
    }
    assert_eq!(log.failure(), None);
    (dir, path)
}

#[test]
fn what_was_written_is_read_again() {
    let gone = Entry::ClusterGone {
        name: "old".to_owned(),
    };
    let (_dir, path) = written([
        cluster("old", 2),
        gone,
        cluster("dot", 4),
        object(7, "kept", true),
        object(8, "gone", true),
        object(9, "gone", false),
    ]);
    let (_, reading) = Log::open(&path).unwrap();
    assert_eq!(reading.latest, Some(at(7)));
    assert_eq!(reading.site.port, 4711);
    assert_eq!(reading.site.clusters.keys().collect::<Vec<_>>(), ["dot"]);
    let lives: Vec<_> = reading
        .site
        .lives
        .iter()
        .map(|life| (&*life.name, life.died))
        .collect();
    assert_eq!(lives, [("old", Some(at(3))), ("dot", None)]);
    let revisions: Vec<_> = reading.objects["dot"]
        .values()
        .map(|it| (it.revision, it.object.is_some()))
        .collect();
    assert_eq!(
        revisions,
        [(9, false), (7, true)],
        "the highest revision stays known"
    );
}

#[test]
fn a_torn_last_line_is_dropped_and_written_over() {
    let (_dir, path) = written([cluster("dot", 2)]);
    let whole = fs::read(&path).unwrap();
    for cut in 1..40 {
        fs::write(&path, &whole[..whole.len() - cut]).unwrap();
        let (log, reading) = Log::open(&path).unwrap();
        assert!(reading.site.clusters.is_empty(), "cut by {cut}");
        log.append(at(9), Some(cluster("next", 9)));
        let (_, reading) = Log::open(&path).unwrap();
        assert_eq!(reading.site.clusters.keys().collect::<Vec<_>>(), ["next"]);
    }
}

#[test]
fn a_damaged_earlier_line_is_named() {
    let (_dir, path) = written([cluster("dot", 2), cluster("two", 3)]);
    let text = fs::read_to_string(&path)
        .unwrap()
        .replacen("\"cluster\"", "\"cluste", 1);
    fs::write(&path, text).unwrap();
    let error = format!("{:#}", Log::open(&path).err().unwrap());
    assert!(error.contains("log.jsonl:2: this line"), "{error}");
    assert!(error.contains("delete the folder"), "{error}");
}

#[test]
fn another_format_is_refused() {
    let (_dir, path) = written([Entry::Opened {
        format: FORMAT + 1,
        port: 1,
    }]);
    let error = Log::open(&path).err().unwrap().to_string();
    assert!(
        error.contains(&format!("has format {}", FORMAT + 1)),
        "{error}"
    );
}

#[test]
fn a_log_that_is_mostly_history_is_rewritten() {
    let churn = (10..10 + WASTE as u64 + 10).map(|revision| object(revision, "busy", true));
    let kept = [cluster("dot", 2), asset("lb-1"), asset("lb-2")];
    let gone = Entry::AssetGone {
        id: "lb-1".to_owned(),
    };
    let (_dir, path) = written(kept.into_iter().chain([gone]).chain(churn));
    let before = Log::open(&path).unwrap().1;
    assert!(fs::read_to_string(&path).unwrap().lines().count() < 6);
    let after = Log::open(&path).unwrap().1;
    assert_eq!(after.latest, before.latest);
    assert_eq!(after.site.clusters, before.site.clusters);
    assert_eq!(after.site.assets, before.site.assets);
    assert_eq!(after.site.assets.keys().collect::<Vec<_>>(), ["lb-2"]);
    assert_eq!(after.site.lives, before.site.lives);
    assert_eq!(after.site.port, 4711);
    let revision =
        |reading: &super::Reading| reading.objects["dot"].values().next().unwrap().revision;
    assert_eq!(revision(&after), revision(&before));
}
