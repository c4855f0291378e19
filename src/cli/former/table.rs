//! What the scripts could be asked for, and what each is now.

/// A command of the scripts.
pub(super) struct Verb {
    /// As it was typed, behind the script's name.
    pub(super) words: &'static str,
    /// A flag without which it is not this one.
    pub(super) with: Option<&'static str>,
    pub(super) now: Now,
    pub(super) positional: Positional,
    pub(super) flags: &'static [Flag],
}

/// What has become of a command.
pub(super) enum Now {
    /// It is this command of windlass's.
    Command(&'static str),
    /// It is gone.
    Gone {
        why: &'static str,
        /// What to type instead.
        instead: &'static str,
    },
}

/// What becomes of the values behind a command that belong to no flag.
pub(super) enum Positional {
    /// They stay.
    Same,
    /// They stay; where there is none, it is this one.
    Or(&'static str),
    /// Each is the value of this flag.
    Flag(&'static str),
}

/// A flag of theirs.
pub(super) struct Flag {
    pub(super) name: &'static str,
    pub(super) turn: Turn,
}

/// What a flag is now.
pub(super) enum Turn {
    /// This flag, with the same value.
    Flag(&'static str),
    /// `true` and `false`, or a switch that stands alone.
    Switch {
        on: &'static [&'static str],
        off: &'static [&'static str],
    },
    /// The flag that the value of another one chooses, or else the first, with the same value.
    By(&'static str, &'static [(&'static str, &'static str)]),
    /// Another flag's [`Turn::By`] reads it.
    Read,
    /// Accepted with its value, and without meaning: why.
    Gone(&'static str),
}

const fn now(
    words: &'static str,
    command: &'static str,
    positional: Positional,
    flags: &'static [Flag],
) -> Verb {
    let now = Now::Command(command);
    Verb {
        words,
        with: None,
        now,
        positional,
        flags,
    }
}

const fn gone(words: &'static str, why: &'static str, instead: &'static str) -> Verb {
    Verb {
        words,
        with: None,
        now: Now::Gone { why, instead },
        positional: Positional::Same,
        flags: &[],
    }
}

const fn same(name: &'static str) -> Flag {
    named(name, name)
}

const fn named(name: &'static str, now: &'static str) -> Flag {
    let turn = Turn::Flag(now);
    Flag { name, turn }
}

const fn without_meaning(name: &'static str, why: &'static str) -> Flag {
    let turn = Turn::Gone(why);
    Flag { name, turn }
}

const fn switch(
    name: &'static str,
    on: &'static [&'static str],
    off: &'static [&'static str],
) -> Flag {
    let turn = Turn::Switch { on, off };
    Flag { name, turn }
}

const GITHUB: &str = "the configuration for GitHub is for Crossplane 1";
const FOUND: &str = "clusters are found by their marks";

/// All commands of the scripts but `setup` and `destroy PROVIDER`, which are called the same.
pub(super) const VERBS: &[Verb] = &[
    gone(
        "get provider",
        "nothing has to be chosen beforehand",
        "windlass setup asks where the cluster runs; windlass setup kind, or WINDLASS_PROVIDER=kind, answers it",
    ),
    gone(
        "get creds",
        "keys are neither asked for nor written down: each provider's own chain of credentials is used",
        "windlass doctor says whether what a provider needs is there",
    ),
    gone(
        "create gpu_nodes",
        "a pool of GPU nodes is one as any other",
        "windlass cluster node-pool add gpu --machine g6.xlarge --min 0 --max 1 adds one",
    ),
    gone(
        "recreate gpu_nodes",
        "a pool of GPU nodes is one as any other",
        "windlass cluster node-pool recreate gpu makes it anew",
    ),
    now("print source", "env", Positional::Same, &[]),
    now("delete temp_files", "clean", Positional::Same, &[]),
    now(
        "create kubernetes",
        "cluster create",
        Positional::Same,
        &[
            same("name"),
            same("min-nodes"),
            same("max-nodes"),
            same("node-size"),
            same("billing-account"),
            without_meaning(
                "zone",
                "nodes are spread over zones; a pool can have one: windlass cluster node-pool add --zone",
            ),
            without_meaning(
                "auth",
                "credentials are asked of the provider's own chain, each time",
            ),
            switch(
                "enable-ingress",
                &[],
                &["--http-port", "0", "--https-port", "0"],
            ),
        ],
    ),
    now(
        "destroy kubernetes",
        "cluster delete",
        Positional::Same,
        &[
            same("name"),
            switch("delete_project", &[], &["--keep", "project"]),
        ],
    ),
    gone(
        "create kubernetes_creds",
        "it gave out the rights of cluster-admin for ever, unasked",
        "windlass kubeconfig --service-account ci --role edit --for 8h --destination kubeconfig-ci.yaml; \
         --role cluster-admin gives what the script gave, for eight hours",
    ),
    now(
        "get kubeconfig",
        "kubeconfig",
        Positional::Flag("provider"),
        &[
            same("name"),
            same("destination"),
            without_meaning("resource_group", FOUND),
            without_meaning("project-id", FOUND),
            without_meaning("zone", FOUND),
        ],
    ),
    now("packages kubernetes", "doctor", Positional::Same, &[]),
    now("apply atlas", "install atlas", Positional::Same, &[]),
    now(
        "apply ingress",
        "install",
        Positional::Or("traefik"),
        &[without_meaning(
            "env_prefix",
            "windlass ingress address writes the variables",
        )],
    ),
    now(
        "get ingress",
        "ingress address --wait",
        Positional::Flag("class"),
        &[
            named("env_prefix", "env-prefix"),
            without_meaning("output", "all of it is printed"),
        ],
    ),
    now(
        "publish crossplane",
        "crossplane publish",
        Positional::Same,
        &[named("sources", "sources"), named("version", "version")],
    ),
    now(
        "delete ingress",
        "uninstall",
        Positional::Or("traefik"),
        &[same("kubeconfig")],
    ),
    now(
        "apply crossplane",
        "install crossplane",
        Positional::Same,
        &[
            named("provider", "cloud"),
            switch("app-config", &["--app-config"], &["--app-config=false"]),
            switch("db-config", &["--db-config"], &["--db-config=false"]),
            switch("db-provider", &["--db-provider"], &["--db-provider=false"]),
            switch("policies", &["--policies"], &["--policies=false"]),
            switch("github-config", &["--github-config"], &[]),
            without_meaning("github-user", GITHUB),
            without_meaning("github-token", GITHUB),
            without_meaning("skip-login", "nobody is asked to log in"),
            without_meaning("preview", "--version chooses another version"),
        ],
    ),
    now(
        "apply crossplane-providerconfig",
        "install crossplane",
        Positional::Flag("cloud"),
        &[named("google-project-id", "project-id")],
    ),
    now(
        "delete crossplane",
        "crossplane drain",
        Positional::Same,
        &[same("kind"), named("name", "object"), same("namespace")],
    ),
    now(
        "apply clusterissuer",
        "install cert-manager --issuer production",
        Positional::Same,
        &[
            same("email"),
            same("ingress-class"),
            without_meaning(
                "name",
                "the issuers are called letsencrypt and letsencrypt-staging",
            ),
        ],
    ),
    now(
        "apply aso",
        "install aso",
        Positional::Same,
        &[
            named("namespace", "credentials-in"),
            named("sync_period", "sync-period"),
            without_meaning(
                "apply_creds",
                "the identity that you give is used, and none is made with rights over a subscription",
            ),
        ],
    ),
    now(
        "apply certmanager",
        "install cert-manager",
        Positional::Same,
        &[],
    ),
    Verb {
        with: Some("git-url"),
        ..now(
            "apply flux",
            "gitops sync",
            Positional::Same,
            &[
                named("git-url", "url"),
                Flag {
                    name: "git-ref",
                    turn: Turn::By(
                        "git-ref-type",
                        &[("branch", "branch"), ("tag", "tag"), ("commit", "commit")],
                    ),
                },
                Flag {
                    name: "git-ref-type",
                    turn: Turn::Read,
                },
                same("path"),
                same("interval"),
                same("namespace"),
                switch("sync", &[], &[]),
                switch("prune", &["--prune"], &["--no-prune"]),
            ],
        )
    },
    now(
        "apply flux",
        "install flux",
        Positional::Same,
        &[same("namespace"), switch("sync", &[], &[])],
    ),
    now(
        "wait flux",
        "status --watch --until-ready",
        Positional::Same,
        &[],
    ),
    now(
        "delete flux",
        "uninstall flux",
        Positional::Same,
        &[without_meaning(
            "namespace",
            "the inventory says where Flux is",
        )],
    ),
];
