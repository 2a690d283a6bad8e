//! The EtherType of an IEEE 802.1Q tag is written as a number in one place, so that there is one parser.

use super::Violation;
use super::source::Source;
use super::tokens::{Kind, Token};

const VLAN_ETHERTYPE: u64 = 0x8100;
const HOME: &str = "switch-core/src/parse.rs";

pub(crate) fn check(source: &Source, out: &mut Vec<Violation>) {
    if source.path == HOME {
        return;
    }
    for token in source.product_tokens() {
        if value(token) == Some(VLAN_ETHERTYPE) {
            let advice = format!("`{}` is written only in {HOME}: use its constant or its parser", token.text);
            out.push(source.violation(token.line, "ethertype", advice));
        }
    }
}

/// The value of an integer literal, whatever its base, underscores or type suffix.
fn value(token: &Token) -> Option<u64> {
    if token.kind != Kind::Literal {
        return None;
    }
    let digits = token.text.replace('_', "").to_ascii_lowercase();
    let (radix, digits) = match digits.get(..2) {
        Some("0x") => (16, &digits[2..]),
        Some("0o") => (8, &digits[2..]),
        Some("0b") => (2, &digits[2..]),
        _ => (10, digits.as_str()),
    };
    let number = ["u", "i"].iter().find_map(|suffix| digits.split_once(suffix)).map_or(digits, |(number, _)| number);
    u64::from_str_radix(number, radix).ok()
}

#[cfg(test)]
mod tests {
    use crate::tidy::tests::broken;

    #[test]
    fn the_number_outside_the_parser_is_found_in_every_spelling() {
        for number in ["0x8100", "0x81_00", "0x8100_u16", "0X8100u32", "33024", "33_024i32"] {
            let text = format!("//! Head.\nconst TAG: u16 = {number};\n");
            assert_eq!(broken("switch-core/src/vlan.rs", &text, ""), ["ethertype"], "{number}");
            assert_eq!(broken("switch-core/src/parse.rs", &text, ""), [""; 0]);
            assert_eq!(broken("tests/switch/src/frames.rs", &text, ""), [""; 0]);
        }
    }

    #[test]
    fn other_numbers_and_texts_are_free() {
        let text = "//! 0x8100.\nconst A: u16 = 0x81;\nconst B: &str = \"0x8100\"; // 0x8100\nconst C: f32 = 8100.0;\n";
        assert_eq!(broken("switch-core/src/vlan.rs", text, ""), [""; 0]);
    }
}
