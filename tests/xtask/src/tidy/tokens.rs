//! Rust text as a flat list of tokens with line numbers: what the rules search. Comments and the insides of string
//! literals are gone, macro bodies are still there, and what is compiled only for tests can be left out.

use std::str::FromStr;

use proc_macro2::{Delimiter, Group, LexError, TokenStream, TokenTree};

/// One token. Brackets are tokens of their own, so a rule can count depth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) text: String,
    pub(crate) kind: Kind,
    /// From 1.
    pub(crate) line: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Word,
    Punctuation,
    Literal,
    Open,
    Close,
}

/// A file's tokens, and which of its lines belong to tests.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    /// Tokens outside items marked `#[cfg(test)]` or `#[test]`.
    pub(crate) product: Vec<Token>,
    /// Every token.
    pub(crate) all: Vec<Token>,
    /// First and last line of each test-only item.
    pub(crate) test_lines: Vec<(usize, usize)>,
    /// Names of modules declared `#[cfg(test)] mod name;`, which live in files of their own.
    pub(crate) test_modules: Vec<String>,
    /// The whole file is compiled for tests only (`#![cfg(test)]`).
    pub(crate) only_tests: bool,
}

impl Scan {
    pub(crate) fn of(text: &str) -> Result<Self, LexError> {
        let mut scan = Self::default();
        scan.walk(TokenStream::from_str(text)?, false);
        Ok(scan)
    }

    fn walk(&mut self, stream: TokenStream, in_test: bool) {
        let trees: Vec<TokenTree> = stream.into_iter().collect();
        let mut at = 0;
        while let Some(tree) = trees.get(at) {
            if is_inner_cfg_test(&trees[at..]) {
                self.only_tests = true;
            }
            if !in_test && starts_test_item(&trees[at..]) {
                let length = item_length(&trees[at..]);
                let item = &trees[at..at + length];
                if let (Some(first), Some(last)) = (item.first(), item.last()) {
                    self.test_lines.push((first.span().start().line, last.span().end().line));
                }
                self.test_modules.extend(declared_module(item));
                self.walk(item.iter().cloned().collect(), true);
                at += length;
                continue;
            }
            self.push_tree(tree, in_test);
            at += 1;
        }
    }

    fn push_tree(&mut self, tree: &TokenTree, in_test: bool) {
        let line = tree.span().start().line;
        match tree {
            TokenTree::Group(group) => {
                let (open, close) = brackets(group);
                self.push(open, Kind::Open, group.span_open().start().line, in_test);
                self.walk(group.stream(), in_test);
                self.push(close, Kind::Close, group.span_close().end().line, in_test);
            }
            TokenTree::Ident(word) => self.push(&word.to_string(), Kind::Word, line, in_test),
            TokenTree::Punct(sign) => self.push(&sign.as_char().to_string(), Kind::Punctuation, line, in_test),
            TokenTree::Literal(literal) => self.push(&literal.to_string(), Kind::Literal, line, in_test),
        }
    }

    fn push(&mut self, text: &str, kind: Kind, line: usize, in_test: bool) {
        let token = Token { text: text.to_owned(), kind, line };
        if !in_test {
            self.product.push(token.clone());
        }
        self.all.push(token);
    }
}

/// Whether the tokens from `at` on have these texts.
pub(crate) fn texts_are(tokens: &[Token], at: usize, texts: &[&str]) -> bool {
    tokens.len() >= at + texts.len() && texts.iter().zip(&tokens[at..]).all(|(text, token)| token.text == *text)
}

fn brackets(group: &Group) -> (&'static str, &'static str) {
    match group.delimiter() {
        Delimiter::Parenthesis => ("(", ")"),
        Delimiter::Brace => ("{", "}"),
        Delimiter::Bracket => ("[", "]"),
        Delimiter::None => ("", ""),
    }
}

fn is_sign(tree: Option<&TokenTree>, sign: char) -> bool {
    matches!(tree, Some(TokenTree::Punct(found)) if found.as_char() == sign)
}

fn is_group(tree: Option<&TokenTree>, delimiter: Delimiter) -> bool {
    matches!(tree, Some(TokenTree::Group(group)) if group.delimiter() == delimiter)
}

/// `#[cfg(test)]`, `#[cfg(all(test, …))]` or `#[test]`; never `#[cfg(not(test))]`.
fn starts_test_item(trees: &[TokenTree]) -> bool {
    is_sign(trees.first(), '#') && trees.get(1).is_some_and(is_test_attribute)
}

fn is_inner_cfg_test(trees: &[TokenTree]) -> bool {
    is_sign(trees.first(), '#') && is_sign(trees.get(1), '!') && trees.get(2).is_some_and(is_test_attribute)
}

fn is_test_attribute(tree: &TokenTree) -> bool {
    let TokenTree::Group(group) = tree else { return false };
    let words: Vec<String> = words_of(group.stream());
    let texts: Vec<&str> = words.iter().map(String::as_str).collect();
    match texts.as_slice() {
        ["test"] => true,
        ["cfg", condition @ ..] => condition.contains(&"test") && !condition.contains(&"not"),
        _ => false,
    }
}

fn words_of(stream: TokenStream) -> Vec<String> {
    let mut words = Vec::new();
    for tree in stream {
        match tree {
            TokenTree::Ident(word) => words.push(word.to_string()),
            TokenTree::Group(group) => words.extend(words_of(group.stream())),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
    words
}

/// How many trees the item at the front has, its attributes included: up to its body or its semicolon.
fn item_length(trees: &[TokenTree]) -> usize {
    let mut at = 0;
    while is_sign(trees.get(at), '#') && is_group(trees.get(at + 1), Delimiter::Bracket) {
        at += 2;
    }
    while at < trees.len() {
        let ends = is_group(trees.get(at), Delimiter::Brace) || is_sign(trees.get(at), ';');
        at += 1;
        if ends {
            break;
        }
    }
    at
}

/// The name in `… mod name;`.
fn declared_module(item: &[TokenTree]) -> Option<String> {
    match item {
        [.., TokenTree::Ident(keyword), TokenTree::Ident(name), TokenTree::Punct(end)]
            if keyword == "mod" && end.as_char() == ';' =>
        {
            Some(name.to_string())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product_words(text: &str) -> Vec<String> {
        let scan = Scan::of(text).unwrap();
        scan.product.into_iter().filter(|token| token.kind == Kind::Word).map(|token| token.text).collect()
    }

    #[test]
    fn comments_and_strings_are_no_words_and_macro_bodies_are() {
        let text = "// unsafe\nmacro_rules! m { () => { panicking() } }\nconst A: &str = \"unwrap\";";
        assert_eq!(product_words(text), ["macro_rules", "m", "panicking", "const", "A", "str"]);
    }

    #[test]
    fn test_items_are_left_out_of_the_product() {
        let text = "fn a() {}\n#[cfg(test)]\n#[allow(x)]\nmod tests {\n fn b() {}\n}\n#[test]\nfn c() {}\nfn d() {}";
        assert_eq!(product_words(text), ["fn", "a", "fn", "d"]);
        assert_eq!(Scan::of(text).unwrap().test_lines, [(2, 6), (7, 8)]);
    }

    #[test]
    fn code_for_everything_but_tests_is_product() {
        assert_eq!(product_words("#[cfg(not(test))]\nfn a() {}"), ["cfg", "not", "test", "fn", "a"]);
    }

    #[test]
    fn test_modules_in_their_own_file_are_named() {
        assert_eq!(Scan::of("#[cfg(test)]\nmod oracle;\nmod product;").unwrap().test_modules, ["oracle"]);
        assert!(Scan::of("#![cfg(test)]\nfn a() {}").unwrap().only_tests);
    }
}
