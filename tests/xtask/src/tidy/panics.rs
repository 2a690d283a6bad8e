//! No `unwrap`, `expect` or panicking macro in what a frame or a vendor's process can reach: extension-api, switch-core
//! and the extensions. Constants are free: a panic in one stops the compiler, not the switch.

use super::Violation;
use super::source::Source;
use super::tokens::{Kind, Token, texts_are};

const FOLDERS: [&str; 3] = ["extension-api", "switch-core", "extensions"];
const METHODS: [&str; 4] = ["unwrap", "expect", "unwrap_err", "expect_err"];
const MACROS: [&str; 3] = ["panic", "todo", "unimplemented"];

pub(crate) fn check(source: &Source, out: &mut Vec<Violation>) {
    if !FOLDERS.iter().any(|folder| source.is_below(folder)) {
        return;
    }
    let tokens = source.product_tokens();
    let mut at = 0;
    while at < tokens.len() {
        if let Some(after) = after_constant(tokens, at) {
            at = after;
            continue;
        }
        let word = tokens[at].text.as_str();
        let is_method =
            METHODS.contains(&word) && at > 0 && tokens[at - 1].text == "." && texts_are(tokens, at + 1, &["("]);
        let is_macro = MACROS.contains(&word) && texts_are(tokens, at + 1, &["!"]);
        if is_method || is_macro {
            let advice = format!("`{word}` can end the process: return the error, or make the state impossible");
            out.push(source.violation(tokens[at].line, "no-panic", advice));
        }
        at += 1;
    }
}

/// The position after `const NAME: T = …;` or `const { … }`, when one starts at `at`.
fn after_constant(tokens: &[Token], at: usize) -> Option<usize> {
    if tokens[at].text != "const" || (at > 0 && matches!(tokens[at - 1].text.as_str(), "<" | "," | "*")) {
        return None;
    }
    let is_item = tokens.get(at + 1)?.kind == Kind::Word && texts_are(tokens, at + 2, &[":"]);
    let is_block = texts_are(tokens, at + 1, &["{"]);
    if !is_item && !is_block {
        return None;
    }
    let mut depth = 0_usize;
    for (offset, token) in tokens[at..].iter().enumerate() {
        match token.kind {
            Kind::Open => depth += 1,
            Kind::Close if depth == 0 => return None,
            Kind::Close => depth -= 1,
            Kind::Word | Kind::Punctuation | Kind::Literal => {}
        }
        let ends = if is_block { token.kind == Kind::Close } else { token.text == ";" };
        if depth == 0 && ends {
            return Some(at + offset + 1);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::tidy::tests::broken;

    fn with_body(body: &str) -> String {
        format!("//! Head.\nfn f<const N: usize>(a: *const u8) {{ {body} }}\n")
    }

    #[test]
    fn every_way_to_panic_is_found() {
        for body in [
            "let a: *const core::ffi::c_void = b.unwrap();",
            "a.unwrap();",
            "a\n.expect(\"b\");",
            "a.unwrap_err();",
            "panic!();",
            "todo!()",
            "m!(x.unwrap())",
        ] {
            for path in ["switch-core/src/a.rs", "extension-api/src/a.rs", "extensions/sflow/src/a.rs"] {
                assert_eq!(broken(path, &with_body(body), ""), ["no-panic"], "{body}");
            }
        }
    }

    #[test]
    fn handled_values_the_host_and_tests_are_free() {
        let handled = with_body("a.unwrap_or(b); a.unwrap_or_default(); self.expect = 3;");
        assert_eq!(broken("switch-core/src/a.rs", &handled, ""), [""; 0]);
        assert_eq!(broken("host/src/a.rs", &with_body("a.unwrap();"), ""), [""; 0]);
        assert_eq!(broken("switch-core/tests/a.rs", &with_body("a.unwrap();"), ""), [""; 0]);
    }

    #[test]
    fn constants_are_free_and_what_follows_is_not() {
        let text =
            "//! Head.\nconst A: [u8; 2] = B.unwrap();\nconst _: () = { panic!() };\nfn f() { const { C.unwrap() } }\n";
        assert_eq!(broken("switch-core/src/a.rs", text, ""), [""; 0]);
        assert_eq!(broken("switch-core/src/a.rs", &format!("{text}fn g() {{ a.unwrap() }}\n"), ""), ["no-panic"]);
        assert_eq!(broken("switch-core/src/a.rs", "//! Head.\nconst fn f() { a.unwrap() }\n", ""), ["no-panic"]);
    }
}
