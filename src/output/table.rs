//! Tables for people: `status`, `cluster list`.

use comfy_table::{ContentArrangement, presets::NOTHING};
use console::measure_text_width;

use super::{live::wrap, words::write_line};

/// How many columns lie between two cells.
const GAP: usize = 2;
/// How far what belongs to a row is indented.
const INDENT: &str = "  ";

/// Rows under headers.
#[derive(Clone, Debug)]
pub struct Table {
    headers: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Returns an empty table.
    #[must_use]
    pub fn new(headers: &[&'static str]) -> Self {
        Self {
            headers: headers.to_vec(),
            rows: Vec::new(),
        }
    }

    /// Adds a row, with a cell for each header.
    pub fn add<C: Into<String>>(&mut self, cells: impl IntoIterator<Item = C>) {
        self.rows.push(cells.into_iter().map(Into::into).collect());
    }

    /// Returns the table as text, one row a line. Where `width` columns are given, cells are broken between words to fit; where
    /// not even that does, each row is a block.
    #[must_use]
    pub fn to_text(&self, width: Option<u16>) -> String {
        if let Some(width) = width.map(usize::from)
            && width < self.least()
        {
            return self.to_blocks(width);
        }
        let mut table = comfy_table::Table::new();
        table.load_style(NOTHING).set_header(
            self.headers
                .iter()
                .map(|header| header.to_uppercase())
                .collect::<Vec<_>>(),
        );
        if let Some(width) = width {
            table
                .set_content_arrangement(ContentArrangement::Dynamic)
                .set_width(width.max(10));
        }
        for row in &self.rows {
            table.add_row(row.iter().map(|cell| write_line(cell)).collect::<Vec<_>>());
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, GAP as u16));
        }
        let lines: Vec<String> = table
            .lines()
            .map(|line| line.trim_end().to_owned())
            .collect();
        lines.join("\n") + "\n"
    }

    /// Returns how many columns there must be for no word to be broken.
    fn least(&self) -> usize {
        let longest = |text: &str| {
            let words = text.split_whitespace();
            words.map(measure_text_width).max().unwrap_or(0)
        };
        let columns = self.headers.iter().enumerate().map(|(at, header)| {
            let cells = self.rows.iter().filter_map(|row| row.get(at));
            let cells = cells.map(|cell| longest(cell));
            cells.max().unwrap_or(0).max(longest(header))
        });
        let gaps = GAP * self.headers.len().saturating_sub(1);
        columns.sum::<usize>() + gaps
    }

    /// Returns each row as its first cell, and the others below it.
    fn to_blocks(&self, width: usize) -> String {
        let mut text = String::new();
        for row in &self.rows {
            let mut cells = row.iter().map(|cell| write_line(cell));
            let first = cells.next().unwrap_or_default();
            let rest: Vec<String> = cells.filter(|cell| !cell.is_empty()).collect();
            for line in wrap(&first, width, usize::MAX) {
                text.push_str(&line);
                text.push('\n');
            }
            let rest = rest.join(INDENT);
            let lines = wrap(&rest, width.saturating_sub(INDENT.len()), usize::MAX);
            for line in lines.iter().filter(|line| !line.is_empty()) {
                text.push_str(&format!("{INDENT}{}\n", line.trim()));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_does_not_fit_is_told_row_by_row() {
        let mut table = Table::new(&["what", "version", "health", "detail"]);
        table.add(["cluster dot", "v1.36.1", "ready", ""]);
        table.add([
            "cert-manager",
            "v1.21.1",
            "progressing",
            "HelmRelease flux-system/cert-manager: not there yet",
        ]);
        insta::assert_snapshot!(table.to_text(Some(100)), @"
        WHAT          VERSION  HEALTH       DETAIL
        cluster dot   v1.36.1  ready
        cert-manager  v1.21.1  progressing  HelmRelease flux-system/cert-manager: not there yet
        ");
        insta::assert_snapshot!(table.to_text(Some(70)), @"
        WHAT          VERSION  HEALTH       DETAIL
        cluster dot   v1.36.1  ready
        cert-manager  v1.21.1  progressing  HelmRelease
                                            flux-system/cert-manager: not
                                            there yet
        ");
        insta::assert_snapshot!(table.to_text(Some(20)), @"
        cluster dot
          v1.36.1  ready
        cert-manager
          v1.21.1
          progressing
          HelmRelease
          flux-system/cert-manager:
          not there yet
        ");
        // Nothing is shortened.
        assert!(table.to_text(Some(1)).contains("flux-system/cert-manager:"));
    }
}
