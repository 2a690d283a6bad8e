//! `unsafe` only on the islands, and on each of them at least as many safety arguments as unsafe constructs.
//!
//! A construct is an unsafe block, function, impl, trait or foreign block; function pointer types are none. An argument
//! is a `SAFETY:` comment (what holds, and why) or a `# Safety` heading (what the caller must see to). A function with
//! a foreign calling convention needs none of its own: the ABI's documentation says what its callers see to.

use super::Violation;
use super::islands::{Islands, PLAN};
use super::source::Source;
use super::tokens::{Kind, Token, texts_are};

pub(crate) fn check(source: &Source, islands: &Islands, out: &mut Vec<Violation>) {
    let uses = unsafe_uses(source);
    let Some(first) = uses.first() else { return };
    if !islands.hold(&source.path) {
        let advice = format!("this file is no unsafe island: use safe code, or argue for it in {PLAN}, Unsafe islands");
        out.push(source.violation(first.line, "unsafe-islands", advice));
    }
    let constructs = uses.iter().filter(|found| found.needs_argument).count();
    let arguments = source.product_lines().filter(|(_, line)| is_argument(line)).count();
    if arguments < constructs {
        let advice =
            format!("{constructs} unsafe constructs, {arguments} safety arguments: write why each one is sound");
        out.push(source.violation(first.line, "safety-argument", advice));
    }
}

/// One `unsafe` in the product part of a file.
pub(crate) struct Use {
    line: usize,
    needs_argument: bool,
}

pub(crate) fn unsafe_uses(source: &Source) -> Vec<Use> {
    let tokens = source.product_tokens();
    let keywords = tokens.iter().enumerate().filter(|(_, token)| token.kind == Kind::Word && token.text == "unsafe");
    keywords
        .filter_map(|(at, token)| {
            needs_argument(tokens, at + 1).map(|needs| Use { line: token.line, needs_argument: needs })
        })
        .collect()
}

/// Of the `unsafe` before `at`: none for a function pointer type, false for an attribute such as `unsafe(no_mangle)`.
fn needs_argument(tokens: &[Token], at: usize) -> Option<bool> {
    let mut at = at;
    let foreign = texts_are(tokens, at, &["extern"]);
    if foreign {
        at += 1;
        if tokens.get(at).is_some_and(|token| token.kind == Kind::Literal) {
            at += 1;
        }
    }
    if texts_are(tokens, at, &["fn", "("]) {
        return None;
    }
    Some(!(texts_are(tokens, at, &["("]) || foreign && texts_are(tokens, at, &["fn"])))
}

fn is_argument(line: &str) -> bool {
    let comment = line.trim_start();
    let is_comment = comment.contains("//") || comment.starts_with('*') || comment.starts_with("/*");
    is_comment && (comment.contains("SAFETY:") || comment.contains("# Safety"))
}

#[cfg(test)]
mod tests {
    use crate::tidy::tests::broken;

    const ISLAND: &str = "- `switch-core/src/arena.rs`: buffers";
    const PATH: &str = "switch-core/src/arena.rs";

    #[test]
    fn unsafe_outside_the_islands_is_found() {
        let text = "//! Head.\n// SAFETY: it holds.\nfn f() { unsafe { g() } }\n";
        assert_eq!(broken(PATH, text, ISLAND), [""; 0]);
        assert_eq!(broken(PATH, text, ""), ["unsafe-islands"]);
        assert_eq!(broken("tests/support/src/lib.rs", text, ""), [""; 0]);
        assert_eq!(broken(PATH, "//! Head.\n#[unsafe(no_mangle)]\nfn f() {}\n", ""), ["unsafe-islands"]);
    }

    #[test]
    fn constructs_without_an_argument_are_found() {
        for construct in [
            "fn f() { unsafe { g() } }",
            "unsafe impl Send for A {}",
            "unsafe fn f() {}",
            "unsafe extern \"C\" { fn g(); }",
            "macro_rules! m { () => { unsafe { g() } } }",
        ] {
            let text = format!("//! Head.\n{construct}\n");
            assert_eq!(broken(PATH, &text, ISLAND), ["safety-argument"], "{construct}");
            assert_eq!(broken(PATH, &format!("//! Head.\n// SAFETY: it holds.\n{construct}\n"), ISLAND), [""; 0]);
        }
    }

    #[test]
    fn one_argument_does_not_serve_two_constructs() {
        let text = "//! Head.\n/// # Safety\n/// Call once.\nunsafe fn f() {}\nfn g() { unsafe { f() } }\n";
        assert_eq!(broken(PATH, text, ISLAND), ["safety-argument"]);
    }

    #[test]
    fn a_function_called_from_outside_argues_in_its_body() {
        let text = "//! Head.\nunsafe extern \"C\" fn f() {}\n";
        assert_eq!(broken(PATH, text, ISLAND), [""; 0]);
        assert_eq!(broken(PATH, text, ""), ["unsafe-islands"]);
    }

    #[test]
    fn function_pointer_types_are_no_unsafe_code() {
        let text = "//! Head.\nstruct Table { call: unsafe extern \"C\" fn(u8), other: unsafe fn() }\n";
        assert_eq!(broken("host/src/a.rs", text, ""), [""; 0]);
    }
}
