//! Tables for people: `status`, `cluster list`.

use comfy_table::{ContentArrangement, presets::NOTHING};

use super::words::write_line;

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

    /// Returns the table as text, one row a line; where `width` columns are given, cells are broken to fit.
    #[must_use]
    pub fn to_text(&self, width: Option<u16>) -> String {
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
            column.set_padding((0, 2));
        }
        let lines: Vec<String> = table
            .lines()
            .map(|line| line.trim_end().to_owned())
            .collect();
        lines.join("\n") + "\n"
    }
}
