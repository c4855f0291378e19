//! Lines at the end of a terminal that are drawn again and again, below those that scroll up. They are fitted to the width that
//! the terminal has at the moment: where it changed, what was drawn before is found again as the terminal has wrapped it.

use std::io::Write;

use console::{measure_text_width, truncate_str};

/// Where there is no telling how large a terminal is.
const USUAL: (u16, u16) = (24, 80);

/// What is drawn at the end of a terminal.
pub(super) struct Live {
    out: Box<dyn Write + Send>,
    /// Returns the terminal's rows and columns.
    size: Box<dyn Fn() -> Option<(u16, u16)> + Send>,
    /// The widths of the lines that are drawn; the cursor is behind the last.
    drawn: Vec<usize>,
}

impl Live {
    pub(super) fn new(
        out: Box<dyn Write + Send>,
        size: impl Fn() -> Option<(u16, u16)> + Send + 'static,
    ) -> Self {
        Self {
            out,
            size: Box::new(size),
            drawn: Vec::new(),
        }
    }

    /// Returns how many lines there may be, and how many columns a line may have: a full one would leave it open where the cursor
    /// is, and the first row belongs to what scrolls.
    pub(super) fn room(&self) -> (usize, usize) {
        let (rows, columns) = (self.size)().unwrap_or(USUAL);
        let less = |count: u16| usize::from(count).saturating_sub(1).max(1);
        (less(rows), less(columns))
    }

    /// Lets lines scroll up, and draws others below them in place of those that are drawn now.
    pub(super) fn draw(&mut self, above: &[String], lines: &[String]) {
        let (rows, columns) = (self.size)().unwrap_or(USUAL);
        let mut text = erase(&self.drawn, rows, columns);
        for line in above {
            text.push_str(line);
            text.push_str("\r\n");
        }
        let (most, room) = self.room();
        let lines: Vec<_> = lines
            .iter()
            .take(most)
            .map(|line| truncate_str(line, room, "…"))
            .collect();
        text.push_str(&lines.join("\r\n"));
        self.drawn = lines.iter().map(|line| measure_text_width(line)).collect();
        // A terminal that went away is no reason to stop.
        drop(self.out.write_all(text.as_bytes()));
        drop(self.out.flush());
    }
}

/// Returns what takes lines of these widths away and puts the cursor where they began: to the line's beginning, up, and clear to the
/// end of the screen (ECMA-48 CUU and ED).
pub(super) fn erase(widths: &[usize], rows: u16, columns: u16) -> String {
    let columns = usize::from(columns).max(1);
    let taken: usize = widths
        .iter()
        .map(|width| width.div_ceil(columns).max(1))
        .sum();
    // What has scrolled away cannot be reached.
    let up = taken.min(usize::from(rows)).saturating_sub(1);
    match (widths.is_empty(), up) {
        (true, _) => String::new(),
        (false, 0) => "\r\u{1b}[J".to_owned(),
        (false, up) => format!("\r\u{1b}[{up}A\u{1b}[J"),
    }
}

/// Breaks text between words into lines of `width` columns, and leaves the rest of it in the last of `most` lines.
pub(super) fn wrap(text: &str, width: usize, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        let last = lines.len() >= most;
        match lines.last_mut() {
            Some(line)
                if last || measure_text_width(line) + 1 + measure_text_width(word) <= width =>
            {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.truncate(most);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_is_found_again_as_it_was_wrapped() {
        assert_eq!(erase(&[], 24, 80), "");
        assert_eq!(erase(&[5], 24, 80), "\r\u{1b}[J");
        assert_eq!(erase(&[79, 0, 12], 24, 80), "\r\u{1b}[2A\u{1b}[J");
        assert_eq!(erase(&[79, 0, 12], 24, 40), "\r\u{1b}[3A\u{1b}[J");
        assert_eq!(erase(&[79; 9], 24, 20), "\r\u{1b}[23A\u{1b}[J");
    }

    #[test]
    fn text_is_broken_between_words() {
        let text = "41 of 43 ready; Deployment flux-system/helm-controller: 0 of 1 available";
        assert_eq!(
            wrap(text, 17, 4),
            [
                "41 of 43 ready;",
                "Deployment",
                "flux-system/helm-controller:",
                "0 of 1 available"
            ]
        );
        assert_eq!(
            wrap(text, 17, 2),
            [
                "41 of 43 ready;",
                "Deployment flux-system/helm-controller: 0 of 1 available"
            ]
        );
        assert_eq!(wrap("", 17, 2), [""]);
        assert_eq!(wrap("a b", 0, 1), ["a b"]);
    }
}
