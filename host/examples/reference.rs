//! Writes the reference pages of the book from the code: drop reasons, violations, status codes, the ABI, the command line.
//!
//! `cargo run -p heddle-host --example reference -- DIR`; `make docs` does that. Pages that are made cannot fall behind.

use heddle_host::control::error::ErrorClass;
use heddle_switch_core::drop_reason::DropReason;
use heddle_switch_core::violation::Rule;
use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;

type Done = Result<(), Box<dyn Error>>;

const TREE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

fn source(path: &str) -> std::io::Result<String> {
    std::fs::read_to_string(Path::new(TREE).join(path))
}

fn main() -> Done {
    let directory = std::env::args_os().nth(1).ok_or("usage: reference DIR")?;
    let directory = Path::new(&directory);
    std::fs::create_dir_all(directory)?;
    let pages = [
        ("drop-reasons.md", drop_reasons()?),
        ("violations.md", violations()?),
        ("status-codes.md", status_codes()?),
        ("abi.md", abi()?),
        ("cli.md", command_line()?),
    ];
    for (name, text) in pages {
        std::fs::write(directory.join(name), text)?;
    }
    Ok(())
}

/// Text in a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn drop_reasons() -> Result<String, Box<dyn Error>> {
    let mut text =
        "# Drop reasons\n\nWhy the switch itself ends a frame or a delivery. Reasons that extensions register stand \
beside these as `EXTENSION/ID`, with the extension's own text.\n\n| Reason | Meaning |\n| --- | --- |\n"
            .to_owned();
    for reason in DropReason::ALL {
        writeln!(text, "| `{}` | {} |", reason.name(), cell(reason.description()))?;
    }
    Ok(text)
}

fn violations() -> Result<String, Box<dyn Error>> {
    let mut text = "# Violations\n\nRules that the switch sees an extension break. Each is undone or refused, counted, and shown \
with the latest port by `heddle extension show`; a thousand lead to quarantine.\n\n| Rule | What it did |\n| --- | --- |\n"
        .to_owned();
    for rule in Rule::ALL {
        writeln!(text, "| `{}` | {} |", rule.name(), cell(rule.description()))?;
    }
    writeln!(text, "| `slow-call` | A call took longer than its budget. |")?;
    Ok(text)
}

fn status_codes() -> Result<String, Box<dyn Error>> {
    let mut text =
        "# Status codes\n\n## Of the ABI\n\nWhat every function returns. In C they begin with `HEDDLE_`.\n\n\
| Status | Number | Meaning |\n| --- | --- | --- |\n"
            .to_owned();
    let mut meaning = String::new();
    for line in source("extension-api/src/abi/status.rs")?.lines() {
        if let Some(words) = line.strip_prefix("/// ") {
            meaning = words.to_owned();
        } else if let Some((name, number)) =
            line.strip_prefix("pub const ").and_then(|rest| rest.split_once(": i32 = "))
        {
            writeln!(text, "| `{name}` | {} | {} |", number.trim_end_matches(';'), cell(&meaning))?;
        }
    }
    text.push_str(
        "\n## Of the command\n\nExit codes of `heddle`; `--json` errors carry the class.\n\n| Code | Class | Meaning |\n| --- | --- | --- |\n\
| 0 | | done |\n",
    );
    let mut rows = ErrorClass::TABLE;
    rows.sort_by_key(|row| row.exit);
    for row in rows {
        writeln!(text, "| {} | `{}` | {} |", row.exit, row.name, row.meaning)?;
    }
    Ok(text)
}

fn abi() -> Result<String, Box<dyn Error>> {
    let layout = source("extension-api/include/layout.txt")?;
    let version = layout.lines().next().unwrap_or_default().trim_start_matches("abi ");
    let mut text = format!(
        "# The ABI, version {version}\n\nEvery struct with the place of each field, in bytes, as `extension-api/include/layout.txt` \
fixes it; what each field and function means stands in the C header and in the API reference of `heddle-extension-api`. Fields of a \
frozen struct never change; one that may grow begins with its size and grows at its end.\n\n## Exported symbols\n\n\
| Symbol | What it is |\n| --- | --- |\n| `heddle_extension_meta` | who it is; read from the file, in section `.heddle.meta` |\n\
| `heddle_extension_v1` | the function table |\n| `heddle_extension_layout` | the layout table the switch compares |\n"
    );
    let mut owner = "";
    for line in layout.lines().skip(1) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [name, ty, place, kind] = words.as_slice() else { continue };
        let Some((struct_name, field)) = name.split_once('.') else { continue };
        if struct_name != owner {
            owner = struct_name;
            let grows = if *kind == "frozen" { "frozen" } else { "may grow" };
            writeln!(text, "\n## {owner}\n\n{grows}\n\n| Field | Type | Bytes |\n| --- | --- | --- |")?;
        }
        writeln!(text, "| `{field}` | `{}` | {place} |", cell(ty))?;
    }
    Ok(text)
}

fn commands(command: &clap::Command, path: &str, text: &mut String) -> Done {
    let mut command = command.clone().term_width(100);
    let below: Vec<clap::Command> =
        command.get_subcommands().filter(|below| below.get_name() != "help").cloned().collect();
    if below.is_empty() {
        let help = command.render_long_help().to_string();
        let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
        // What every command has stands once at the top.
        let end = lines.iter().position(|line| line.starts_with("Options of every command")).unwrap_or(lines.len());
        let examples = lines.iter().position(|line| *line == "Examples:").unwrap_or(lines.len());
        let own = lines.get(..end.min(examples)).unwrap_or_default().join("\n");
        let examples = lines.get(examples..).unwrap_or_default().join("\n");
        writeln!(text, "\n## {path}\n\n```text\n{}\n\n{}\n```", own.trim_end(), examples.trim_end())?;
    }
    below.iter().try_for_each(|below| commands(below, &format!("{path} {}", below.get_name()), text))
}

fn command_line() -> Result<String, Box<dyn Error>> {
    let mut text =
        "# The command line\n\nEvery command with its options, as `heddle COMMAND --help` shows it. All take \
`--socket PATH`, `--json` and `--timeout SECONDS`; [exit codes](status-codes.md) say what kind of failure it was.\n"
            .to_owned();
    let mut heddle = heddle_host::cli::command_line().disable_help_subcommand(true);
    heddle.build();
    commands(&heddle, "heddle", &mut text)?;
    Ok(text)
}
