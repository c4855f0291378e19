use std::{fs, process::Command};

use super::*;

fn name(text: &str) -> ClusterName {
    text.parse().unwrap()
}

fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

fn write_block(
    path: &Path,
    cluster: &ClusterName,
    variables: &[(String, String)],
) -> Result<Written> {
    super::write_block(path, cluster, variables, |_| false)
}

fn with_folder<T>(test: impl FnOnce(&Path) -> T) -> T {
    let folder = tempfile::tempdir().unwrap();
    test(&folder.path().join(".env"))
}

#[test]
#[cfg(unix)]
fn a_block_is_made_updated_and_removed() {
    use std::os::unix::fs::PermissionsExt;
    with_folder(|path| {
        let (dot, other) = (name("dot"), name("other"));
        let ours = variables(&[
            ("PROVIDER", "kind"),
            ("KUBECONFIG", "/home/a b/kubeconfig-dot.yaml"),
        ]);
        fs::write(path, "A=1\n").unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(write_block(path, &dot, &ours).unwrap(), Written::Changed);
        assert_eq!(write_block(path, &dot, &ours).unwrap(), Written::Unchanged);
        write_block(path, &other, &[]).unwrap();
        write_block(path, &dot, &ours[..1]).unwrap();
        let mode = fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        insta::assert_snapshot!(fs::read_to_string(path).unwrap(), @r"
        A=1
        # >>> windlass dot >>> (written by windlass: what is changed here is lost)
        export PROVIDER=kind
        # <<< windlass dot <<<
        # >>> windlass other >>> (written by windlass: what is changed here is lost)
        # <<< windlass other <<<
        ");
        assert_eq!(
            read_block(path, &dot).unwrap().unwrap(),
            "export PROVIDER=kind\n"
        );
        assert_eq!(list_blocks(path).unwrap(), ["dot", "other"]);
        assert_eq!(remove_block(path, &dot).unwrap(), Written::Changed);
        assert_eq!(remove_block(path, &dot).unwrap(), Written::Unchanged);
        assert_eq!(read_block(path, &dot).unwrap(), None);
        remove_block(path, &other).unwrap();
        assert_eq!(fs::read_to_string(path).unwrap(), "A=1\n");
    });
}

#[test]
fn variables_of_another_command_stay_in_the_block() {
    with_folder(|path| {
        let dot = name("dot");
        write_block(
            path,
            &dot,
            &variables(&[("A", "1"), ("IP", "192.0.2.1"), ("B", "x y")]),
        )
        .unwrap();
        write_block(path, &name("other"), &variables(&[("IP", "192.0.2.2")])).unwrap();
        let keep = |key: &str| key != "A";
        let update = || super::write_block(path, &dot, &variables(&[("B", "2")]), keep).unwrap();
        assert_eq!(update(), Written::Changed);
        assert_eq!(update(), Written::Unchanged);
        let block = read_block(path, &dot).unwrap().unwrap();
        assert_eq!(block, "export B=2\nexport IP=192.0.2.1\n");
    });
}

#[test]
fn a_file_that_was_only_ours_goes() {
    with_folder(|path| {
        let dot = name("dot");
        assert_eq!(remove_block(path, &dot).unwrap(), Written::Unchanged);
        write_block(path, &dot, &[]).unwrap();
        assert_eq!(remove_block(path, &dot).unwrap(), Written::Removed);
        assert!(!path.exists());
    });
}

#[test]
#[cfg(unix)]
fn a_linked_file_is_emptied_and_its_link_stays() {
    with_folder(|path| {
        let real = path.with_file_name("real");
        std::os::unix::fs::symlink("real", path).unwrap();
        write_block(path, &name("dot"), &[]).unwrap();
        assert!(fs::read_to_string(&real).unwrap().contains("dot"));
        assert_eq!(remove_block(path, &name("dot")).unwrap(), Written::Changed);
        assert_eq!(fs::read(&real).unwrap(), b"");
        assert!(path.is_symlink());
    });
}

/// Every small file of lines that could matter, and every order of two clusters coming and going.
#[test]
fn the_users_bytes_come_back_whatever_they_are() {
    let lines: [&[u8]; 6] = [
        b"A=1\n",
        b"\n",
        b"B='# >>> not ours'\r\n",
        b"\xff\xfe\0\n",
        b"# windlass >>>\n",
        b"  spaces  \n",
    ];
    let mut files: Vec<Vec<u8>> = vec![Vec::new()];
    for first in lines {
        for second in lines {
            let both = [first, second].concat();
            // Without the last line break, and without the last two bytes.
            files.extend([both[..both.len() - 1].to_vec(), both]);
        }
    }
    let (a, b) = (name("a"), name("b"));
    let (text_a, text_b) = (
        block::render(&a, &variables(&[("K", "v")]), &[]).unwrap(),
        block::render(&b, &[], &[]).unwrap(),
    );
    let put = |bytes: &[u8], cluster, text: &str| {
        block::put(&parse(bytes).unwrap(), cluster, text.as_bytes())
    };
    let take = |bytes: &[u8], cluster| block::take(&parse(bytes).unwrap(), cluster);
    for file in files {
        let one = put(&file, &a, &text_a);
        let two = put(&one, &b, &text_b);
        assert_eq!(put(&two, &a, &text_a), two, "{file:?}");
        assert_eq!(take(&two, &b), one, "{file:?}");
        assert_eq!(take(&take(&two, &a), &b), file);
        assert_eq!(take(&take(&two, &b), &a), file);
        // An update in place moves no line.
        let updated = put(&two, &a, &text_b.replace(" b ", " a "));
        assert_eq!(put(&updated, &a, &text_a), two);
        // What settings read keeps its line numbers and holds nothing of ours.
        let outside = outside_blocks(Path::new(".env"), &two).unwrap();
        assert!(outside.starts_with(&file));
        let breaks = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == b'\n').count();
        assert!(breaks(&outside) >= breaks(&two));
        assert!(outside[file.len()..].iter().all(|byte| *byte == b'\n'));
    }
}

const VALUES: [&str; 14] = [
    "plain",
    "",
    "two words",
    "it's",
    "\"quoted\"",
    "$HOME ${HOME} $(id) `id`",
    "it's $HOME `id` \"\\\"",
    "back\\slash\\",
    "#no comment",
    "a=b&c;d|e>f<g",
    "~/x*?[a]{b,c}!",
    "ünïcödé ✓",
    "'",
    "\ttab",
];

#[test]
fn a_shell_reads_every_value_as_it_was() {
    with_folder(|path| {
        let pairs: Vec<_> = (0..)
            .zip(VALUES)
            .map(|(number, value)| (format!("K{number}"), value.to_owned()))
            .collect();
        write_block(path, &name("dot"), &pairs).unwrap();
        let mut shells = 0;
        for shell in ["sh", "bash", "zsh"] {
            let Ok(program) = which::which(shell) else {
                continue;
            };
            shells += 1;
            for (key, value) in &pairs {
                let output = Command::new(&program)
                    .env_clear()
                    .args(["-c", &format!(". \"$0\"; printf %s \"${key}\"")])
                    .arg(path)
                    .output()
                    .unwrap();
                assert_eq!(String::from_utf8_lossy(&output.stdout), *value, "{shell}");
                assert!(output.stderr.is_empty(), "{shell} {key}");
            }
        }
        assert!(shells > 0, "POSIX has a sh");
    });
}

#[test]
fn what_no_line_can_hold_is_refused_without_showing_it() {
    with_folder(|path| {
        for value in ["two\nlines", "nul\0", "\u{1b}[0m"] {
            let error = write_block(path, &name("dot"), &variables(&[("K", value)])).unwrap_err();
            insta::allow_duplicates! {
                insta::assert_snapshot!(error, @r"error: cannot write K to .env: its value has a line break or another control character");
            }
        }
        let error = write_block(path, &name("dot"), &variables(&[("K;id", "")])).unwrap_err();
        assert_eq!(error.kind, Kind::Bug);
        assert!(!path.exists());
    });
}

#[test]
fn markers_out_of_order_are_named_and_the_file_stays() {
    const A: &str = "# >>> windlass a >>>\n";
    const A_END: &str = "# <<< windlass a <<<\n";
    const B: &str = "# >>> windlass b >>>\n";
    const B_END: &str = "# <<< windlass b <<<\n";
    let told: Vec<_> = [
        ["X=1\n", A, "export K=v\n"],
        ["X=1\n", A_END, ""],
        [A, B, B_END],
        [A, B_END, A_END],
        [A, A_END, "# >>> windlass a >>>\n# <<< windlass a <<<\n"],
        [A, "export K=v\n", "# <<< windl"],
        [A, "export K=v\n", "# <<< windlass a"],
        ["# >>> windlass ../a >>>\n", "", ""],
        ["# >>> windlass\n", "", ""],
    ]
    .into_iter()
    .map(|lines| {
        with_folder(|path| {
            fs::write(path, lines.concat()).unwrap();
            let told = [
                write_block(path, &name("a"), &[]).unwrap_err(),
                remove_block(path, &name("a")).unwrap_err(),
                read_block(path, &name("a")).unwrap_err(),
                outside_blocks(path, lines.concat().as_bytes()).unwrap_err(),
            ]
            .map(|error| {
                assert_eq!(error.kind, Kind::Usage);
                error.to_string().replace(path.to_str().unwrap(), ".env")
            });
            assert!(told.iter().all(|other| *other == told[0]));
            assert_eq!(fs::read_to_string(path).unwrap(), lines.concat());
            told[0].lines().next().unwrap().to_owned()
        })
    })
    .collect();
    insta::assert_snapshot!(told.join("\n"), @r"
    error: cannot use .env: line 2: the windlass block for cluster a does not end
    error: cannot use .env: line 2: the windlass block for cluster a ends, but none began
    error: cannot use .env: line 2: a windlass block begins inside the one for cluster a, which began in line 1
    error: cannot use .env: line 2: the windlass block for cluster b ends inside the one for cluster a, which began in line 1
    error: cannot use .env: line 3: a second windlass block for cluster a begins
    error: cannot use .env: line 1: the windlass block for cluster a does not end
    error: cannot use .env: line 3: the marker of a windlass block is torn
    error: cannot use .env: line 1: the marker of a windlass block is torn
    error: cannot use .env: line 1: the marker of a windlass block is torn
    ");
}

#[test]
fn runs_of_two_clusters_do_not_undo_each_other() {
    with_folder(|path| {
        let names: Vec<_> = ('a'..='h').map(|c| name(&c.to_string())).collect();
        std::thread::scope(|scope| {
            for name in &names {
                scope.spawn(|| write_block(path, name, &[]).unwrap());
            }
        });
        assert_eq!(list_blocks(path).unwrap().len(), names.len());
    });
}

#[test]
fn markers_survive_an_editor_that_writes_carriage_returns() {
    with_folder(|path| {
        fs::write(
            path,
            "A=1\r\n# >>> windlass a >>> (x)\r\nexport K=v\r\n# <<< windlass a <<<\r\nB=2\r\n",
        )
        .unwrap();
        remove_block(path, &name("a")).unwrap();
        assert_eq!(fs::read_to_string(path).unwrap(), "A=1\r\nB=2\r\n");
    });
}
