//! Answers in XML.

use super::super::{
    Fault,
    model::{Operation, Protocol, Service, Shape},
};
use serde_json::Value;

pub(super) fn answer(service: &Service, operation: &Operation, output: &Value, id: &str) -> String {
    let mut text = String::new();
    let name = operation.name;
    let body = |text: &mut String| {
        if let Some(shape) = operation.output {
            value(service, shape, output, text);
        }
    };
    match service.protocol {
        Protocol::Ec2 => {
            text += &format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{name}Response xmlns=\"{}/\"><requestId>{id}</requestId>",
                service.place
            );
            body(&mut text);
        }
        _ => {
            text += &format!("<{name}Response xmlns=\"{}\">", service.place);
            match operation.wrap {
                Some(wrap) => {
                    text += &format!("<{wrap}>");
                    body(&mut text);
                    text += &format!("</{wrap}>");
                }
                None => body(&mut text),
            }
            text += &format!("<ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata>");
        }
    }
    text + &format!("</{name}Response>")
}

fn value(service: &Service, name: &str, given: &Value, text: &mut String) {
    match (service.shape(name), given) {
        (Shape::Struct(members), Value::Object(fields)) => {
            for member in members {
                let Some(given) = fields.get(member.name).filter(|it| !it.is_null()) else {
                    continue;
                };
                let wire = member.wire;
                if let Shape::List {
                    member,
                    item,
                    flat: true,
                    ..
                } = service.shape(member.shape)
                {
                    let item = if *item == "member" { wire } else { item };
                    for given in given.as_array().into_iter().flatten() {
                        element(service, item, member, given, text);
                    }
                    continue;
                }
                element(service, wire, member.shape, given, text);
            }
        }
        (Shape::List { member, item, .. }, Value::Array(items)) => {
            for given in items {
                element(service, item, member, given, text);
            }
        }
        (Shape::Map { key, value: of, .. }, Value::Object(fields)) => {
            for (name, given) in fields {
                *text += "<entry>";
                element(service, "key", key, &Value::String(name.clone()), text);
                element(service, "value", of, given, text);
                *text += "</entry>";
            }
        }
        (_, Value::String(given)) => escape(given, text),
        (_, other) => *text += &other.to_string(),
    }
}

fn element(service: &Service, tag: &str, shape: &str, given: &Value, text: &mut String) {
    *text += &format!("<{tag}>");
    value(service, shape, given, text);
    *text += &format!("</{tag}>");
}

fn escape(given: &str, text: &mut String) {
    for letter in given.chars() {
        match letter {
            '<' => *text += "&lt;",
            '>' => *text += "&gt;",
            '&' => *text += "&amp;",
            '"' => *text += "&quot;",
            '\r' => *text += "&#xD;",
            letter => text.push(letter),
        }
    }
}

fn escaped(given: &str) -> String {
    let mut text = String::new();
    escape(given, &mut text);
    text
}

pub(super) fn fault(fault: &Fault, id: &str) -> String {
    let kind = if fault.status < 500 {
        "Sender"
    } else {
        "Receiver"
    };
    format!(
        "<ErrorResponse><Error><Type>{kind}</Type><Code>{}</Code><Message>{}</Message></Error><RequestId>{id}</RequestId></ErrorResponse>",
        escaped(&fault.code),
        escaped(&fault.message)
    )
}

pub(super) fn fault_of_ec2(fault: &Fault, id: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>{}</Code><Message>{}</Message></Error></Errors><RequestID>{id}</RequestID></Response>",
        escaped(&fault.code),
        escaped(&fault.message)
    )
}
