//! The environment and `.env`.

use super::*;

#[test]
fn dot_env_is_read_with_its_line_numbers() {
    let place = Place::new().dot_env(
        "\u{feff}# it's a comment\n\nA=1\n  export B = \"two words\" # why\n\
         C='first\nsecond'\n# >>> windlass dot >>>\nexport D=4\n# <<< windlass dot <<<\nE=\nA=last \nF=f ",
    );
    let variables = place.resolve().unwrap().variables;
    let told: Vec<_> = ["A", "B", "C", "D", "E", "F"]
        .into_iter()
        .map(|name| match variables.get(name) {
            Some((value, origin)) => format!("{value:?} from {origin}"),
            None => format!("no {name}"),
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    "last" from A in .env line 11
    "two words" from B in .env line 4
    "first\nsecond" from C in .env line 5
    no D
    no E
    "f" from F in .env line 12
    "#);
}

#[test]
fn a_broken_line_of_dot_env_is_told_without_its_value() {
    let told: Vec<_> = [
        "A=1\n\n# c\nSECRET hunter2\n",
        "A=1\nSECRET='hunter2\nB=2\n",
        "SECRET=\"hunter2 \\q\"\n",
        "=hunter2",
        "A=1\n# >>> windlass dot >>>\nexport SECRET=hunter2\n",
        "A=hunter2\0",
    ]
    .into_iter()
    .map(|text| Place::new().dot_env(text).error())
    .collect();
    assert!(!told.concat().contains("hunter2"));
    insta::assert_snapshot!(told.join("\n"), @r##"
    error: cannot use .env
      caused by: line 4: neither KEY=VALUE nor export KEY=VALUE, or a quote that does not end
      hint: put values with blanks, quotes, # or $ in single quotes: KEY='a value'
    error: cannot use .env
      caused by: line 2: neither KEY=VALUE nor export KEY=VALUE, or a quote that does not end
      hint: put values with blanks, quotes, # or $ in single quotes: KEY='a value'
    error: cannot use .env
      caused by: line 1: neither KEY=VALUE nor export KEY=VALUE, or a quote that does not end
      hint: put values with blanks, quotes, # or $ in single quotes: KEY='a value'
    error: cannot use .env
      caused by: line 1: neither KEY=VALUE nor export KEY=VALUE, or a quote that does not end
      hint: put values with blanks, quotes, # or $ in single quotes: KEY='a value'
    error: cannot use .env: line 2: the windlass block for cluster dot does not end
      hint: remove the lines that begin with "# >>> windlass" or "# <<< windlass", and those between them
    error: cannot use .env
      caused by: line 1: it holds a NUL byte
      hint: save it as plain text in UTF-8
    "##);
}

#[test]
fn an_empty_variable_is_as_good_as_none() {
    let place = Place::new()
        .variable("WINDLASS_CLUSTER", "")
        .dot_env("WINDLASS_CLUSTER=\nWINDLASS_PROVIDER=\nPROVIDER=kind\n");
    let settings = place.resolve().unwrap();
    assert_eq!(settings.cluster.origin, Origin::Default);
    let provider = settings.provider.unwrap();
    assert_eq!(provider.value, ProviderId::Kind);
    assert_eq!(provider.origin.to_string(), "PROVIDER in .env line 3");
}

#[test]
fn every_variable_works_and_stands_in_the_example() {
    let example = include_str!("../../../.env.example");
    for (name, good) in [
        ("WINDLASS_CLUSTER", "a"),
        ("WINDLASS_PROVIDER", "aws"),
        ("WINDLASS_KUBERNETES_VERSION", "1.36"),
        ("WINDLASS_MIN_NODES", "2"),
        ("WINDLASS_MAX_NODES", "2"),
        ("WINDLASS_NODE_SIZE", "large"),
        ("WINDLASS_LIFETIME", "7d"),
        ("WINDLASS_HTTP_PORT", "8080"),
        ("WINDLASS_HTTPS_PORT", "0"),
        ("WINDLASS_IMAGE", "kindest/node:v1"),
        ("WINDLASS_ENGINE", "nerdctl"),
        ("WINDLASS_REGION", "eu-west-1"),
        ("WINDLASS_PROJECT", "acme-dev"),
        ("WINDLASS_LOCATION", "europe-west1"),
        ("WINDLASS_BILLING_ACCOUNT", "012345-6789AB-CDEF01"),
        (
            "WINDLASS_IMPERSONATE",
            "ci@acme-dev.iam.gserviceaccount.com",
        ),
        ("WINDLASS_ENVIRONMENT", "x"),
        ("WINDLASS_ONLY", "flux,traefik"),
        ("WINDLASS_WITHOUT", "traefik"),
        ("WINDLASS_CONFIG", "windlass.toml"),
    ] {
        assert!(example.contains(&format!("\n#{name}=")), "{name}");
        let place = Place::new().toml("[environments.x]");
        place.resolve().unwrap();
        let place = place.variable(name, good);
        let settings = format!("{:?}", place.resolve().unwrap());
        // The path of the file is no value with an origin.
        let told = settings.contains(&format!("Environment(\"{name}\")"));
        assert!(told || name == "WINDLASS_CONFIG", "{name}: {settings}");
        let place = place.variable(name, "\u{1b}bad, value");
        let error = place.error();
        assert!(
            error.contains(&format!("{name} in the environment")),
            "{error}"
        );
    }
    // Each line of the example is a comment, so that a copy of it changes nothing.
    assert!(
        example
            .lines()
            .all(|line| line.is_empty() || line.starts_with('#'))
    );
    let uncommented: String = example
        .lines()
        .filter_map(|line| line.strip_prefix('#'))
        .filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()))
        .map(|line| format!("{line}\n"))
        .collect();
    Place::new()
        .toml("[environments.staging]")
        .dot_env(uncommented)
        .resolve()
        .unwrap();
}
