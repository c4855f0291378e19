//! Patterns: `*` stands for any text without a slash, `**` for any text.

use regex::Regex;

/// A pattern that a whole text must fit.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    text: String,
    regex: Regex,
}

impl Pattern {
    /// Reads a pattern; `None` where it is longer than what can be matched.
    pub(super) fn read(text: &str) -> Option<Self> {
        let parts: Vec<String> = text
            .split("**")
            .map(|part| {
                let pieces: Vec<String> = part.split('*').map(regex::escape).collect();
                pieces.join("[^/]*")
            })
            .collect();
        let regex = Regex::new(&format!("(?s)\\A{}\\z", parts.join(".*"))).ok()?;
        let text = text.to_owned();
        Some(Self { text, regex })
    }

    /// Returns the pattern that everything fits.
    pub(super) fn any() -> Self {
        Self::read("**").expect("\"**\" is a pattern")
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}
