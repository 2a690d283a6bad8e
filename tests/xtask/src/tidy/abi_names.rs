//! The raw ABI is named in three places: extension-api itself, the loader, and tests. Everyone else speaks through the
//! safe layer, so that what is unsafe about a foreign library stays in one folder. One exception: `abi::packet` in
//! switch-core, since the packet descriptor is what the data path works on.

use super::Violation;
use super::source::Source;
use super::tokens::{Kind, Token, texts_are};

const CRATE: &str = "heddle_extension_api";
const MODULE: &str = "abi";
const PACKET: &str = "packet";

pub(crate) fn check(source: &Source, out: &mut Vec<Violation>) {
    let may = source.path == "host/src/loader.rs"
        || ["extension-api", "host/src/loader", "tests"].iter().any(|folder| source.is_below(folder))
        || source.path.contains("/tests/");
    if may {
        return;
    }
    let tokens = source.all_tokens();
    for (at, token) in tokens.iter().enumerate() {
        let core_packet = source.is_below("switch-core")
            && texts_are(tokens, at + 1, &[":", ":", MODULE, ":", ":", PACKET, ":", ":"]);
        if token.text == CRATE && texts_are(tokens, at + 1, &[":", ":"]) && !core_packet && names_abi(&tokens[at + 3..])
        {
            let advice = format!("`{CRATE}::{MODULE}` is for the loader and for tests: use the safe layer beside it");
            out.push(source.violation(token.line, "abi-names", advice));
        }
    }
}

/// After `heddle_extension_api::`: `abi`, or `{ … }` with `abi` as the first name of one of its paths.
fn names_abi(tokens: &[Token]) -> bool {
    if texts_are(tokens, 0, &[MODULE]) {
        return true;
    }
    if !texts_are(tokens, 0, &["{"]) {
        return false;
    }
    let mut depth = 0_usize;
    let mut starts_path = false;
    for token in tokens {
        match token.kind {
            Kind::Open => depth += 1,
            Kind::Close => depth = depth.saturating_sub(1),
            Kind::Word if starts_path && token.text == MODULE => return true,
            Kind::Word | Kind::Punctuation | Kind::Literal => {}
        }
        if depth == 0 {
            return false;
        }
        starts_path = depth == 1 && matches!(token.text.as_str(), "{" | ",");
    }
    false
}

#[cfg(test)]
mod tests {
    use crate::tidy::tests::broken;

    #[test]
    fn the_abi_named_elsewhere_is_found() {
        for line in [
            "use heddle_extension_api::abi::Packet;",
            "use heddle_extension_api::{Batch, abi};",
            "use heddle_extension_api::{types::{Vid, Pcp}, abi::host};",
            "fn f(p: &heddle_extension_api::abi::Packet) {}",
        ] {
            let text = format!("//! Head.\n{line}\n");
            for path in ["switch-core/src/a.rs", "host/src/ports.rs", "extensions/sflow/src/lib.rs"] {
                assert_eq!(broken(path, &text, ""), ["abi-names"], "{line}");
            }
            for path in ["extension-api/src/a.rs", "host/src/loader.rs", "host/src/loader/elf.rs", "tests/a/src/lib.rs"]
            {
                assert_eq!(broken(path, &text, ""), [""; 0], "{line}");
            }
        }
    }

    #[test]
    fn the_core_may_name_the_packet_and_nothing_else() {
        let packet = "//! Head.\nuse heddle_extension_api::abi::packet::Packet;\n";
        assert_eq!(broken("switch-core/src/a.rs", packet, ""), [""; 0]);
        assert_eq!(broken("host/src/a.rs", packet, ""), ["abi-names"]);
        let host = "//! Head.\nuse heddle_extension_api::abi::host::Host;\n";
        assert_eq!(broken("switch-core/src/a.rs", host, ""), ["abi-names"]);
    }

    #[test]
    fn other_names_are_free() {
        let text = "//! Head.\nuse heddle_extension_api::{Batch, types::abi, abi_version};\nuse other::abi;\n";
        assert_eq!(broken("host/src/a.rs", text, ""), [""; 0]);
    }
}
