//! `metadata.managedFields`: who owns which fields.

use super::{
    apply::without_identity,
    fields::{self, FieldSet},
    schema::Schema,
};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// How a manager writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Operation {
    /// Server-side apply.
    Apply,
    /// Everything else.
    Update,
}

/// Tells managers apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Id {
    operation: Operation,
    manager: String,
    /// Empty for appliers, who keep their entry when they change the version.
    api_version: String,
    subresource: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    set: FieldSet,
    api_version: String,
    time: Option<String>,
}

/// All managers of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Managers {
    entries: BTreeMap<Id, Entry>,
}

/// Who changes an object by other means than apply.
pub(super) struct Updater<'a> {
    pub(super) manager: &'a str,
    pub(super) api_version: &'a str,
    pub(super) subresource: Option<&'a str>,
}

impl Managers {
    /// Reads the managers of an object; entries that cannot be read are dropped.
    pub(super) fn read(object: &Value) -> Self {
        let mut managers = Self::default();
        for entry in object
            .pointer("/metadata/managedFields")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
            let operation = match entry["operation"].as_str() {
                Some("Apply") => Operation::Apply,
                Some("Update") => Operation::Update,
                _ => continue,
            };
            let id = managers.id(
                &text("manager"),
                operation,
                &text("apiVersion"),
                entry["subresource"].as_str(),
            );
            let set = FieldSet::parse(&entry["fieldsV1"]);
            let time = entry["time"].as_str().map(str::to_owned);
            managers.entries.insert(
                id,
                Entry {
                    set,
                    api_version: text("apiVersion"),
                    time,
                },
            );
        }
        managers
    }

    /// Writes the managers into an object.
    pub(super) fn write(&self, object: &mut Value) {
        let mut entries: Vec<(&Id, &Entry)> = self
            .entries
            .iter()
            .filter(|(_, entry)| !entry.set.is_empty())
            .collect();
        entries.sort_by(|(a, x), (b, y)| {
            (
                a.operation,
                &x.time,
                &a.manager,
                &x.api_version,
                &a.subresource,
            )
                .cmp(&(
                    b.operation,
                    &y.time,
                    &b.manager,
                    &y.api_version,
                    &b.subresource,
                ))
        });
        let entries: Vec<Value> = entries
            .into_iter()
            .map(|(id, entry)| entry_value(id, entry))
            .collect();
        let Some(metadata) = object["metadata"].as_object_mut() else {
            return;
        };
        if entries.is_empty() {
            metadata.shift_remove("managedFields");
        } else {
            metadata.insert("managedFields".to_owned(), Value::Array(entries));
        }
    }

    /// Returns whether nobody owns anything.
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the id of a manager.
    #[expect(clippy::unused_self, reason = "reads as a question to the managers")]
    pub(super) fn id(
        &self,
        manager: &str,
        operation: Operation,
        api_version: &str,
        subresource: Option<&str>,
    ) -> Id {
        Id {
            operation,
            manager: manager.to_owned(),
            api_version: if operation == Operation::Apply {
                String::new()
            } else {
                api_version.to_owned()
            },
            subresource: subresource.unwrap_or_default().to_owned(),
        }
    }

    /// Gives a manager another set and returns what it had.
    pub(super) fn replace(
        &mut self,
        id: &Id,
        set: FieldSet,
        api_version: &str,
    ) -> Option<FieldSet> {
        let time = self.entries.get(id).and_then(|entry| entry.time.clone());
        let entry = Entry {
            set,
            api_version: api_version.to_owned(),
            time,
        };
        self.entries
            .insert(id.clone(), entry)
            .map(|entry| entry.set)
    }

    /// Returns what others than `id` own of the changed paths, by the name that messages give the manager.
    pub(super) fn conflicts(&self, id: &Id, changed: &FieldSet) -> Vec<(String, FieldSet)> {
        let mut conflicts = Vec::new();
        for (other, entry) in self.entries.iter().filter(|(other, _)| *other != id) {
            let common = entry.set.common(changed);
            if !common.is_empty() {
                let subresource = if other.subresource.is_empty() {
                    String::new()
                } else {
                    format!(" with subresource \"{}\"", other.subresource)
                };
                let name = match other.operation {
                    Operation::Apply => format!("\"{}\"{subresource}", other.manager),
                    Operation::Update => format!(
                        "\"{}\"{subresource} using {}",
                        other.manager, entry.api_version
                    ),
                };
                conflicts.push((name, common));
            }
        }
        conflicts
    }

    /// Takes the paths from everyone but `id`.
    pub(super) fn take(&mut self, id: &Id, paths: &FieldSet) {
        for (_, entry) in self.entries.iter_mut().filter(|(other, _)| *other != id) {
            entry.set.subtract(paths);
        }
        self.entries
            .retain(|other, entry| other == id || !entry.set.is_empty());
    }

    /// Returns everything that anyone owns.
    pub(super) fn all(&self) -> FieldSet {
        let mut all = FieldSet::default();
        for entry in self.entries.values() {
            all.add(&entry.set);
        }
        all
    }

    /// Notes when an applier last changed the object.
    pub(super) fn touch(&mut self, id: &Id, now: &str) {
        if let Some(entry) = self.entries.get_mut(id) {
            entry.time = Some(now.to_owned());
        }
    }

    /// Gives everything in an object that has no managers to one that stands for the time before.
    pub(super) fn before_first_apply(
        &mut self,
        object: &Value,
        schema: &Schema,
        api_version: &str,
    ) {
        let id = self.id("before-first-apply", Operation::Update, api_version, None);
        let set = fields::compare(&json!({}), &without_identity(object), schema).changed;
        self.entries.insert(
            id,
            Entry {
                set,
                api_version: api_version.to_owned(),
                time: None,
            },
        );
    }

    /// Notes what an update changed. `time` is `None` for the scale subresource, which the real server notes without.
    pub(super) fn update(
        &mut self,
        old: &Value,
        new: &Value,
        schema: &Schema,
        updater: &Updater<'_>,
        time: Option<&str>,
    ) {
        let difference = fields::compare(&without_identity(old), &without_identity(new), schema);
        let id = self.id(
            updater.manager,
            Operation::Update,
            updater.api_version,
            updater.subresource,
        );
        self.take(&id, &difference.changed);
        for entry in self.entries.values_mut() {
            entry.set.subtract(&difference.removed);
        }
        self.entries.retain(|_, entry| !entry.set.is_empty());
        if difference.changed.is_empty() {
            return;
        }
        let entry = self.entries.entry(id).or_insert_with(|| Entry {
            set: FieldSet::default(),
            api_version: updater.api_version.to_owned(),
            time: None,
        });
        let before = entry.set.clone();
        entry.set.add(&difference.changed);
        if entry.set != before {
            entry.time = time.map(str::to_owned);
        }
    }
}

fn entry_value(id: &Id, entry: &Entry) -> Value {
    let mut value = Map::new();
    value.insert("manager".to_owned(), json!(id.manager));
    value.insert(
        "operation".to_owned(),
        json!(if id.operation == Operation::Apply {
            "Apply"
        } else {
            "Update"
        }),
    );
    value.insert("apiVersion".to_owned(), json!(entry.api_version));
    if let Some(time) = &entry.time {
        value.insert("time".to_owned(), json!(time));
    }
    value.insert("fieldsType".to_owned(), json!("FieldsV1"));
    value.insert("fieldsV1".to_owned(), entry.set.to_value());
    if !id.subresource.is_empty() {
        value.insert("subresource".to_owned(), json!(id.subresource));
    }
    Value::Object(value)
}
