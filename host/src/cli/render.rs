//! Views as text for people. Programs use `--json`.
//!
//! Lists are tables: with borders on a terminal, plain columns in a pipe. Single things are `key: value` lines. Texts that
//! came from extensions, devices or the operator have their control characters escaped, so that nothing but heddle draws
//! on the terminal.

mod crash;
mod daemon;
mod extension;
mod policy;
mod port;
mod stats;
mod switch;
mod topology;

pub(super) use crash::{crash, crash_line};
pub(super) use daemon::{daemon, log_levels};
pub(super) use extension::{
    extension, extension_line, extension_log, extensions, quarantines, schema, settings, upgraded,
};
pub(super) use policy::{features, policies, policy, policy_name, port_check, status};
pub(super) use port::{port, port_line, ports};
pub(super) use stats::{Sections, fdb, stats};
pub(super) use switch::{switch, switch_line, switches};
pub(super) use topology::topology;

use comfy_table::{Cell, CellAlignment, Table, presets};
use std::fmt::Display;
use std::io::{self, IsTerminal};
use std::time::{Duration, UNIX_EPOCH};

/// `text` with control characters escaped.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() }).collect()
}

/// Whether a column holds numbers, which stand to the right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    Text(&'static str),
    Number(&'static str),
}

/// A table, or `nothing` when there are no rows.
pub(super) fn table(columns: &[Column], rows: Vec<Vec<String>>, nothing: &str) -> String {
    if rows.is_empty() {
        return format!("{nothing}\n");
    }
    let mut table = Table::new();
    let terminal = io::stdout().is_terminal();
    table.load_style(if terminal { presets::UTF8_FULL_CONDENSED } else { presets::NOTHING });
    let heading = |column: &Column| match column {
        Column::Text(name) => Cell::new(name),
        Column::Number(name) => Cell::new(name).set_alignment(CellAlignment::Right),
    };
    table.set_header(columns.iter().map(heading).collect::<Vec<_>>());
    for row in rows {
        let cells = row.iter().zip(columns).map(|(text, column)| match column {
            Column::Text(_) => Cell::new(plain(text)),
            Column::Number(_) => Cell::new(plain(text)).set_alignment(CellAlignment::Right),
        });
        table.add_row(cells.collect::<Vec<_>>());
    }
    if let (false, Some(first)) = (terminal, table.column_mut(0)) {
        first.set_padding((0, 1));
    }
    format!("{}\n", table.trim_fmt())
}

/// `key: value` lines with the values in one column.
fn facts(pairs: &[(&str, String)]) -> String {
    let width = pairs.iter().map(|(key, _)| key.len() + 1).max().unwrap_or(0);
    pairs.iter().map(|(key, value)| format!("{:<width$} {}\n", format!("{key}:"), plain(value))).collect()
}

/// A value, or `-`.
fn or_dash(value: Option<impl Display>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// A moment as RFC 3339 in UTC, to the millisecond.
fn utc(unix_nanoseconds: u64) -> String {
    humantime::format_rfc3339_millis(UNIX_EPOCH + Duration::from_nanos(unix_nanoseconds)).to_string()
}

fn yes_no(value: bool) -> String {
    if value { "yes" } else { "no" }.to_owned()
}

pub(super) fn counted(number: impl Into<u64>, one: &str, many: &str) -> String {
    let number = number.into();
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_heddle_draws_on_the_terminal() {
        assert_eq!(plain("ok\u{1b}[2J\nü"), "ok\\u{1b}[2J\\nü");
    }

    #[test]
    fn moments_are_dates() {
        assert_eq!(utc(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(utc(1_700_000_000_000_000_001), "2023-11-14T22:13:20.000Z");
        assert_eq!(utc(u64::MAX), "2554-07-21T23:34:33.709Z");
    }

    #[test]
    fn a_table_in_a_pipe_is_plain_columns() {
        let rows = vec![vec!["web".to_owned(), "7".to_owned()], vec!["uplink".to_owned(), "123".to_owned()]];
        let text = table(&[Column::Text("PORT"), Column::Number("RX")], rows, "none");
        let expected = "PORT     RX\nweb       7\nuplink  123\n";
        if !io::stdout().is_terminal() {
            assert_eq!(text, expected);
        }
        assert_eq!(table(&[Column::Text("PORT")], Vec::new(), "no ports"), "no ports\n");
    }
}
