//! The tables of shapes under `aws/`: which operations a service has, how they are written, and what their members are. They say
//! what AWS's own service models say; `tests/aws/shapes.py` compares them.

use regex::Regex;
use std::{
    collections::BTreeMap,
    sync::{LazyLock, OnceLock},
};

/// How a service is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    RestJson,
    Json,
    Query,
    Ec2,
}

/// See the room.
pub(super) struct Service {
    /// Its name among botocore's: elb and elbv2 sign with one name.
    pub(super) name: &'static str,
    pub(super) signing: &'static str,
    pub(super) protocol: Protocol,
    pub(super) version: &'static str,
    /// The XML namespace, or the prefix of targets.
    pub(super) place: &'static str,
    pub(super) operations: Vec<Operation>,
    shapes: BTreeMap<&'static str, Shape>,
}

pub(super) struct Operation {
    pub(super) name: &'static str,
    pub(super) method: &'static str,
    pub(super) uri: &'static str,
    pub(super) input: Option<&'static str>,
    pub(super) output: Option<&'static str>,
    pub(super) wrap: Option<&'static str>,
}

impl Operation {
    /// Returns whether it changes something, as its name says.
    pub(super) fn mutates(&self) -> bool {
        let reads = [
            "Describe",
            "List",
            "Get",
            "Simulate",
            "Validate",
            "AssumeRole",
        ];
        !reads.iter().any(|prefix| self.name.starts_with(prefix))
    }
}

pub(super) enum Shape {
    Struct(Vec<Member>),
    List {
        member: &'static str,
        item: &'static str,
        limits: Limits,
        flat: bool,
    },
    Map {
        key: &'static str,
        value: &'static str,
    },
    Text(Limits, Option<Pattern>),
    Enum(Vec<&'static str>),
    Whole(Limits),
    Number(Limits),
    Flag,
    Time,
    Blob,
}

pub(super) struct Member {
    pub(super) name: &'static str,
    pub(super) required: bool,
    pub(super) shape: &'static str,
    pub(super) place: Place,
    /// Its name on the wire.
    pub(super) wire: &'static str,
    /// Its name in a query of EC2's.
    pub(super) query: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Body,
    Uri,
    Query,
    Header,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Limits {
    pub(super) least: Option<f64>,
    pub(super) most: Option<f64>,
}

pub(super) struct Pattern {
    pub(super) text: &'static str,
    regex: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// Returns whether a whole text fits; what Rust's regex cannot read fits.
    pub(super) fn matches(&self, text: &str) -> bool {
        let regex = self
            .regex
            .get_or_init(|| Regex::new(&format!("\\A(?:{})\\z", self.text)).ok());
        regex.as_ref().is_none_or(|regex| regex.is_match(text))
    }
}

static SERVICES: LazyLock<Vec<Service>> = LazyLock::new(|| {
    vec![
        read("sts", include_str!("../../aws/sts.shapes")),
        read("eks", include_str!("../../aws/eks.shapes")),
        read(
            "cloudformation",
            include_str!("../../aws/cloudformation.shapes"),
        ),
        read("ec2", include_str!("../../aws/ec2.shapes")),
        read("elb", include_str!("../../aws/elb.shapes")),
        read("elbv2", include_str!("../../aws/elbv2.shapes")),
        read("iam", include_str!("../../aws/iam.shapes")),
        read(
            "tagging",
            include_str!("../../aws/resourcegroupstaggingapi.shapes"),
        ),
        read(
            "servicequotas",
            include_str!("../../aws/service-quotas.shapes"),
        ),
        read("logs", include_str!("../../aws/logs.shapes")),
    ]
});

/// Returns the service that signs with a name; of several, the one of this version.
pub(super) fn find(signing: &str, version: Option<&str>) -> Option<&'static Service> {
    let mut all = SERVICES.iter().filter(|it| it.signing == signing);
    match version {
        Some(version) => all.clone().find(|it| it.version == version).or(all.next()),
        None => all.next(),
    }
}

impl Service {
    pub(super) fn operation(&self, name: &str) -> Option<&Operation> {
        self.operations.iter().find(|it| it.name == name)
    }

    /// Returns a shape; what the table does not name is a string.
    pub(super) fn shape(&self, name: &str) -> &Shape {
        const NONE: Limits = Limits {
            least: None,
            most: None,
        };
        static TEXT: Shape = Shape::Text(NONE, None);
        static WHOLE: Shape = Shape::Whole(NONE);
        static NUMBER: Shape = Shape::Number(NONE);
        static FLAG: Shape = Shape::Flag;
        static TIME: Shape = Shape::Time;
        static BLOB: Shape = Shape::Blob;
        self.shapes.get(name).unwrap_or(match name {
            "integer" | "long" => &WHOLE,
            "double" | "float" => &NUMBER,
            "boolean" => &FLAG,
            "timestamp" => &TIME,
            "blob" => &BLOB,
            _ => &TEXT,
        })
    }

    /// Returns the members of a structure.
    pub(super) fn members(&self, name: &str) -> &[Member] {
        match self.shape(name) {
            Shape::Struct(members) => members,
            _ => &[],
        }
    }
}

/// Reads a table; one that is damaged is a mistake of this program.
fn read(name: &'static str, text: &'static str) -> Service {
    let mut service = Service {
        name,
        signing: "",
        protocol: Protocol::Query,
        version: "",
        place: "",
        operations: Vec::new(),
        shapes: BTreeMap::new(),
    };
    let mut open: Option<&'static str> = None;
    for line in text.lines() {
        let words: Vec<&'static str> = line.split_whitespace().collect();
        if line.starts_with(' ') {
            let members = open.and_then(|name| service.shapes.get_mut(name));
            if let (Some(Shape::Struct(members)), [_, _, ..]) = (members, &words[..]) {
                members.push(member(&words));
            }
            continue;
        }
        open = None;
        match words[..] {
            ["service", signing, protocol, version, place] => {
                service.signing = signing;
                service.protocol = match protocol {
                    "rest-json" => Protocol::RestJson,
                    "json" => Protocol::Json,
                    "ec2" => Protocol::Ec2,
                    _ => Protocol::Query,
                };
                (service.version, service.place) = (version, place);
            }
            ["op", name, method, uri, input, output, wrap] => {
                let given = |word: &'static str| (word != "-").then_some(word);
                service.operations.push(Operation {
                    name,
                    method,
                    uri,
                    input: given(input),
                    output: given(output),
                    wrap: given(wrap),
                });
            }
            [kind, name, ..] => {
                open = Some(name);
                service.shapes.insert(name, shape(kind, &words[2..], line));
            }
            _ => {}
        }
    }
    service
}

fn member(words: &[&'static str]) -> Member {
    let name = words[0].trim_end_matches('!');
    let (mut place, mut wire, mut query) = (Place::Body, name, None);
    for word in &words[2..] {
        match *word {
            "@uri" => place = Place::Uri,
            "@query" => place = Place::Query,
            "@header" => place = Place::Header,
            word => {
                if let Some(given) = word.strip_prefix("as=") {
                    wire = given;
                } else {
                    query = query.or(word.strip_prefix("q="));
                }
            }
        }
    }
    Member {
        name,
        required: words[0].ends_with('!'),
        shape: words[1],
        place,
        wire,
        query,
    }
}

fn shape(kind: &str, rest: &[&'static str], line: &'static str) -> Shape {
    let limits = limits(rest);
    match kind {
        "struct" => Shape::Struct(Vec::new()),
        "list" => Shape::List {
            member: rest[0],
            item: rest[1],
            limits,
            flat: rest.contains(&"flat"),
        },
        "map" => Shape::Map {
            key: rest[0],
            value: rest[1],
        },
        "enum" => Shape::Enum(rest.to_vec()),
        "integer" | "long" => Shape::Whole(limits),
        "double" | "float" => Shape::Number(limits),
        "timestamp" => Shape::Time,
        _ => {
            let pattern = line
                .split_once(" /")
                .and_then(|(_, it)| it.strip_suffix('/'));
            let regex = OnceLock::new();
            Shape::Text(limits, pattern.map(|text| Pattern { text, regex }))
        }
    }
}

fn limits(words: &[&str]) -> Limits {
    let range = words.iter().find_map(|word| {
        let (least, most) = word.split_once("..")?;
        let number = |text: &str| text.parse::<f64>().ok();
        let fits = |text: &str| text.is_empty() || number(text).is_some();
        (fits(least) && fits(most)).then(|| (number(least), number(most)))
    });
    let (least, most) = range.unwrap_or_default();
    Limits { least, most }
}
