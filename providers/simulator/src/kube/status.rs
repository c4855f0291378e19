//! The `Status` object that a Kubernetes API answers instead of what was asked for.

use serde_json::{Map, Value, json};

/// A refusal, as `meta/v1.Status` words it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// HTTP status code.
    pub code: u16,
    /// Machine-readable reason ("NotFound"), empty where the real server gives none.
    pub reason: String,
    /// What a person reads.
    pub message: String,
    /// The `details` object, `None` where the real server leaves it out.
    pub details: Option<Box<Map<String, Value>>>,
}

/// One entry of `details.causes`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cause {
    /// Machine-readable reason ("FieldValueInvalid").
    pub(super) reason: String,
    /// What is wrong with the field.
    pub(super) message: String,
    /// Path of the field, as the real server writes it.
    pub(super) field: String,
}

impl Cause {
    fn of(reason: &str, field: impl Into<String>, message: String) -> Self {
        Self {
            reason: reason.to_owned(),
            message,
            field: field.into(),
        }
    }

    /// Returns that a field has a value that it must not have; `value` is shown as JSON.
    pub(super) fn invalid(field: impl Into<String>, value: impl Into<Value>, why: &str) -> Self {
        let value = value.into();
        Self::of(
            "FieldValueInvalid",
            field,
            format!("Invalid value: {value}: {why}"),
        )
    }

    /// Returns that a field is missing.
    pub(super) fn required(field: impl Into<String>, why: &str) -> Self {
        let why = if why.is_empty() {
            String::new()
        } else {
            format!(": {why}")
        };
        Self::of("FieldValueRequired", field, format!("Required value{why}"))
    }

    /// Returns that a field must not be set or changed.
    pub(super) fn forbidden(field: impl Into<String>, why: &str) -> Self {
        Self::of("FieldValueForbidden", field, format!("Forbidden: {why}"))
    }

    /// Returns that a field has none of the values that it may have.
    pub(super) fn unsupported(
        field: impl Into<String>,
        value: impl Into<Value>,
        supported: &[&str],
    ) -> Self {
        let value = value.into();
        let supported: Vec<String> = supported
            .iter()
            .map(|value| format!("\"{value}\""))
            .collect();
        let message = format!(
            "Unsupported value: {value}: supported values: {}",
            supported.join(", ")
        );
        Self::of("FieldValueNotSupported", field, message)
    }

    /// Returns that an item is in a list twice.
    pub(super) fn duplicate(field: impl Into<String>, value: impl Into<Value>) -> Self {
        let value = value.into();
        Self::of(
            "FieldValueDuplicate",
            field,
            format!("Duplicate value: {value}"),
        )
    }

    /// Returns that a value has another type.
    pub(super) fn wrong_type(field: impl Into<String>, found: &str, why: &str) -> Self {
        Self::of(
            "FieldValueTypeInvalid",
            field,
            format!("Invalid value: \"{found}\": {why}: \"{found}\""),
        )
    }

    /// Returns that a value is too long.
    pub(super) fn too_long(field: impl Into<String>, why: &str) -> Self {
        Self::of("FieldValueTooLong", field, format!("Too long: {why}"))
    }

    fn to_value(&self) -> Value {
        let mut cause = Map::new();
        for (name, value) in [
            ("reason", &self.reason),
            ("message", &self.message),
            ("field", &self.field),
        ] {
            if !value.is_empty() {
                cause.insert(name.to_owned(), json!(value));
            }
        }
        Value::Object(cause)
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({} {})", self.message, self.code, self.reason)
    }
}

impl std::error::Error for Status {}

impl Status {
    /// Returns a refusal without details.
    pub fn new(code: u16, reason: &str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason: reason.to_owned(),
            message: message.into(),
            details: None,
        }
    }

    /// Returns 404 for one object of a resource.
    pub(super) fn not_found(group: &str, plural: &str, name: &str) -> Self {
        let message = format!("{} \"{name}\" not found", qualified(plural, group));
        Self::new(404, "NotFound", message).about(group, plural, name)
    }

    /// Returns 409 for an object that exists.
    pub(super) fn already_exists(group: &str, plural: &str, name: &str) -> Self {
        let message = format!("{} \"{name}\" already exists", qualified(plural, group));
        Self::new(409, "AlreadyExists", message).about(group, plural, name)
    }

    /// Returns 409 for an object that changed since it was read.
    pub(super) fn modified(group: &str, plural: &str, name: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} \"{name}\": the object has been modified; please apply your changes to the \
             latest version and try again",
            qualified(plural, group)
        );
        Self::new(409, "Conflict", message).about(group, plural, name)
    }

    /// Returns 403 for an object of a resource.
    pub(super) fn forbidden(group: &str, plural: &str, name: &str, why: &str) -> Self {
        let object = if name.is_empty() {
            String::new()
        } else {
            format!(" \"{name}\"")
        };
        let message = format!("{}{object} is forbidden: {why}", qualified(plural, group));
        Self::new(403, "Forbidden", message).about(group, plural, name)
    }

    /// Returns 422 with what is wrong with an object. A fault that comes twice is told once.
    pub(super) fn invalid(group: &str, kind: &str, name: &str, causes: Vec<Cause>) -> Self {
        let mut faults: Vec<String> = Vec::new();
        for cause in &causes {
            let fault = format!("{}: {}", cause.field, cause.message);
            if !faults.contains(&fault) {
                faults.push(fault);
            }
        }
        let faults = if faults.len() == 1 {
            faults.remove(0)
        } else {
            format!("[{}]", faults.join(", "))
        };
        let message = format!("{} \"{name}\" is invalid: {faults}", qualified(kind, group));
        Self::new(422, "Invalid", message)
            .about(group, kind, name)
            .with_causes(causes)
    }

    /// Returns 422 with what is wrong with the parameters of a request.
    pub(super) fn invalid_options(options: &str, cause: Cause) -> Self {
        Self::invalid("meta.k8s.io", options, "", vec![cause])
    }

    /// Returns 404 for a path that no resource has.
    pub(super) fn no_resource() -> Self {
        Self::new(
            404,
            "NotFound",
            "the server could not find the requested resource",
        )
        .with_empty_details()
    }

    /// Returns 405.
    pub(super) fn not_allowed() -> Self {
        Self::new(
            405,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
        )
        .with_empty_details()
    }

    /// Returns 410 for a revision that is forgotten.
    pub(super) fn expired(message: impl Into<String>) -> Self {
        Self::new(410, "Expired", message)
    }

    /// Adds an empty `details`, which the real server writes here and there.
    #[must_use]
    pub(super) fn with_empty_details(mut self) -> Self {
        self.details = Some(Box::default());
        self
    }

    /// Adds causes to the details.
    #[must_use]
    pub(super) fn with_causes(mut self, causes: impl IntoIterator<Item = Cause>) -> Self {
        let causes: Vec<Value> = causes.into_iter().map(|cause| cause.to_value()).collect();
        self.details
            .get_or_insert_default()
            .insert("causes".to_owned(), Value::Array(causes));
        self
    }

    /// Returns 400 with a message and no details.
    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    /// Adds the details that name an object; empty parts are left out.
    #[must_use]
    pub(super) fn about(mut self, group: &str, kind: &str, name: &str) -> Self {
        let mut details = Map::new();
        for (key, value) in [("name", name), ("group", group), ("kind", kind)] {
            if !value.is_empty() {
                details.insert(key.to_owned(), json!(value));
            }
        }
        self.details = Some(Box::new(details));
        self
    }

    /// Returns the object as it goes over the wire.
    pub fn to_value(&self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": self.message,
        });
        if !self.reason.is_empty() {
            status["reason"] = json!(self.reason);
        }
        if let Some(details) = &self.details {
            status["details"] = Value::Object(Map::clone(details));
        }
        status["code"] = json!(self.code);
        status
    }
}

/// Returns `plural.group`, or `plural` for the core group.
pub(super) fn qualified(plural: &str, group: &str) -> String {
    if group.is_empty() {
        plural.to_owned()
    } else {
        format!("{plural}.{group}")
    }
}
