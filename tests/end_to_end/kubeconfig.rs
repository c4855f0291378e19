//! `kubeconfig`: where it is written.

use std::os::unix::fs::PermissionsExt;

use crate::bed::Bed;

#[test]
fn a_destination_of_the_users_keeps_what_is_in_it() {
    let bed = Bed::new();
    bed.run(&["cluster", "create", "kind", "--rehearse"])
        .expect(0);
    std::fs::remove_dir_all(bed.here().join("rehearsal")).expect("a folder");
    let args = ["kubeconfig", "--rehearse", "--destination", "mine.yaml"];
    let ran = bed.run(&args).expect(0);
    assert_eq!(ran.out, "HERE/mine.yaml\n");
    let new = bed.text("mine.yaml").expect("a file");
    assert!(new.contains("current-context: windlass-dot"), "{new}");
    let mode = std::fs::metadata(bed.here().join("mine.yaml"))
        .expect("a file")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    // Nothing else was written.
    assert!(!bed.here().join("rehearsal").exists());

    bed.write(
        "mine.yaml",
        "apiVersion: v1\nkind: Config\n# mine\nusers:\n- name: me\n  user: {}\ncurrent-context: other\n",
    );
    bed.run(&args).expect(0);
    let merged = bed.text("mine.yaml").expect("a file");
    for part in [
        "# mine",
        "name: me",
        "current-context: other",
        "windlass-dot",
    ] {
        assert!(merged.contains(part), "{part}:\n{merged}");
    }
    bed.run(&[&args[..], &["--set-current"]].concat()).expect(0);
    let merged = bed.text("mine.yaml").expect("a file");
    assert!(merged.contains("current-context: windlass-dot"), "{merged}");

    bed.write("mine.yaml", "not: [a kubeconfig");
    let ran = bed.run(&args);
    assert_ne!(ran.code, 0);
    assert_eq!(bed.text("mine.yaml").as_deref(), Some("not: [a kubeconfig"));
    bed.run(&[&args[..], &["--merge"]].concat()).expect(2);
    bed.run(&["kubeconfig", "--set-current"]).expect(2);
}
