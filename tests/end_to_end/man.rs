//! `man`: one page, or all of them.

use crate::bed::Bed;

#[test]
fn the_page_lists_the_commands() {
    let ran = Bed::new().run(&["man"]).expect(0);
    assert!(ran.out.contains(".TH windlass 1"), "{}", ran.out);
    for part in [".SH SYNOPSIS", "setup", "Exit codes: 0 done"] {
        assert!(ran.out.contains(part), "{part}:\n{}", ran.out);
    }
}

#[test]
fn each_command_has_a_page_in_the_folder() {
    let bed = Bed::new();
    let ran = bed.run(&["man", "--dir", "pages/man1"]).expect(0);
    for name in ["windlass", "windlass-setup", "windlass-cluster-list"] {
        let path = format!("pages/man1/{name}.1");
        assert!(ran.out.lines().any(|line| line == path), "{}", ran.out);
        let page = bed.text(&path).expect("a page");
        assert!(page.contains(&format!(".TH {name} 1")), "{page}");
    }
    // What is hidden from --help has no page.
    assert!(!ran.out.contains("rehearse-program"), "{}", ran.out);
}

#[test]
fn a_folder_that_cannot_be_is_told() {
    let bed = Bed::new();
    bed.write("pages", "a file");
    let ran = bed.run(&["man", "--dir", "pages"]).expect(1);
    assert!(ran.err.contains("pages"), "{}", ran.err);
}
