//! Intrinsic functions: what `Ref`, `Fn::Sub` and the others stand for
//! (<https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html>).

use super::super::{ACCOUNT, ec2};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What functions look things up in.
pub(super) struct Scope<'a> {
    pub(super) template: &'a Value,
    pub(super) region: &'a str,
    pub(super) stack: &'a str,
    pub(super) stack_id: &'a str,
    pub(super) parameters: &'a BTreeMap<String, Value>,
    /// Physical ids and attributes of the resources that are there.
    pub(super) resources: &'a dyn Fn(&str) -> Option<(String, Value)>,
}

impl Scope<'_> {
    /// Returns a value without functions; null is what `AWS::NoValue` leaves.
    pub(super) fn resolve(&self, value: &Value) -> Result<Value, String> {
        match value {
            Value::Object(fields) => {
                if fields.len() == 1
                    && let Some((name, argument)) = fields.iter().next()
                {
                    if name == "Ref" {
                        return self.refer(argument.as_str().unwrap_or_default());
                    }
                    if let Some(name) = name.strip_prefix("Fn::") {
                        return self.call(name, argument);
                    }
                }
                let mut resolved = Map::new();
                for (key, value) in fields {
                    let value = self.resolve(value)?;
                    if !value.is_null() {
                        resolved.insert(key.clone(), value);
                    }
                }
                Ok(Value::Object(resolved))
            }
            Value::Array(items) => {
                let items: Result<Vec<Value>, String> =
                    items.iter().map(|it| self.resolve(it)).collect();
                Ok(items?.into_iter().filter(|it| !it.is_null()).collect())
            }
            other => Ok(other.clone()),
        }
    }

    /// Returns a value as a text.
    fn text(&self, value: &Value) -> Result<String, String> {
        match self.resolve(value)? {
            Value::String(text) => Ok(text),
            Value::Bool(truth) => Ok(truth.to_string()),
            Value::Number(number) => Ok(number.to_string()),
            _ => Err("Template error: a string was expected".to_owned()),
        }
    }

    fn refer(&self, name: &str) -> Result<Value, String> {
        Ok(match name {
            "AWS::Region" => json!(self.region),
            "AWS::AccountId" => json!(ACCOUNT),
            "AWS::StackName" => json!(self.stack),
            "AWS::StackId" => json!(self.stack_id),
            "AWS::Partition" => json!("aws"),
            "AWS::URLSuffix" => json!("amazonaws.com"),
            "AWS::NotificationARNs" => json!([]),
            "AWS::NoValue" => Value::Null,
            name => match self.parameters.get(name) {
                Some(value) => value.clone(),
                None => match (self.resources)(name) {
                    Some((id, _)) => json!(id),
                    None => {
                        return Err(format!(
                            "Template format error: Unresolved resource dependencies [{name}] in the Resources block of the template"
                        ));
                    }
                },
            },
        })
    }

    fn attribute(&self, resource: &str, attribute: &str) -> Result<Value, String> {
        let (_, attributes) = (self.resources)(resource).ok_or_else(|| {
            format!(
                "Template error: instance of Fn::GetAtt references undefined resource {resource}"
            )
        })?;
        match attributes.get(attribute) {
            Some(value) => Ok(value.clone()),
            None => Err(format!(
                "Template error: resource {resource} does not support attribute type {attribute} in Fn::GetAtt"
            )),
        }
    }

    fn call(&self, name: &str, argument: &Value) -> Result<Value, String> {
        let wrong = || format!("Template error: every Fn::{name} object requires other arguments");
        let list = |least: usize| {
            argument
                .as_array()
                .filter(|it| it.len() >= least)
                .ok_or_else(wrong)
        };
        match name {
            "GetAtt" => {
                let list = list(2)?;
                let attribute = self.text(&list[1])?;
                self.attribute(list[0].as_str().unwrap_or_default(), &attribute)
            }
            "Sub" => match argument {
                Value::String(text) => self.substitute(text, &Map::new()),
                Value::Array(list) if list.len() == 2 => {
                    let own = list[1].as_object().ok_or_else(wrong)?;
                    self.substitute(list[0].as_str().ok_or_else(wrong)?, own)
                }
                _ => Err(wrong()),
            },
            "Join" => {
                let list = list(2)?;
                let items = self.resolve(&list[1])?;
                let items: Result<Vec<String>, String> = items
                    .as_array()
                    .ok_or_else(wrong)?
                    .iter()
                    .map(|it| self.text(it))
                    .collect();
                Ok(json!(items?.join(list[0].as_str().unwrap_or_default())))
            }
            "Split" => {
                let list = list(2)?;
                let text = self.text(&list[1])?;
                Ok(text
                    .split(list[0].as_str().ok_or_else(wrong)?)
                    .map(|it| json!(it))
                    .collect())
            }
            "Select" => {
                let list = list(2)?;
                let at: usize = self.text(&list[0])?.parse().map_err(|_| wrong())?;
                let items = self.resolve(&list[1])?;
                let item = items.as_array().and_then(|it| it.get(at)).cloned();
                item.ok_or_else(|| {
                    "Template error: Fn::Select cannot select nonexistent value at index "
                        .to_owned()
                        + &at.to_string()
                })
            }
            "If" => {
                let list = list(3)?;
                let holds = self.condition(list[0].as_str().unwrap_or_default())?;
                self.resolve(&list[if holds { 1 } else { 2 }])
            }
            "FindInMap" => {
                let list = list(3)?;
                let (map, first, second) = (
                    self.text(&list[0])?,
                    self.text(&list[1])?,
                    self.text(&list[2])?,
                );
                let found = &self.template["Mappings"][&map][&first][&second];
                match found {
                    Value::Null => Err(format!(
                        "Template error: Unable to get mapping for {map}::{first}::{second}"
                    )),
                    found => Ok(found.clone()),
                }
            }
            "GetAZs" => {
                let region = self.text(argument)?;
                let region = if region.is_empty() {
                    self.region
                } else {
                    &region
                };
                Ok(ec2::zones(region)
                    .into_iter()
                    .map(|(name, _)| json!(name))
                    .collect())
            }
            "Cidr" => {
                let list = list(2)?;
                let number = |it: &Value| self.text(it)?.parse::<u32>().map_err(|_| wrong());
                let bits = list.get(2).map_or(Ok(8), number)?;
                blocks(&self.text(&list[0])?, number(&list[1])?, bits).ok_or_else(wrong)
            }
            "Equals" | "Not" | "And" | "Or" => Ok(json!(
                self.truth(&json!({format!("Fn::{name}"): argument}))?
            )),
            other => Err(format!("Template error: Fn::{other} is not known here")),
        }
    }

    /// Puts values in for `${Name}` and `${Resource.Attribute}`; `${!Name}` stands for itself.
    fn substitute(&self, text: &str, own: &Map<String, Value>) -> Result<Value, String> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some(start) = rest.find("${") {
            let Some(end) = rest[start..].find('}') else {
                break;
            };
            let name = rest[start + 2..start + end].trim();
            filled.push_str(&rest[..start]);
            match (name.strip_prefix('!'), own.get(name)) {
                (Some(literal), _) => filled += &format!("${{{literal}}}"),
                (None, Some(value)) => filled += &self.text(value)?,
                (None, None) => {
                    let value = match name.split_once('.') {
                        Some((resource, attribute)) => self.attribute(resource, attribute)?,
                        None => self.refer(name)?,
                    };
                    filled += &self.text(&value)?;
                }
            }
            rest = &rest[start + end + 1..];
        }
        Ok(json!(filled + rest))
    }

    /// Returns whether a condition of the template holds.
    pub(super) fn condition(&self, name: &str) -> Result<bool, String> {
        match self.template["Conditions"].get(name) {
            Some(condition) => self.truth(condition),
            None => Err(format!(
                "Template validation error: Template error: unresolved condition dependency {name} in Fn::If"
            )),
        }
    }

    fn truth(&self, condition: &Value) -> Result<bool, String> {
        let only = condition
            .as_object()
            .filter(|it| it.len() == 1)
            .and_then(|it| it.iter().next());
        let Some((name, argument)) = only else {
            return Err("Template error: a condition is malformed".to_owned());
        };
        let list = argument.as_array().map_or(&[][..], Vec::as_slice);
        match (name.as_str(), list) {
            ("Condition", _) => self.condition(argument.as_str().unwrap_or_default()),
            ("Fn::Equals", [one, other]) => Ok(self.text(one)? == self.text(other)?),
            ("Fn::Not", [it]) => Ok(!self.truth(it)?),
            ("Fn::And", [_, ..]) => Ok(list
                .iter()
                .map(|it| self.truth(it))
                .collect::<Result<Vec<_>, _>>()?
                .into_iter()
                .all(|it| it)),
            ("Fn::Or", [_, ..]) => Ok(list
                .iter()
                .map(|it| self.truth(it))
                .collect::<Result<Vec<_>, _>>()?
                .into_iter()
                .any(|it| it)),
            _ => Err(format!(
                "Template error: {name} is no condition, or has the wrong arguments"
            )),
        }
    }
}

/// Returns `count` blocks of `bits` host bits each out of a block.
fn blocks(cidr: &str, count: u32, bits: u32) -> Option<Value> {
    let (address, size) = ec2::network::block(cidr)?;
    let width = 32_u32.checked_sub(bits).filter(|it| *it >= size)?;
    let step = 1_u32.checked_shl(bits)?;
    if u64::from(count) * u64::from(step) > 1_u64 << (32 - size) {
        return None;
    }
    let block = |it: u32| {
        json!(format!(
            "{}/{width}",
            ec2::network::dotted(address + it * step)
        ))
    };
    Some((0..count).map(block).collect())
}

/// Collects the names that a value refers to, in all functions; those behind a condition, too.
pub(super) fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (key, argument) in fields {
                match (key.as_str(), argument) {
                    ("Ref", Value::String(name)) => drop(found.insert(name.clone())),
                    ("Fn::GetAtt", Value::Array(list)) => {
                        found.extend(list.first().and_then(Value::as_str).map(str::to_owned));
                    }
                    ("Fn::GetAtt", Value::String(text)) => {
                        found.extend(text.split('.').next().map(str::to_owned));
                    }
                    ("Fn::Sub", argument) => {
                        let (text, own) = match argument {
                            Value::Array(list) => {
                                (list.first().and_then(Value::as_str), list.get(1))
                            }
                            text => (text.as_str(), None),
                        };
                        names(text.unwrap_or_default(), own, found);
                        own.into_iter().for_each(|it| references(it, found));
                    }
                    (_, argument) => references(argument, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|it| references(it, found)),
        _ => {}
    }
}

fn names(text: &str, own: Option<&Value>, found: &mut BTreeSet<String>) {
    for part in text.split("${").skip(1) {
        let name = part.split('}').next().unwrap_or_default().trim();
        let name = name.split('.').next().unwrap_or_default();
        if !name.starts_with('!') && own.is_none_or(|own| own.get(name).is_none()) {
            found.insert(name.to_owned());
        }
    }
}
