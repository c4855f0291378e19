//! The types of resources that are known, with their properties: `aws/cloudformation.types`, which `tests/aws/resources.py` compares
//! with CloudFormation's own schemas.

use serde_json::Value;
use std::{collections::BTreeMap, sync::LazyLock};

pub(super) struct Type {
    properties: BTreeMap<&'static str, Property>,
    attributes: Vec<&'static str>,
}

struct Property {
    required: bool,
    kind: &'static str,
    /// A change of it makes another resource.
    new: bool,
}

static TYPES: LazyLock<BTreeMap<&'static str, Type>> = LazyLock::new(|| {
    let mut types: BTreeMap<&str, Type> = BTreeMap::new();
    let mut open = "";
    for line in include_str!("../../../aws/cloudformation.types").lines() {
        let words: Vec<&'static str> = line.split_whitespace().collect();
        match words[..] {
            ["type", name, ..] => {
                open = name;
                let (properties, attributes) = (BTreeMap::new(), Vec::new());
                types.insert(
                    name,
                    Type {
                        properties,
                        attributes,
                    },
                );
            }
            ["=", name] => {
                if let Some(it) = types.get_mut(open) {
                    it.attributes.push(name);
                }
            }
            [name, kind, ..] => {
                let property = Property {
                    required: name.ends_with('!'),
                    kind,
                    new: words.last() == Some(&"new"),
                };
                if let Some(it) = types.get_mut(open) {
                    it.properties.insert(name.trim_end_matches('!'), property);
                }
            }
            _ => {}
        }
    }
    types
});

pub(super) fn find(name: &str) -> Option<&'static Type> {
    TYPES.get(name)
}

impl Type {
    /// Returns what is wrong with the names of the properties, before functions are called.
    pub(super) fn names(&self, properties: &Value) -> Option<String> {
        let fields = properties.as_object();
        let unknown = fields
            .into_iter()
            .flat_map(|it| it.keys())
            .find(|key| !self.properties.contains_key(key.as_str()));
        if let Some(key) = unknown {
            return Some(format!("Encountered unsupported property {key}"));
        }
        let missing = self
            .properties
            .iter()
            .find(|(name, it)| it.required && properties.get(**name).is_none());
        missing.map(|(name, _)| format!("Property {name} cannot be empty."))
    }

    /// Returns what is wrong with the properties' values.
    pub(super) fn values(&self, properties: &Value) -> Option<String> {
        for (name, property) in &self.properties {
            let value = &properties[*name];
            if value.is_null() {
                match property.required {
                    true => {
                        return Some(format!(
                            "Model validation failed (#: required key [{name}] not found)"
                        ));
                    }
                    false => continue,
                }
            }
            let text = value.as_str();
            let fits = match property.kind {
                "string" => value.is_string() || value.is_number() || value.is_boolean(),
                "integer" => value.is_i64() || text.is_some_and(|it| it.parse::<i64>().is_ok()),
                "boolean" => {
                    value.is_boolean() || text.is_some_and(|it| it == "true" || it == "false")
                }
                "list" => value.is_array(),
                "object" => value.is_object(),
                _ => true,
            };
            if !fits {
                return Some(format!(
                    "Model validation failed (#/{name}: expected type: {}, found: {value})",
                    property.kind
                ));
            }
        }
        let tags = properties["Tags"].as_array().into_iter().flatten();
        let malformed = |tag: &&Value| !tag["Key"].is_string() || tag["Value"].is_null();
        tags.into_iter()
            .find(malformed)
            .map(|tag| format!("Model validation failed (#/Tags: {tag} has no Key or no Value)"))
    }

    /// Returns whether a change of a property makes another resource.
    pub(super) fn replaces(&self, property: &str) -> bool {
        self.properties.get(property).is_some_and(|it| it.new)
    }

    pub(super) fn tags(&self) -> bool {
        self.properties.contains_key("Tags")
    }

    /// Returns whether `Fn::GetAtt` knows an attribute: what is read only, and a few properties that the documentation names.
    pub(super) fn has(&self, attribute: &str) -> bool {
        let also = [
            "CidrBlock",
            "AvailabilityZone",
            "AvailabilityZoneId",
            "VpcId",
        ];
        self.attributes.contains(&attribute)
            || (also.contains(&attribute) && self.tags() && self.properties.contains_key(attribute))
    }
}
