//! Templates: YAML with short forms, or JSON, read to the long forms of JSON.

use granit_parser::{Event, Parser, ScalarStyle, Tag};
use serde_json::{Map, Value, json};
use std::sync::{Arc, Mutex, PoisonError};

/// The templates that were read last: each is read again with every step of its stack.
static READ: Mutex<Vec<(String, Arc<Value>)>> = Mutex::new(Vec::new());
const KEPT: usize = 8;

/// Reads a template.
pub(super) fn parse(text: &str) -> Result<Value, String> {
    shared(text).map(|it| Value::clone(&it))
}

/// Reads a template that is only looked at.
pub(super) fn shared(text: &str) -> Result<Arc<Value>, String> {
    let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, known)) = read.iter().find(|(known, _)| known == text) {
        return Ok(Arc::clone(known));
    }
    let template = Arc::new(read_whole(text)?);
    if read.len() == KEPT {
        read.remove(0);
    }
    read.push((text.to_owned(), Arc::clone(&template)));
    Ok(template)
}

fn read_whole(text: &str) -> Result<Value, String> {
    if text.trim_start().starts_with('{') {
        return serde_json::from_str(text)
            .map_err(|error| format!("Template format error: JSON not well-formed. ({error})"));
    }
    let mut reader = Reader {
        parser: Parser::new_from_str(text),
    };
    let value = reader
        .document()
        .map_err(|why| format!("Template format error: YAML not well-formed. ({why})"))?;
    match value {
        Value::Object(_) => Ok(value),
        _ => Err("Template format error: unsupported structure.".to_owned()),
    }
}

struct Reader<'a> {
    parser: Parser<'a, granit_parser::StrInput<'a>>,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Event<'a>, String> {
        loop {
            match self.parser.next_event() {
                Some(Ok((Event::Comment(..), _))) => {}
                Some(Ok((event, _))) => return Ok(event),
                Some(Err(error)) => return Err(error.to_string()),
                None => return Err("it ends too early".to_owned()),
            }
        }
    }

    fn document(&mut self) -> Result<Value, String> {
        loop {
            match self.next()? {
                Event::StreamStart | Event::DocumentStart(..) => {}
                Event::StreamEnd => return Ok(Value::Null),
                event => return self.value(event),
            }
        }
    }

    fn value(&mut self, event: Event<'a>) -> Result<Value, String> {
        let (value, tag) = match event {
            Event::Scalar(text, style, _, tag) => {
                let plain = style == ScalarStyle::Plain && tag.is_none();
                (if plain { scalar(&text) } else { json!(text) }, tag)
            }
            Event::SequenceStart(_, _, tag) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        Event::SequenceEnd => break,
                        event => items.push(self.value(event)?),
                    }
                }
                (Value::Array(items), tag)
            }
            Event::MappingStart(_, _, tag) => {
                let mut fields = Map::new();
                loop {
                    let key = match self.next()? {
                        Event::MappingEnd => break,
                        Event::Scalar(text, ..) => text.into_owned(),
                        _ => return Err("a key is no scalar".to_owned()),
                    };
                    let event = self.next()?;
                    let value = self.value(event)?;
                    if fields.insert(key.clone(), value).is_some() {
                        return Err(format!("the key {key} is there twice"));
                    }
                }
                (Value::Object(fields), tag)
            }
            Event::Alias(_) => {
                return Err("aliases are not allowed in CloudFormation templates".to_owned());
            }
            _ => return Err("there is something that is no value".to_owned()),
        };
        match tag {
            Some(tag) => long(&tag, value),
            None => Ok(value),
        }
    }
}

/// Returns the long form of a short one.
fn long(tag: &Tag, value: Value) -> Result<Value, String> {
    if tag.is_yaml_core_schema() {
        return Ok(value);
    }
    let name = tag.suffix();
    Ok(match (name, value) {
        ("Ref", value) => json!({"Ref": value}),
        ("Condition", value) => json!({"Condition": value}),
        ("GetAtt", Value::String(text)) => {
            let (resource, attribute) = text
                .split_once('.')
                .ok_or_else(|| format!("!GetAtt {text} names no attribute"))?;
            json!({"Fn::GetAtt": [resource, attribute]})
        }
        (name, value) if FUNCTIONS.contains(&name) => json!({format!("Fn::{name}"): value}),
        (name, _) => {
            return Err(format!(
                "could not determine a constructor for the tag !{name}"
            ));
        }
    })
}

/// The intrinsic functions that are known.
pub(super) const FUNCTIONS: [&str; 13] = [
    "GetAtt",
    "Sub",
    "Join",
    "Select",
    "If",
    "Equals",
    "Not",
    "And",
    "Or",
    "FindInMap",
    "GetAZs",
    "Split",
    "Cidr",
];

/// Returns what a plain scalar stands for.
fn scalar(text: &str) -> Value {
    let number = || {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let leads = digits.starts_with('0') && digits.len() > 1;
        let whole = !digits.is_empty() && digits.bytes().all(|it| it.is_ascii_digit());
        (whole && !leads)
            .then(|| text.parse::<i64>().ok())
            .flatten()
    };
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => json!(true),
        "false" | "False" | "FALSE" => json!(false),
        _ => number().map_or_else(|| json!(text), |it| json!(it)),
    }
}
