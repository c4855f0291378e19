//! How times, faults and foreign text are put into one line.

use std::borrow::Cow;

/// Returns a duration in seconds as people write it: `0.4s`, `12s`, `1m05s`, `2h03m`.
pub(super) fn write_duration(seconds: f64) -> String {
    let seconds = seconds.max(0.0);
    if seconds < 9.95 {
        let tenths = format!("{seconds:.1}");
        return format!("{}s", tenths.strip_suffix(".0").unwrap_or(&tenths));
    }
    let whole = seconds.round() as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, seconds) => format!("{minutes}m{seconds:02}s"),
        (hours, minutes, _) => format!("{hours}h{minutes:02}m"),
    }
}

/// Returns the same, labelled where it is a rehearsal's.
pub(super) fn write_time_taken(seconds: f64, rehearsal: bool) -> String {
    let duration = write_duration(seconds);
    if rehearsal {
        format!("{duration} assumed")
    } else {
        duration
    }
}

/// Returns text on one line and without control characters: what a program or a server said must not draw on the
/// terminal, nor look like a line of ours.
pub(super) fn write_line(text: &str) -> String {
    let text = console::strip_ansi_codes(text);
    let words: Vec<Cow<'_, str>> = text
        .split(char::is_whitespace)
        .filter(|word| !word.is_empty())
        .map(|word| match word.contains(char::is_control) {
            true => Cow::Owned(word.replace(char::is_control, "")),
            false => Cow::Borrowed(word),
        })
        .collect();
    words.join(" ")
}

/// Returns text without control characters other than line ends.
pub(super) fn write_lines(text: &str) -> String {
    console::strip_ansi_codes(text).replace(|c: char| c.is_control() && c != '\n' && c != '\t', "")
}

/// Returns "1 step", "2 steps".
pub(super) fn write_count(count: usize, noun: &str) -> String {
    if count == 1 {
        format!("1 {noun}")
    } else {
        format!("{count} {noun}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_write_them() {
        for (seconds, text) in [
            (0.0, "0s"),
            (-1.0, "0s"),
            (0.44, "0.4s"),
            (9.94, "9.9s"),
            (9.96, "10s"),
            (59.6, "1m00s"),
            (65.2, "1m05s"),
            (3599.9, "1h00m"),
            (7380.0, "2h03m"),
        ] {
            assert_eq!(write_duration(seconds), text, "{seconds}");
        }
    }

    #[test]
    fn foreign_text_cannot_draw() {
        assert_eq!(
            write_line(" \u{1b}[31mred\u{1b}[0m\r\nand\u{7}  more\u{8}\n"),
            "red and more"
        );
        assert_eq!(write_lines("a\u{1b}[2J\n\tb\u{7}"), "a\n\tb");
    }
}
