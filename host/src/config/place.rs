//! Where something stands in a file: paths through its tables to line and column.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Complaint;

/// A file with its tables.
pub(super) struct Places<'a> {
    text: &'a str,
    table: &'a Spanned<DeTable<'a>>,
}

/// A step on the way to a value.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step<'a> {
    Key(&'a str),
    Nth(usize),
}

impl<'a> Places<'a> {
    pub(super) fn new(text: &'a str, table: &'a Spanned<DeTable<'a>>) -> Self {
        Self { text, table }
    }

    /// The outermost table.
    pub(super) fn root(&self) -> &'a DeTable<'a> {
        self.table.get_ref()
    }

    /// A complaint about a range of bytes; about the first line when there is none.
    pub(super) fn complaint(&self, span: Option<Range<usize>>, message: &str) -> Complaint {
        let at = span.map_or(0, |span| span.start).min(self.text.len());
        let before = self.text.get(..at).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        // A message of several lines would not be one complaint a line.
        Complaint { line, column, message: message.trim_end().replace('\n', " ") }
    }

    /// A complaint about the key or value at the end of a path, or the nearest thing around it that is there.
    pub(super) fn complaint_at(&self, path: &[Step<'_>], message: &str) -> Complaint {
        let mut span = None;
        let mut table = Some(self.root());
        let mut array: Option<&DeValue<'_>> = None;
        for step in path {
            match (step, table, array) {
                (Step::Key(key), Some(inside), _) => {
                    let Some((name, value)) = inside.iter().find(|(name, _)| name.get_ref() == key) else { break };
                    span = Some(name.span());
                    (table, array) = (value.get_ref().as_table(), Some(value.get_ref()));
                }
                (Step::Nth(nth), _, Some(value)) => {
                    let Some(value) = value.as_array().and_then(|array| array.get(*nth)) else { break };
                    span = Some(value.span());
                    (table, array) = (value.get_ref().as_table(), Some(value.get_ref()));
                }
                _ => break,
            }
        }
        self.complaint(span, message)
    }
}
