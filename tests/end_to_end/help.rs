//! What `--help` says, and how long it takes to say nothing.

use crate::bed::Bed;

#[test]
fn the_commands_are_listed() {
    let ran = Bed::new().run(&["--help"]).expect(0);
    insta::assert_snapshot!(ran.out);
}

#[test]
fn each_command_explains_itself() {
    let bed = Bed::new();
    for command in [
        &["setup"][..],
        &["destroy"],
        &["status"],
        &["install"],
        &["upgrade"],
        &["uninstall"],
        &["crossplane"],
        &["crossplane", "wait"],
        &["crossplane", "drain"],
        &["crossplane", "publish"],
        &["ingress", "address"],
        &["cluster"],
        &["cluster", "create"],
        &["cluster", "delete"],
        &["kubeconfig"],
        &["token"],
        &["env"],
        &["clean"],
        &["doctor"],
        &["config"],
        &["support"],
        &["rehearse"],
        &["completions"],
        &["man"],
    ] {
        let ran = bed.run(&[command, &["--help"]].concat()).expect(0);
        insta::assert_snapshot!(command.join("-"), ran.out);
    }
}

#[test]
fn the_version_is_the_packages() {
    let ran = Bed::new().run(&["--version"]).expect(0);
    assert_eq!(
        ran.out,
        concat!("windlass ", env!("CARGO_PKG_VERSION"), "\n")
    );
}
