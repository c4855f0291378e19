//! Plain lines, JSON, YAML, reports, plans, tables and errors.

use super::*;

fn plain(verbosity: u8, quiet: bool) -> Manner {
    Manner {
        verbosity,
        quiet,
        ..Manner::default()
    }
}

fn form(format: Format) -> Manner {
    Manner {
        format,
        ..Manner::default()
    }
}

#[test]
fn plain_lines_say_what_happens_and_not_too_often() {
    let (out, err) = show(plain(0, false), &whole_run(false));
    assert_eq!(out, "");
    insta::assert_snapshot!(err, @"
    setup of cluster dot on kind: 12 steps, 1 of them done before
    [ 1/12] skip    kube/context             write the kubeconfig (done before)
    [ 1/12] begin   resource/cluster         create kind cluster dot (attempt 2)
    [ 1/12] wait    resource/cluster         pulling the image
    [ 1/12] wait    resource/cluster         starting the nodes
    [ 1/12] wait    resource/cluster         waiting for the nodes
    [ 1/12] retry   resource/cluster         cannot reach the API: connection reset (again in 1.5s)
    [ 2/12] done    resource/cluster         create kind cluster dot (made, 1m05s)
    [ 2/12] note    resource/cluster         port 80 leads to it
    [ 2/12] begin   component/traefik        install traefik
    interrupted: 1 step is let end; interrupt again to stop it at once
    [ 2/12] failed  component/traefik        traefik is not ready: ImagePullBackOff
    setup of cluster dot on kind: stopped (exit code 130), 2 of 12 steps in 1m11s
    ");
    let (_, err) = show(plain(1, false), &whole_run(false));
    assert!(err.contains("starting the nodes"), "{err}");
    assert!(err.contains("run 01JDZ"), "{err}");
    assert_eq!(err.matches("starting the nodes").count(), 1);
    let (_, err) = show(plain(0, true), &whole_run(false));
    insta::assert_snapshot!(err, @"
    interrupted: 1 step is let end; interrupt again to stop it at once
    [ 2/12] failed  component/traefik        traefik is not ready: ImagePullBackOff
    ");
}

#[test]
fn every_line_of_a_rehearsal_says_so() {
    let (_, err) = show(plain(0, false), &whole_run(true));
    assert!(
        err.lines().all(|line| line.starts_with("rehearsal")),
        "{err}"
    );
    assert!(err.contains("(made, 1m05s assumed)"), "{err}");
    let (out, _) = show(form(Format::Json), &whole_run(true));
    assert_eq!(out.lines().count(), whole_run(true).len());
    for line in out.lines() {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(value["rehearsal"], true, "{line}");
    }
    let (output, out, _) = output(form(Format::Json));
    output.show_report(&some_report(true)).unwrap();
    assert!(out.text().contains("\"rehearsal\":true"), "{}", out.text());
    let text = some_report(true).to_text(&commands::tests::commands("windlass", &[]));
    assert!(text.starts_with("This is a rehearsal"), "{text}");
    assert!(text.contains("1m11s assumed"), "{text}");
    let text = ShownPlan::of(&some_plan(true)).to_text();
    assert!(
        text.starts_with("This is the plan of a rehearsal"),
        "{text}"
    );
}

#[test]
fn json_has_an_event_a_line_and_the_report_last() {
    let (output, out, err) = output(form(Format::Json));
    let reporter = output.reporter(Arc::new(SystemClock));
    let run = whole_run(false);
    for event in [&run[0], &run[9], &run[12]] {
        reporter.report(event);
    }
    output.show_report(&some_report(false)).unwrap();
    assert_eq!(err.text(), "");
    insta::assert_snapshot!(out.text(), @r#"
    {"time":"2027-01-15T08:00:00Z","event":"run-started","run":"01JDZ0000000000000000000000","command":"setup","cluster":"dot","provider":"kind","rehearsal":false,"steps":12,"resumed":1}
    {"time":"2027-01-15T08:01:05Z","event":"step-finished","step":"resource/cluster","title":"create kind cluster dot","outcome":{"change":"made","notes":["port 80 leads to it"]},"seconds":65.2}
    {"time":"2027-01-15T08:01:11Z","event":"step-failed","step":"component/traefik","title":"install traefik","fault":"failed","error":"traefik is not ready","causes":["ImagePullBackOff"],"hints":["look at it"]}
    {"event":"report","command":"setup","cluster":"dot","provider":"kind","rehearsal":false,"exit":3,"made":[{"step":"component/flux","what":"Namespace flux-system, Deployment flux-system/source-controller","notes":["version 2.8.0"]}],"reused":[{"step":"resource/cluster","what":"kind cluster dot"}],"updated":[],"removed":[],"absent":[],"kept":[],"left":[],"unproven":[],"failed":[{"step":"component/traefik","fault":"failed","error":"traefik is not ready","causes":["ImagePullBackOff"],"hints":["look at it with: kubectl get pods -n traefik"]}],"not_begun":["kube/a-team"],"next":["windlass setup kind"],"seconds":71.4}
    "#);
}

#[test]
fn a_report_says_what_came_of_it_and_what_to_type() {
    insta::assert_snapshot!(some_report(false).to_text(&commands::tests::commands("windlass", &[])), @"
    setup of cluster dot on kind: not done (exit code 3) in 1m11s
    made
      Namespace flux-system, Deployment flux-system/source-controller
        version 2.8.0
    already there
      kind cluster dot
    failed
      component/traefik: traefik is not ready
        caused by: ImagePullBackOff
        hint: look at it with: kubectl get pods -n traefik
    not begun: 1 step
    next
      windlass setup kind
    ");
    let quiet = output(plain(0, true));
    quiet.0.show_report(&some_report(false)).unwrap();
    assert_eq!(quiet.1.text(), "");
}

#[test]
fn destroys_report_is_a_receipt() {
    let mut plan = some_plan(false);
    plan.command = "destroy".into();
    for step in &mut plan.steps {
        step.makes.clear();
    }
    plan.steps[0].title = "delete kind cluster dot".into();
    let changes = [
        Change::Removed,
        Change::Absent,
        Change::Kept,
        Change::Removed,
    ];
    let finished = Finished {
        run: String::new(),
        exit: None,
        outcomes: plan
            .steps
            .iter()
            .zip(changes)
            .map(|(step, change)| (step.id.clone(), Outcome::of(change)))
            .collect(),
        skipped: Default::default(),
        failures: Vec::new(),
        not_begun: Vec::new(),
        journal_fault: None,
        seconds: 12.0,
    };
    let report = Report::of(&plan, &finished);
    insta::assert_snapshot!(report.to_text(&commands::tests::commands("windlass", &[])), @"
    receipt: destroy of cluster dot on kind: done in 12s
    removed
      delete kind cluster dot
      make namespace a-team
    kept on purpose
      install traefik
    nothing is left behind, but for what is kept on purpose
    ");
    let report = Report {
        exit: Kind::Left.exit_code(),
        left: vec!["container dot-control-plane".into()],
        unproven: vec!["volumes: the API did not answer".into()],
        ..report
    };
    let text = report.to_text(&commands::tests::commands("windlass", &[]));
    assert!(
        text.contains("left behind\n  container dot-control-plane"),
        "{text}"
    );
    assert!(text.contains("not proven to be gone\n  volumes"), "{text}");
    assert!(!text.contains("nothing is left"), "{text}");
}

#[test]
fn a_plan_says_what_it_would_do() {
    let (output, out, _) = output(form(Format::Table));
    output.show_plan(&some_plan(false)).unwrap();
    insta::assert_snapshot!(out.text(), @"
    plan: setup of cluster dot on kind: 4 steps, usually 3m15s (assumed)
    1. resource/cluster: create kind cluster dot (1m05s)
       makes kind cluster dot
    2. component/flux: install flux (1m05s)
       needs resource/cluster
       makes Namespace flux-system
       makes Deployment flux-system/source-controller
    3. component/traefik: install traefik (1m05s)
       needs component/flux
    4. kube/a-team: make namespace a-team (1m05s)
       needs resource/cluster
    nothing was done: this was a dry run
    ");
    let (output, out, _) = super::output(form(Format::Json));
    output.show_plan(&some_plan(false)).unwrap();
    let shown: serde_json::Value = serde_json::from_str(&out.text()).unwrap();
    assert_eq!(shown["usual_seconds"], 195);
    assert_eq!(shown["steps"][1]["needs"][0], "resource/cluster");
    assert_eq!(shown["steps"][1].get("action"), None);
}

#[test]
fn tables_fit_the_terminal_and_have_their_data() {
    let mut table = Table::new(&["name", "state", "detail"]);
    table.add(["dot", "ready", "3 nodes, all of them well and at work"]);
    table.add(["another-cluster", "", "\u{1b}[31mred\nline"]);
    insta::assert_snapshot!(table.to_text(None), @"
    NAME             STATE  DETAIL
    dot              ready  3 nodes, all of them well and at work
    another-cluster         red line
    ");
    insta::assert_snapshot!(table.to_text(Some(40)), @"
    NAME             STATE  DETAIL
    dot              ready  3 nodes, all
                            of them well
                            and at work
    another-cluster         red line
    ");
    for width in 0..30 {
        assert!(!table.to_text(Some(width)).is_empty());
    }
    let value = [serde_json::json!({ "name": "dot", "nodes": 3, "tags": ["a: b", "1.20"] })];
    let (output, out, _) = output(form(Format::Yaml));
    output.show_table(&value, &table).unwrap();
    insta::assert_snapshot!(out.text(), @r#"
    - name: dot
      nodes: 3
      tags:
      - "a: b"
      - "1.20"
    "#);
    let back: serde_json::Value = serde_saphyr::from_str(&out.text()).unwrap();
    assert_eq!(back, serde_json::json!(value));
}

#[test]
fn errors_are_coloured_in_our_words_alone() {
    let error = Error::message(Kind::Refused, "cannot \u{1b}[2Jstart\u{7}").hint("try again");
    let (output, _, err) = output(Manner {
        colour: true,
        ..Manner::default()
    });
    output.show_error(&error);
    assert_eq!(
        err.text(),
        "\u{1b}[31m\u{1b}[1merror:\u{1b}[0m cannot start\n\u{1b}[36m  hint:\u{1b}[0m try again\n"
    );
    let (output, _, err) = super::output(Manner::default());
    output.show_error(&error);
    output.note("a note");
    assert_eq!(
        err.text(),
        "error: cannot start\n  hint: try again\na note\n"
    );
}
