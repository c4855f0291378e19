//! Queries: a form whose keys are paths, as `Tags.member.1.Key`, or with EC2 `Filter.1.Name`.

use super::{
    super::{
        Heard,
        model::{Member, Protocol, Service, Shape},
        signature,
    },
    rest::scalar,
};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A tree of what comes after each dot.
#[derive(Default)]
struct Tree {
    text: Option<String>,
    parts: BTreeMap<String, Tree>,
}

/// Returns the pairs of the body, or of the query.
pub(super) fn pairs(heard: &Heard) -> Vec<(String, String)> {
    let mut pairs = signature::pairs(&heard.query);
    pairs.extend(signature::pairs(&String::from_utf8_lossy(&heard.body)));
    pairs.retain(|(name, _)| !name.starts_with("X-Amz-"));
    pairs
}

pub(super) fn read(service: &Service, shape: &str, heard: &Heard) -> Value {
    let mut tree = Tree::default();
    for (name, text) in pairs(heard) {
        if name == "Action" || name == "Version" {
            continue;
        }
        let mut place = &mut tree;
        for part in name.split('.') {
            place = place.parts.entry(part.to_owned()).or_default();
        }
        place.text = Some(text);
    }
    value(service, shape, &tree)
}

fn value(service: &Service, name: &str, tree: &Tree) -> Value {
    match service.shape(name) {
        Shape::Struct(members) => {
            let mut fields = Map::new();
            for (key, part) in &tree.parts {
                let member = members.iter().find(|it| wire(service, it) == *key);
                match member {
                    Some(member) => {
                        fields.insert(member.name.to_owned(), value(service, member.shape, part));
                    }
                    // Kept, so that it is refused.
                    None => {
                        fields.insert(key.clone(), json!(part.text));
                    }
                }
            }
            Value::Object(fields)
        }
        Shape::List {
            member, item, flat, ..
        } => {
            if tree.text.as_deref() == Some("") && tree.parts.is_empty() {
                return json!([]);
            }
            let within = match *flat || service.protocol == Protocol::Ec2 {
                true => Some(tree),
                false => tree.parts.get(*item),
            };
            let mut items: Vec<(usize, &Tree)> = within
                .into_iter()
                .flat_map(|it| &it.parts)
                .filter_map(|(at, part)| Some((at.parse().ok()?, part)))
                .collect();
            items.sort_by_key(|(at, _)| *at);
            items
                .into_iter()
                .map(|(_, part)| value(service, member, part))
                .collect()
        }
        Shape::Map { key, value: of, .. } => {
            let entries = tree.parts.get("entry").unwrap_or(tree);
            let pairs = entries.parts.values().filter_map(|entry| {
                let key = value(service, key, entry.parts.get("key")?);
                Some((
                    key.as_str()?.to_owned(),
                    value(service, of, entry.parts.get("value")?),
                ))
            });
            pairs.collect::<Map<_, _>>().into()
        }
        shape => match &tree.text {
            Some(text) => scalar(shape, text),
            None => json!(tree.parts.keys().collect::<Vec<_>>()),
        },
    }
}

/// Returns what a member is called in a form.
fn wire(service: &Service, member: &Member) -> String {
    if service.protocol != Protocol::Ec2 {
        return match service.shape(member.shape) {
            // A flat list goes by the name of its items.
            Shape::List {
                item, flat: true, ..
            } if *item != "member" => (*item).to_owned(),
            _ => member.wire.to_owned(),
        };
    }
    if let Some(query) = member.query {
        return query.to_owned();
    }
    let mut letters = member.wire.chars();
    let first = letters.next().map(|it| it.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}
