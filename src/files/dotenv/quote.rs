//! Quotes values so that bash, zsh and direnv read them alike.

/// Returns the value as it stands after `=`, or `None` where no line could hold it: it has a line break or another
/// control character.
///
/// Single quotes keep everything but themselves; direnv does not know the shell's way of adding one to them, so that a
/// value with a single quote stands in double quotes, in which all three take a backslash before `"`, `\`, `$` and `` ` ``.
pub(super) fn quote(value: &str) -> Option<String> {
    if value.chars().any(|c| c.is_control() && c != '\t') {
        None
    } else if !value.is_empty()
        && value
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-./:@%+,=".contains(&byte))
    {
        Some(value.to_owned())
    } else if !value.contains('\'') {
        Some(format!("'{value}'"))
    } else {
        let mut quoted = String::from("\"");
        for c in value.chars() {
            if matches!(c, '"' | '\\' | '$' | '`') {
                quoted.push('\\');
            }
            quoted.push(c);
        }
        quoted.push('"');
        Some(quoted)
    }
}
