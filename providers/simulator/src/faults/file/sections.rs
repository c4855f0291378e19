//! The sections of the file with their keys, and the words that some of them take.

/// The sections of the file, each with its keys.
pub(in crate::faults) const SECTIONS: [(&str, &[&str]); 9] = [
    (
        "request",
        &[
            "method",
            "path",
            "nth",
            "every",
            "count",
            "probability",
            "from",
            "until",
            "latency",
            "status",
            "retry-after",
            "message",
            "reset",
            "silent",
            "down",
        ],
    ),
    (
        "program",
        &[
            "program",
            "verb",
            "nth",
            "every",
            "count",
            "probability",
            "from",
            "until",
            "latency",
            "exit",
            "message",
            "reset",
        ],
    ),
    ("finalizer", &["kind", "name", "finalizer"]),
    ("missing", &["chart", "version"]),
    (
        "registry",
        &[
            "url",
            "nth",
            "every",
            "count",
            "probability",
            "from",
            "until",
            "latency",
            "status",
        ],
    ),
    (
        "chart",
        &[
            "name",
            "nth",
            "every",
            "count",
            "probability",
            "from",
            "until",
            "latency",
            "fails",
        ],
    ),
    (
        "package",
        &[
            "name",
            "nth",
            "every",
            "count",
            "probability",
            "from",
            "until",
            "latency",
            "fails",
        ],
    ),
    (
        "managed",
        &[
            "kind",
            "name",
            "nth",
            "every",
            "count",
            "probability",
            "from",
            "until",
            "latency",
            "fails",
        ],
    ),
    (
        "pod",
        &[
            "name",
            "image",
            "nth",
            "every",
            "count",
            "probability",
            "from",
            "until",
            "latency",
            "fate",
        ],
    ),
];
/// The keys outside of sections.
pub(in crate::faults) const TOP: [&str; 1] = ["seed"];
pub(in crate::faults) const METHODS: [&str; 6] = ["GET", "WATCH", "POST", "PUT", "PATCH", "DELETE"];
pub(in crate::faults) const PROGRAMS: [&str; 2] = ["kind", "docker"];
pub(in crate::faults) const FATES: [&str; 4] = ["crash", "missing", "never", "unschedulable"];
pub(in crate::faults) const SIDES: [&str; 2] = ["before", "after"];
