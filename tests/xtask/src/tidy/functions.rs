//! No product function longer than 70 lines, signature and closing brace included: one screen, read without scrolling.

use super::Violation;
use super::source::Source;
use super::tokens::{Kind, Token};

const FUNCTION_LINES: usize = 70;

pub(crate) fn check(source: &Source, out: &mut Vec<Violation>) {
    let tokens = source.product_tokens();
    for (at, pair) in tokens.windows(2).enumerate() {
        let [keyword, name] = pair else { continue };
        if keyword.text != "fn" || name.kind != Kind::Word {
            continue;
        }
        let Some(last) = last_line(&tokens[at..]) else { continue };
        let lines = last - keyword.line + 1;
        if lines > FUNCTION_LINES {
            let advice = format!("`{}` has {lines} lines, at most {FUNCTION_LINES}: name its parts", name.text);
            out.push(source.violation(keyword.line, "function-length", advice));
        }
    }
}

/// The line of the closing brace; none for a declaration without a body.
fn last_line(tokens: &[Token]) -> Option<usize> {
    let mut depth = 0_usize;
    let mut in_body = false;
    for token in tokens {
        match token.kind {
            Kind::Open => {
                in_body |= depth == 0 && token.text == "{";
                depth += 1;
            }
            Kind::Close => {
                depth = depth.checked_sub(1)?;
                if in_body && depth == 0 {
                    return Some(token.line);
                }
            }
            Kind::Punctuation if depth == 0 && token.text == ";" => return None,
            Kind::Word | Kind::Punctuation | Kind::Literal => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::tidy::tests::broken;

    fn function(lines: usize) -> String {
        format!("//! Head.\nfn long(a: [u8; 4]) -> u8 {{{}}}\n", "\n".repeat(lines - 1))
    }

    #[test]
    fn a_function_over_the_limit_is_found() {
        assert_eq!(broken("host/src/a.rs", &function(70), ""), [""; 0]);
        assert_eq!(broken("host/src/a.rs", &function(71), ""), ["function-length"]);
    }

    #[test]
    fn declarations_and_test_functions_are_free() {
        let declaration = format!("//! Head.\ntrait T {{\nfn a();\n{}fn b() {{}}\n}}\n", "\n".repeat(80));
        assert_eq!(broken("host/src/a.rs", &declaration, ""), [""; 0]);
        assert_eq!(broken("tests/a.rs", &function(99), ""), [""; 0]);
        let in_test = function(99).replace("fn long", "#[test]\nfn long");
        assert_eq!(broken("host/src/a.rs", &in_test, ""), [""; 0]);
    }
}
