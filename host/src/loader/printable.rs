//! Text of extensions, made fit for logs and terminals.
//!
//! What an extension says ends on operators' terminals and in logs that programs read line by line. Characters that would
//! act there are shown instead: control characters (a line break forges a line, an escape sequence changes a terminal), marks
//! that change the direction of what follows, and separators of lines and paragraphs.

/// The text with what acts on terminals shown as Rust writes it, at most `most` bytes of it.
pub(super) fn printable(text: &str, most: usize) -> String {
    let mut out = String::with_capacity(text.len().min(most));
    for character in text.chars() {
        let before = out.len();
        if acts(character) {
            out.extend(character.escape_default());
        } else {
            out.push(character);
        }
        if out.len() > most {
            out.truncate(before);
            break;
        }
    }
    out
}

fn acts(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn what_acts_on_a_terminal_is_shown_and_the_rest_stays() {
        let told = printable("a\nb\u{1b}]0;title\u{7}\u{202e}c\u{9b}d \u{e9}\u{1f980}", 100);
        assert_eq!(told, "a\\nb\\u{1b}]0;title\\u{7}\\u{202e}c\\u{9b}d \u{e9}\u{1f980}");
    }

    #[test]
    fn a_limit_is_kept_at_whole_characters() {
        assert_eq!(printable("ab\u{e9}", 3), "ab");
        assert_eq!(printable("ab\u{1b}", 4), "ab");
        assert_eq!(printable("abcd", 4), "abcd");
    }
}
