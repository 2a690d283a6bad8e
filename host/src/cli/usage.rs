//! A wrong command line as one sentence, for programs that asked for JSON. People get clap's own text with its usage lines.

use super::Failure;
use crate::control::error::ErrorClass;
use clap::error::ErrorKind;
use std::ffi::OsString;

/// Whether `--json` is among the arguments although they could not be parsed.
pub(super) fn wants_json(arguments: impl Iterator<Item = OsString>) -> bool {
    arguments.skip(1).take_while(|argument| argument != "--").any(|argument| argument == "--json")
}

/// What is wrong with the command line.
pub(super) fn failure(error: &clap::Error) -> Failure {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let message = "the command is not complete; `heddle --help` and the --help of each command show what there is";
        return Failure::new(ErrorClass::Usage, message);
    }
    Failure::new(ErrorClass::Usage, sentence(&error.to_string()))
}

/// clap writes `error: WHAT`, then tips and usage in paragraphs: the sentence is the first and the tips.
fn sentence(text: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    for paragraph in text.split("\n\n") {
        let words = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
        match words.strip_prefix("error: ") {
            Some(what) => parts.push(what.to_owned()),
            None => parts.extend(words.strip_prefix("tip: ").map(ToOwned::to_owned)),
        }
    }
    parts.push("`heddle --help` and the --help of each command show what there is".to_owned());
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_has_the_reason_and_the_tip_without_the_usage_lines() {
        let error = super::super::command_line().try_get_matches_from(["heddle", "switch", "creat", "lab"]).err();
        let message = error.map(|error| failure(&error).message);
        let expected = "unrecognized subcommand 'creat'; a similar subcommand exists: 'create'; `heddle --help` and the --help of each command show what there is";
        assert_eq!(message.as_deref(), Some(expected));
    }

    #[test]
    fn json_is_wanted_by_the_option_alone() {
        let wants = |line: &str| wants_json(line.split(' ').map(OsString::from));
        assert!(wants("heddle swich --json"));
        assert!(!wants("heddle swich") && !wants("--json swich") && !wants("heddle swich -- --json"));
    }
}
