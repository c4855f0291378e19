//! Assignments to values on the command line, `--set a.b=c`, as Helm reads them.
//!
//! Source: Helm's `pkg/strvals/parser.go` and <https://helm.sh/docs/intro/using_helm/#the-format-and-limitations-of---set>.

use serde_json::{Map, Value};

/// The highest index of a list; Helm's own.
const MOST_INDEX: usize = 65536;
/// How deep names may be nested; Helm's own.
const DEEPEST: usize = 30;

/// Why an assignment cannot be read: a lower-case fragment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadAssignment(String);

/// Whether words such as `true` and `8080` keep their type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typing {
    /// They become booleans, whole numbers and null: `--set`.
    Typed,
    /// Everything is a string: `--set-string`.
    Text,
}

/// Carries out the assignments of one flag, `a.b=1,c[0]=x,d={e,f}`, on `values`. A backslash takes the next character as it is.
///
/// # Errors
/// The first that cannot be read; those before it have been carried out.
pub fn assign(
    values: &mut Map<String, Value>,
    text: &str,
    typing: Typing,
) -> Result<(), BadAssignment> {
    let mut reader = Reader {
        text: text.chars().collect(),
        at: 0,
        typing,
    };
    while reader.at < reader.text.len() {
        reader.key(values, 0)?;
    }
    Ok(())
}

struct Reader {
    text: Vec<char>,
    at: usize,
    typing: Typing,
}

fn bad<T>(why: impl Into<String>) -> Result<T, BadAssignment> {
    Err(BadAssignment(why.into()))
}

impl Reader {
    /// Reads up to one of `stops`, and past it; `None` in its place at the end.
    fn until(&mut self, stops: &[char]) -> (String, Option<char>) {
        let mut read = String::new();
        while let Some(&next) = self.text.get(self.at) {
            self.at += 1;
            if stops.contains(&next) {
                return (read, Some(next));
            }
            if next != '\\' {
                read.push(next);
            } else if let Some(&taken) = self.text.get(self.at) {
                self.at += 1;
                read.push(taken);
            }
        }
        (read, None)
    }

    fn key(&mut self, values: &mut Map<String, Value>, depth: usize) -> Result<(), BadAssignment> {
        let (key, stop) = self.until(&['=', '[', ',', '.']);
        if key.is_empty() {
            return bad("a key is empty");
        }
        match stop {
            None | Some(',') => bad(format!("key \"{key}\" has no value")),
            Some('=') => {
                let value = self.value()?;
                values.insert(key, value);
                Ok(())
            }
            Some('[') => {
                let index = self.index()?;
                let mut list = match values.get(&key) {
                    None | Some(Value::Null) => Vec::new(),
                    Some(Value::Array(list)) => list.clone(),
                    Some(_) => return bad(format!("\"{key}\" is no list")),
                };
                self.item(&mut list, index, depth)?;
                values.insert(key, list.into());
                Ok(())
            }
            Some(_) => {
                let mut inner = match values.get(&key) {
                    None | Some(Value::Null) => Map::new(),
                    Some(Value::Object(inner)) => inner.clone(),
                    Some(_) => return bad(format!("\"{key}\" is no map")),
                };
                self.deeper(&mut inner, depth)?;
                values.insert(key, inner.into());
                Ok(())
            }
        }
    }

    fn deeper(
        &mut self,
        inner: &mut Map<String, Value>,
        depth: usize,
    ) -> Result<(), BadAssignment> {
        if depth == DEEPEST {
            return bad(format!("names are nested more than {DEEPEST} deep"));
        }
        self.key(inner, depth + 1)
    }

    fn index(&mut self) -> Result<usize, BadAssignment> {
        let (index, stop) = self.until(&[']']);
        match index.parse() {
            Ok(index) if stop.is_some() && index <= MOST_INDEX => Ok(index),
            Ok(_) if stop.is_some() => bad(format!("index {index} is above {MOST_INDEX}")),
            _ => bad(format!(
                "\"[{index}\" is no index of a list: write [0], [1] and so on"
            )),
        }
    }

    /// Reads what follows an index.
    fn item(
        &mut self,
        list: &mut Vec<Value>,
        index: usize,
        depth: usize,
    ) -> Result<(), BadAssignment> {
        let (between, stop) = self.until(&['[', '.', '=']);
        if !between.is_empty() {
            return bad(format!(
                "\"{between}\" follows an index: wanted is =, . or ["
            ));
        }
        let there = list.get(index).cloned().unwrap_or(Value::Null);
        let value = match stop {
            None => return bad(format!("item {index} of a list has no value")),
            Some('=') => self.value()?,
            Some('[') => {
                let inner_index = self.index()?;
                let mut inner = match there {
                    Value::Array(inner) => inner,
                    Value::Null => Vec::new(),
                    _ => return bad(format!("item {index} is no list")),
                };
                self.item(&mut inner, inner_index, depth)?;
                inner.into()
            }
            Some(_) => {
                let mut inner = match there {
                    Value::Object(inner) => inner,
                    _ => Map::new(),
                };
                self.deeper(&mut inner, depth)?;
                inner.into()
            }
        };
        if list.len() <= index {
            list.resize(index + 1, Value::Null);
        }
        list[index] = value;
        Ok(())
    }

    /// Reads a value or a `{list}`, and the comma behind it.
    fn value(&mut self) -> Result<Value, BadAssignment> {
        if self.text.get(self.at) != Some(&'{') {
            let (word, _) = self.until(&[',']);
            return Ok(self.typed(word));
        }
        self.at += 1;
        let mut list = Vec::new();
        loop {
            let (word, stop) = self.until(&[',', '}']);
            match stop {
                None => return bad("a list begins with { and does not end with }"),
                Some(',') => list.push(self.typed(word)),
                Some(_) => {
                    list.push(self.typed(word));
                    if self.text.get(self.at) == Some(&',') {
                        self.at += 1;
                    }
                    return Ok(list.into());
                }
            }
        }
    }

    fn typed(&self, word: String) -> Value {
        if self.typing == Typing::Text {
            return word.into();
        }
        match word.to_ascii_lowercase().as_str() {
            "true" => true.into(),
            "false" => false.into(),
            "null" => Value::Null,
            "0" => 0.into(),
            // A number with a zero in front is a word: it may be a file's mode or a telephone number.
            _ if word.starts_with('0') => word.into(),
            _ => match word.parse::<i64>() {
                Ok(number) => number.into(),
                Err(_) => word.into(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn after(before: Value, text: &str, typing: Typing) -> Result<Value, String> {
        let Value::Object(mut values) = before else {
            panic!("values are a map")
        };
        assign(&mut values, text, typing).map_err(|error| error.to_string())?;
        Ok(values.into())
    }

    /// The cases are those of Helm's own `parser_test.go`, but for what Helm sets in spite of an error.
    #[test]
    fn assignments_are_read_as_helm_reads_them() {
        for (text, values) in [
            ("", json!({})),
            ("name1=null", json!({ "name1": null })),
            ("name1=value1", json!({ "name1": "value1" })),
            (
                "name1=value1,name2=value2",
                json!({ "name1": "value1", "name2": "value2" }),
            ),
            (
                "name1=value1,name2=value2,",
                json!({ "name1": "value1", "name2": "value2" }),
            ),
            (
                "name1=,name2=value2",
                json!({ "name1": "", "name2": "value2" }),
            ),
            ("leading_zeros=00009", json!({ "leading_zeros": "00009" })),
            ("zero_int=0", json!({ "zero_int": 0 })),
            ("long_int=1234567890", json!({ "long_int": 1_234_567_890 })),
            (
                "negative=-7,plus=+7,float=1.5",
                json!({ "negative": -7, "plus": 7, "float": "1.5" }),
            ),
            (
                "boolean=TRUE,other=False",
                json!({ "boolean": true, "other": false }),
            ),
            (
                "name1=one\\,two,name2=three\\,four",
                json!({ "name1": "one,two", "name2": "three,four" }),
            ),
            (
                "name1=one\\=two,name2=a=b",
                json!({ "name1": "one=two", "name2": "a=b" }),
            ),
            ("name1=one two three,", json!({ "name1": "one two three" })),
            (
                "outer.inner=value,outer.other=1",
                json!({ "outer": { "inner": "value", "other": 1 } }),
            ),
            (
                "nodeSelector.kubernetes\\.io/role=master",
                json!({ "nodeSelector": { "kubernetes.io/role": "master" } }),
            ),
            (
                "name1={value1,value2},name2={1021,true,null}",
                json!({ "name1": ["value1", "value2"], "name2": [1021, true, null] }),
            ),
            ("list={}", json!({ "list": [""] })),
            (
                "list[0]=foo,list[2]=bar",
                json!({ "list": ["foo", null, "bar"] }),
            ),
            (
                "list[0].foo=bar,list[0].hello=world,list[1]={a,b}",
                json!({ "list": [{ "foo": "bar", "hello": "world" }, ["a", "b"]] }),
            ),
            ("nested[1][1]=1", json!({ "nested": [null, [null, 1]] })),
            ("a[0].b[0].c=x", json!({ "a": [{ "b": [{ "c": "x" }] }] })),
        ] {
            assert_eq!(after(json!({}), text, Typing::Typed), Ok(values), "{text}");
        }
        assert_eq!(
            after(json!({}), "a=1234,b=true,c=null", Typing::Text),
            Ok(json!({ "a": "1234", "b": "true", "c": "null" }))
        );
    }

    #[test]
    fn what_is_there_is_changed_in_place() {
        let before = json!({ "list": [{ "a": 1, "b": 2 }, 3], "map": { "x": 1 }, "gone": null });
        assert_eq!(
            after(before, "list[0].a=9,map.y=2,gone.z=1", Typing::Typed),
            Ok(
                json!({ "list": [{ "a": 9, "b": 2 }, 3], "map": { "x": 1, "y": 2 }, "gone": { "z": 1 } })
            )
        );
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        for (text, says) in [
            ("name1", "key \"name1\" has no value"),
            ("name1,name2=x", "key \"name1\" has no value"),
            ("=x", "a key is empty"),
            ("a..b=x", "a key is empty"),
            ("name1={a,b", "a list begins with { and does not end with }"),
            (
                "list[x]=1",
                "\"[x\" is no index of a list: write [0], [1] and so on",
            ),
            (
                "list[-1]=1",
                "\"[-1\" is no index of a list: write [0], [1] and so on",
            ),
            (
                "list[0",
                "\"[0\" is no index of a list: write [0], [1] and so on",
            ),
            ("list[0]x=1", "\"x\" follows an index: wanted is =, . or ["),
            ("list[0]", "item 0 of a list has no value"),
            ("list[99999]=1", "index 99999 is above 65536"),
            ("word.a=1", "\"word\" is no map"),
            ("word[0]=1", "\"word\" is no list"),
        ] {
            let found = after(json!({ "word": "x" }), text, Typing::Typed);
            assert_eq!(found, Err(says.to_owned()), "{text}");
        }
        let deep = format!("{}x=1", "a.".repeat(31));
        assert!(after(json!({}), &deep, Typing::Typed).is_err());
        let just = format!("{}x=1", "a.".repeat(30));
        assert!(after(json!({}), &just, Typing::Typed).is_ok());
    }
}
