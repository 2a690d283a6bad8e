//! What is generated from the command line's definition: manual pages and scripts for shells.
//!
//! Pages are roff(7) for man(1): one for each command, as `heddle-port-add.1`, and `heddled.8`. Text after the options
//! comes in parts with a title, such as "Examples:", each set as typed.

use super::args::Shell;
use super::{Answer, Failure, command_line};
use crate::cli::answers::{CompletionScript, Pages};
use crate::daemon::DaemonArgs;
use clap::{Command, CommandFactory};
use clap_complete::env::{Bash, EnvCompleter, Fish, Zsh};
use clap_mangen::Man;
use std::fmt::Write as _;
use std::io;
use std::path::Path;

/// The variable with which a shell asks for completions.
const VARIABLE: &str = "COMPLETE";

/// The script that makes a shell ask `heddle` for completions.
pub(super) fn completions(shell: Shell) -> Result<Answer, Failure> {
    let (name, completer): (_, &dyn EnvCompleter) = match shell {
        Shell::Bash => ("bash", &Bash),
        Shell::Zsh => ("zsh", &Zsh),
        Shell::Fish => ("fish", &Fish),
    };
    let mut script = Vec::new();
    completer
        .write_registration(VARIABLE, "heddle", "heddle", "heddle", &mut script)
        .map_err(|error| Failure::other("write the script", &error))?;
    let script = String::from_utf8_lossy(&script).into_owned();
    Answer::new(script.clone(), &CompletionScript { shell: name.to_owned(), script })
}

/// Writes every page into `directory`, which is made when it is missing.
pub(super) fn write_pages(directory: &Path) -> Result<Answer, Failure> {
    let unwritable = |error: io::Error| Failure::file("write the pages to", directory, &error);
    std::fs::create_dir_all(directory).map_err(unwritable)?;
    let mut names = Vec::new();
    for (name, text) in pages().map_err(|error| Failure::other("make the pages", &error))? {
        std::fs::write(directory.join(&name), text).map_err(unwritable)?;
        names.push(name);
    }
    let text = format!("{} pages written to {}\n", names.len(), directory.display());
    Answer::new(text, &Pages { directory: directory.to_owned(), pages: names })
}

/// Names and texts of all pages.
fn pages() -> io::Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    let mut heddle = command_line().disable_help_subcommand(true);
    heddle.build();
    collect(&heddle, "heddle", &mut found)?;
    let mut heddled = DaemonArgs::command();
    heddled.build();
    found.push(("heddled.8".to_owned(), page(&heddled, "heddled", "8")?));
    Ok(found)
}

fn collect(command: &Command, name: &str, found: &mut Vec<(String, String)>) -> io::Result<()> {
    found.push((format!("{name}.1"), page(command, name, "1")?));
    for below in command.get_subcommands().filter(|below| !below.is_hide_set()) {
        collect(below, &format!("{name}-{}", below.get_name()), found)?;
    }
    Ok(())
}

fn page(command: &Command, name: &str, section: &str) -> io::Result<String> {
    let man = Man::new(command.clone().name(name.to_owned())).title(name.to_uppercase()).section(section);
    let mut out = Vec::new();
    man.render_title(&mut out)?;
    man.render_name_section(&mut out)?;
    man.render_synopsis_section(&mut out)?;
    man.render_description_section(&mut out)?;
    if command.get_arguments().any(|argument| !argument.is_hide_set()) {
        man.render_options_section(&mut out)?;
    }
    let mut text = String::from_utf8_lossy(&out).into_owned();
    let below: Vec<&Command> = command.get_subcommands().filter(|below| !below.is_hide_set()).collect();
    if !below.is_empty() {
        text.push_str(".SH COMMANDS\n");
        for below in below {
            let about = below.get_about().map(ToString::to_string).unwrap_or_default();
            let _ =
                write!(text, ".TP\n\\fB{}\\fR(1)\n{}\n", typed(&format!("{name}-{}", below.get_name())), typed(&about));
        }
    }
    let after = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    after.split("\n\n").for_each(|part| text.push_str(&section_of(part)));
    Ok(text)
}

/// A titled part of the text after the options as a section, anything else as a paragraph.
fn section_of(part: &str) -> String {
    match part.trim_end().split_once(":\n") {
        Some((title, body)) if !title.contains('\n') => {
            let body: Vec<String> = body.lines().map(typed).collect();
            format!(".SH {}\n.nf\n{}\n.fi\n", typed(&title.to_uppercase()), body.join("\n"))
        }
        _ if part.trim().is_empty() => String::new(),
        _ => format!(".SH NOTES\n{}\n", part.lines().map(typed).collect::<Vec<_>>().join("\n")),
    }
}

/// Text that troff takes as typed.
fn typed(text: &str) -> String {
    let escaped = text.replace('\\', "\\e").replace('-', "\\-");
    if escaped.starts_with(['.', '\'']) { format!("\\&{escaped}") } else { escaped }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_set_as_typed() {
        assert_eq!(section_of("Examples:\n  heddle a -w x\\y"), ".SH EXAMPLES\n.nf\n  heddle a \\-w x\\ey\n.fi\n");
        assert_eq!(section_of("Each one.\n.more"), ".SH NOTES\nEach one.\n\\&.more\n");
        assert_eq!(section_of("  \n"), "");
    }
}
