//! Every reporter on one run, and what may never be in any of them.

mod forms;
mod live;

use std::{collections::BTreeMap, io::ErrorKind};

use jiff::Timestamp;
use windlass_provider::{Fault, ProviderId, SystemClock};

use super::{stream::captured::Written, *};
use crate::{
    engine::{Event, EventKind, Finished, Outcome},
    error::Kind,
    plan::{Step, StepId},
};

/// A moment so many seconds after a fixed one.
pub(super) fn at(seconds: i64, kind: EventKind) -> Event {
    Event {
        time: Timestamp::from_second(1_800_000_000 + seconds).unwrap(),
        kind,
    }
}

pub(super) fn begin_run(rehearsal: bool) -> EventKind {
    EventKind::RunStarted {
        run: "01JDZ0000000000000000000000".into(),
        command: "setup".into(),
        cluster: "dot".into(),
        provider: ProviderId::Kind,
        rehearsal,
        steps: 12,
        resumed: 1,
    }
}

pub(super) fn begin(step: &str, title: &str, attempt: u32) -> EventKind {
    EventKind::StepStarted {
        step: StepId::new(step),
        title: title.into(),
        attempt,
    }
}

pub(super) fn say(step: &str, message: &str) -> EventKind {
    EventKind::StepProgress {
        step: StepId::new(step),
        message: message.into(),
    }
}

pub(super) fn finish(step: &str, title: &str, seconds: f64, notes: &[&str]) -> EventKind {
    EventKind::StepFinished {
        step: StepId::new(step),
        title: title.into(),
        outcome: Outcome {
            notes: notes.iter().map(|note| (*note).to_owned()).collect(),
            ..Outcome::of(Change::Made)
        },
        seconds,
    }
}

pub(super) fn fail(step: &str, error: &str, cause: &str) -> EventKind {
    EventKind::StepFailed {
        step: StepId::new(step),
        title: "install traefik".into(),
        fault: Fault::Failed,
        error: error.into(),
        causes: vec![cause.into()],
        hints: vec!["look at it".into()],
    }
}

/// A run with one event of each kind.
pub(super) fn whole_run(rehearsal: bool) -> Vec<Event> {
    let cluster = "resource/cluster";
    vec![
        at(0, begin_run(rehearsal)),
        at(
            0,
            EventKind::StepSkipped {
                step: StepId::new("kube/context"),
                title: "write the kubeconfig".into(),
            },
        ),
        at(0, begin(cluster, "create kind cluster dot", 2)),
        at(1, say(cluster, "pulling the image")),
        at(2, say(cluster, "starting the nodes")),
        at(12, say(cluster, "starting the nodes")),
        at(13, say(cluster, "starting the nodes")),
        at(30, say(cluster, "waiting\u{1b}[2J for\nthe nodes")),
        at(
            40,
            EventKind::StepRetried {
                step: StepId::new(cluster),
                error: "cannot reach the API: connection reset".into(),
                in_seconds: 1.5,
            },
        ),
        at(
            65,
            finish(
                cluster,
                "create kind cluster dot",
                65.2,
                &["port 80 leads to it"],
            ),
        ),
        at(65, begin("component/traefik", "install traefik", 1)),
        at(70, EventKind::Interrupted { running: 1 }),
        at(
            71,
            fail(
                "component/traefik",
                "traefik is not ready",
                "ImagePullBackOff",
            ),
        ),
        at(
            71,
            EventKind::RunEnded {
                exit: 130,
                done: 2,
                steps: 12,
                seconds: 71.0,
            },
        ),
    ]
}

pub(super) fn output(manner: Manner) -> (Output, Written, Written) {
    let (streams, out, err) = Streams::captured();
    let commands = Arc::new(commands::tests::commands("windlass", &[]));
    let output = Output {
        manner,
        streams,
        commands,
    };
    (output, out, err)
}

/// Returns what a reporter of this manner writes of these events to standard output and to standard error.
pub(super) fn show(manner: Manner, events: &[Event]) -> (String, String) {
    let (output, out, err) = output(manner);
    let reporter = output.reporter(Arc::new(SystemClock));
    for event in events {
        reporter.report(event);
    }
    (out.text(), err.text())
}

pub(super) fn some_plan(rehearsal: bool) -> Plan<()> {
    let step = |id: &str, title: &str, needs: &[&str], makes: &[&str]| Step {
        id: StepId::new(id),
        title: title.into(),
        needs: needs.iter().map(|need| StepId::new(*need)).collect(),
        action: (),
        makes: makes.iter().map(|made| (*made).to_owned()).collect(),
        removes: Vec::new(),
        usual_seconds: 65,
        limit_seconds: 600,
    };
    Plan {
        command: "setup".into(),
        cluster: "dot".parse().unwrap(),
        provider: ProviderId::Kind,
        rehearsal,
        asked: BTreeMap::from([("nodes".into(), "1".into())]),
        beyond: Default::default(),
        steps: vec![
            step(
                "resource/cluster",
                "create kind cluster dot",
                &[],
                &["kind cluster dot"],
            ),
            step(
                "component/flux",
                "install flux",
                &["resource/cluster"],
                &[
                    "Namespace flux-system",
                    "Deployment flux-system/source-controller",
                ],
            ),
            step(
                "component/traefik",
                "install traefik",
                &["component/flux"],
                &[],
            ),
            step(
                "kube/a-team",
                "make namespace a-team",
                &["resource/cluster"],
                &[],
            ),
        ],
    }
}

pub(super) fn some_report(rehearsal: bool) -> Report {
    let fault = windlass_provider::Error::new(Fault::Failed, "traefik is not ready")
        .cause("ImagePullBackOff")
        .hint("look at it with: kubectl get pods -n traefik");
    let finished = Finished {
        run: "01JDZ0000000000000000000000".into(),
        exit: Some(Kind::Stopped),
        outcomes: BTreeMap::from([
            (
                StepId::new("resource/cluster"),
                Outcome::of(Change::Unchanged),
            ),
            (
                StepId::new("component/flux"),
                Outcome {
                    notes: vec!["version 2.8.0".into()],
                    ..Outcome::of(Change::Made)
                },
            ),
        ]),
        skipped: Default::default(),
        failures: vec![(StepId::new("component/traefik"), fault)],
        not_begun: vec![StepId::new("kube/a-team")],
        journal_fault: None,
        seconds: 71.4,
    };
    Report {
        next: vec!["windlass setup kind".into()],
        ..Report::of(&some_plan(rehearsal), &finished)
    }
}

#[test]
fn no_output_shows_a_planted_secret() {
    for (text, secret) in crate::redact::planted::TEXTS {
        let events = [
            at(0, begin_run(true)),
            at(0, begin("a", text, 1)),
            at(0, say("a", text)),
            at(
                1,
                EventKind::StepRetried {
                    step: StepId::new("a"),
                    error: (*text).to_owned(),
                    in_seconds: 1.0,
                },
            ),
            at(2, finish("a", text, 1.0, &[text])),
            at(3, begin("b", "b", 1)),
            at(4, fail("b", text, text)),
        ];
        let report = Report {
            next: vec![(*text).to_owned()],
            left: vec![(*text).to_owned()],
            ..some_report(false)
        };
        let mut plan = some_plan(false);
        plan.steps[0].title = (*text).to_owned();
        plan.steps[1].makes = vec![(*text).to_owned()];
        plan.asked.insert("x".into(), (*text).to_owned());
        let mut table = Table::new(&["name"]);
        table.add([*text]);
        let error = Error::message(Kind::Refused, text).hint(*text);
        for format in [Format::Table, Format::Json, Format::Yaml] {
            let manner = Manner {
                format,
                verbosity: 2,
                ..Manner::default()
            };
            let (output, out, err) = output(manner);
            let reporter = output.reporter(Arc::new(SystemClock));
            for event in &events {
                reporter.report(event);
            }
            output.show_report(&report).unwrap();
            output.show_plan(&plan).unwrap();
            output.show_table(&[text], &table).unwrap();
            output.note(text);
            output.show_error(&error);
            for written in [out.text(), err.text()] {
                assert!(!written.contains(secret), "{format:?}: {written}");
                assert!(written.contains(crate::redact::REDACTED), "{format:?}");
            }
        }
        let seen = live::show(200, false, &events);
        assert!(!seen.contains(secret), "{seen}");
        assert!(seen.contains(crate::redact::REDACTED), "{seen}");
    }
}

#[test]
fn a_reader_that_went_away_is_no_error_and_a_full_disk_is() {
    for (kind, fine) in [
        (ErrorKind::BrokenPipe, true),
        (ErrorKind::StorageFull, false),
    ] {
        for format in [Format::Table, Format::Json, Format::Yaml] {
            let output = Output {
                manner: Manner {
                    format,
                    ..Manner::default()
                },
                streams: Streams::failing(kind),
                commands: Arc::new(commands::tests::commands("windlass", &[])),
            };
            let reporter = output.reporter(Arc::new(SystemClock));
            for event in whole_run(false) {
                reporter.report(&event);
            }
            output.note("a note");
            let result = output.show_report(&some_report(false));
            assert_eq!(result.is_ok(), fine, "{format:?} {kind:?}");
        }
    }
}

#[test]
fn the_environment_decides_about_drawing_and_colours() {
    let manner = |is_terminal: bool, variables: &[(&str, &str)]| {
        let found = Manner::of_terminal(is_terminal, |name| {
            let mut all = variables.iter().chain(&[("TERM", "xterm")]);
            all.find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        });
        (found.live, found.colour)
    };
    assert_eq!(manner(true, &[]), (true, true));
    assert_eq!(manner(false, &[]), (false, false));
    assert_eq!(manner(true, &[("NO_COLOR", "1")]), (true, false));
    assert_eq!(manner(true, &[("NO_COLOR", "")]), (true, true));
    assert_eq!(manner(true, &[("CI", "true")]), (false, false));
    assert_eq!(manner(true, &[("CI", "false")]), (true, true));
    assert_eq!(manner(true, &[("TERM", "dumb")]), (false, false));
}
