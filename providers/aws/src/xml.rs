//! Reads the answers of the services that speak XML.

use roxmltree::{Document, Node, ParsingOptions};
use windlass_provider::{Error, Fault};

/// Parses an answer.
pub(crate) fn parse(text: &str) -> Result<Document<'_>, Error> {
    let options = ParsingOptions {
        allow_dtd: false,
        ..ParsingOptions::default()
    };
    Document::parse_with_options(text, options).map_err(|error| {
        // An answer that was cut off on its way.
        Error::new(Fault::Transient, "an answer of AWS cannot be read").cause(error.to_string())
    })
}

/// Reading by the names of elements, whatever their namespace.
pub(crate) trait Read<'a> {
    /// Returns the first child of that name.
    fn child(&self, name: &str) -> Option<Node<'a, 'a>>;
    /// Returns the text of the first child of that name; empty where there is none.
    fn text_of(&self, name: &str) -> String;
    /// Returns the children of the first child of that name: the members of a list.
    fn members(&self, name: &str) -> Vec<Node<'a, 'a>>;
    /// Returns the tags in a list of that name, whose members have a key and a value.
    fn tags(&self, name: &str) -> std::collections::BTreeMap<String, String>;
}

impl<'a> Read<'a> for Node<'a, 'a> {
    fn child(&self, name: &str) -> Option<Node<'a, 'a>> {
        self.children().find(|it| it.tag_name().name() == name)
    }

    fn text_of(&self, name: &str) -> String {
        let text = self.child(name).and_then(|it| it.text());
        text.unwrap_or_default().trim().to_owned()
    }

    fn members(&self, name: &str) -> Vec<Node<'a, 'a>> {
        let list = self.child(name);
        list.map(|list| list.children().filter(Node::is_element).collect())
            .unwrap_or_default()
    }

    fn tags(&self, name: &str) -> std::collections::BTreeMap<String, String> {
        // EC2 writes small letters, the others large ones.
        let either = |tag: &Node<'a, 'a>, large: &str, small: &str| {
            tag.child(large)
                .or_else(|| tag.child(small))
                .and_then(|it| it.text())
                .unwrap_or_default()
                .to_owned()
        };
        let tags = self.members(name).into_iter();
        tags.map(|tag| (either(&tag, "Key", "key"), either(&tag, "Value", "value")))
            .collect()
    }
}

/// Returns the result of a query's answer: what stands in `<ActionResult>`, or the answer itself, as EC2 has it.
pub(crate) fn result<'a>(document: &'a Document<'a>, action: &str) -> Node<'a, 'a> {
    let root = document.root_element();
    root.child(&format!("{action}Result")).unwrap_or(root)
}

/// Returns the code and the message of a refusal.
pub(crate) fn refusal(text: &str) -> Option<(String, String)> {
    let document = Document::parse(text).ok()?;
    let error = document
        .descendants()
        .find(|node| node.tag_name().name() == "Error" && node.child("Code").is_some())?;
    Some((error.text_of("Code"), error.text_of("Message")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_of_both_dialects_are_read() {
        let query = r#"<ErrorResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><Error><Type>Sender</Type>
            <Code>ValidationError</Code><Message>Stack with id x does not exist</Message></Error></ErrorResponse>"#;
        let ec2 = "<Response><Errors><Error><Code>DependencyViolation</Code><Message>m</Message></Error></Errors></Response>";
        assert_eq!(refusal(query).unwrap().0, "ValidationError");
        assert_eq!(
            refusal(ec2).unwrap(),
            ("DependencyViolation".into(), "m".into())
        );
        assert_eq!(refusal("<html><body>bad gateway</body></html>"), None);
        assert_eq!(refusal("bad gateway"), None);
    }

    #[test]
    fn lists_and_tags_are_read_by_name() {
        let text = r#"<R xmlns="urn:x"><DescribeResult><L><member><Name>a</Name><Tags><member><Key>k</Key><Value>v</Value></member></Tags></member>
            <member><Name>b</Name></member></L></DescribeResult></R>"#;
        let document = parse(text).unwrap();
        let members = result(&document, "Describe").members("L");
        assert_eq!(members.len(), 2);
        assert_eq!(members[0].tags("Tags")["k"], "v");
        assert_eq!(members[1].text_of("Name"), "b");
        assert!(members[1].tags("Tags").is_empty());
    }
}
