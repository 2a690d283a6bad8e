//! Capture filters: from the operator's words to a program, or to the place and the reason of what is wrong.
//!
//! libpcap says "syntax error" and not where. The place is found by asking it again: the first word after which no
//! continuation of [`CONTINUATIONS`] makes a filter is the one that is wrong; when every word can be continued, the filter
//! ends too early. Limits: [`MAX_LENGTH`] bytes of text, and [`SEARCH_TIME`] for the search, which names may make slow.

use super::Failure;
use super::libpcap::Compiler;
use crate::control::bpf::Instruction;
use crate::control::error::ErrorClass;
use std::time::{Duration, Instant};

/// Longest filter in bytes.
const MAX_LENGTH: usize = 4096;
/// Longest search for the place of an error.
const SEARCH_TIME: Duration = Duration::from_secs(2);

/// What may make a filter of its beginning: nothing, numbers, addresses, whole conditions, the rest of an index.
const CONTINUATIONS: [&str; 14] = [
    "",
    "1",
    "1.2.3.4",
    "ip",
    "host 1.2.3.4",
    "port 1",
    "1-2",
    "255.0.0.0",
    "02:00:00:00:00:01",
    "0]=0",
    "]=0",
    "1]=0",
    "=0",
    "1=0",
];

/// Compiles a filter given as words; no words are no filter.
///
/// # Errors
/// When libpcap is missing or does not understand the filter; the failure names the place.
pub fn compile(words: &[String]) -> Result<Option<Vec<Instruction>>, Failure> {
    let filter = words.join(" ");
    if filter.trim().is_empty() {
        return Ok(None);
    }
    if filter.len() > MAX_LENGTH {
        let message = format!("the filter has {} bytes; give at most {MAX_LENGTH}", filter.len());
        return Err(Failure::new(ErrorClass::Refused, message));
    }
    let compiler = Compiler::load().map_err(|error| {
        let message =
            format!("filters need libpcap, which is not there: {error}; install it, as with `apt install libpcap0.8`");
        Failure::new(ErrorClass::Other, message)
    })?;
    compiler.compile(&filter).map(Some).map_err(|reason| {
        let place = place_of_error(&compiler, &filter, &reason);
        let reason = reason.trim_start_matches("can't parse filter expression: ");
        let message = format!("filter '{filter}' is wrong {place}: {reason}; man 7 pcap-filter has the syntax");
        Failure::new(ErrorClass::Refused, message)
    })
}

fn is_syntax(reason: &str) -> bool {
    reason.contains("syntax error") || reason.contains("illegal token") || reason.contains("illegal char")
}

/// Where the error is, as `at position 5, 'prt'`; positions count characters from 1.
fn place_of_error(compiler: &Compiler, filter: &str, reason: &str) -> String {
    let words = words(filter);
    let at = |(start, word): (usize, &str)| {
        let position = filter.get(..start).map_or(0, |before| before.chars().count()) + 1;
        format!("at position {position}, '{word}'")
    };
    if !is_syntax(reason) {
        // What libpcap does not know or like it names: an unknown name, a number out of range.
        let named = words.iter().rev().find(|(_, word)| mentions(reason, word));
        return named.map_or_else(|| "as a whole".to_owned(), |word| at(*word));
    }
    let deadline = Instant::now() + SEARCH_TIME;
    for (start, word) in &words {
        if Instant::now() > deadline {
            return "somewhere".to_owned();
        }
        if !filter.get(..start + word.len()).is_some_and(|beginning| can_go_on(compiler, beginning)) {
            return at((*start, word));
        }
    }
    "at its end, which comes too early".to_owned()
}

/// Whether a reason names a word, as a word.
fn mentions(reason: &str, word: &str) -> bool {
    let part_of_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    word.chars().all(part_of_word)
        && reason.split(|c: char| !part_of_word(c)).any(|part| part == word || part.trim_end_matches('.') == word)
}

fn can_go_on(compiler: &Compiler, beginning: &str) -> bool {
    let opened = beginning.matches('(').count().saturating_sub(beginning.matches(')').count());
    let closing = ")".repeat(opened);
    CONTINUATIONS.iter().any(|rest| match compiler.compile(&format!("{beginning} {rest}{closing}")) {
        Ok(_) => true,
        Err(reason) => !is_syntax(&reason),
    })
}

/// The words and signs of a filter with their byte offsets.
fn words(filter: &str) -> Vec<(usize, &str)> {
    let of_word = |c: char| c.is_alphanumeric() || matches!(c, '.' | ':' | '-' | '_' | '/' | '\\');
    let mut found: Vec<(usize, &str)> = Vec::new();
    let mut rest = filter;
    while let Some(start) = rest.find(|c: char| !c.is_whitespace()) {
        let from = &rest[start..];
        let end = match from.find(|c: char| !of_word(c)) {
            Some(0) => from.chars().next().map_or(1, char::len_utf8),
            Some(end) => end,
            None => from.len(),
        };
        found.push((filter.len() - from.len(), &from[..end]));
        rest = &from[end..];
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(filter: &str) -> Option<String> {
        let words: Vec<String> = filter.split(' ').map(str::to_owned).collect();
        compile(&words).err().map(|failure| failure.message)
    }

    #[test]
    fn words_have_their_places() {
        assert_eq!(words("tcp[0]  and é"), [(0, "tcp"), (3, "["), (4, "0"), (5, "]"), (8, "and"), (12, "é")]);
    }

    #[test]
    fn a_wrong_filter_names_the_place_and_the_reason() {
        if let Err(error) = Compiler::load() {
            eprintln!("skipped: a_wrong_filter_names_the_place_and_the_reason: {error}");
            return;
        }
        for (filter, place, reason) in [
            ("tcp prt 80", "at position 5, 'prt'", "syntax error"),
            ("tcp port", "at its end, which comes too early", "syntax error"),
            ("(tcp or udp", "at its end, which comes too early", "syntax error"),
            ("host 1.2.3.4 adn port 80", "at position 14, 'adn'", "syntax error"),
            ("(udp and (src net 10.0.0.0/8 or) port 5)", "at position 32, ')'", "syntax error"),
            ("tcp) or udp", "at position 4, ')'", "syntax error"),
            ("tcp[13 & 2 = 2", "at position 12, '='", "syntax error"),
            ("udp port nosuchservice", "at position 10, 'nosuchservice'", "unknown port 'nosuchservice'"),
            ("vlan 5000", "at position 6, '5000'", "VLAN tag 5000 greater than maximum 4095"),
        ] {
            let expected = format!("filter '{filter}' is wrong {place}: {reason}; man 7 pcap-filter has the syntax");
            assert_eq!(wrong(filter), Some(expected));
        }
        assert!(wrong(&"x".repeat(5000)).is_some_and(|message| message.contains("at most 4096")));
    }

    #[test]
    fn no_words_are_no_filter() {
        assert_eq!(compile(&[]), Ok(None));
        assert_eq!(compile(&[" ".to_owned()]), Ok(None));
    }
}
