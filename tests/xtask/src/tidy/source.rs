//! One Rust file as the rules see it: where it is, its lines, its tokens, and whether it ships.

use super::Violation;
use super::tokens::{Scan, Token};

/// A file of the checkout.
pub(crate) struct Source {
    /// Relative to the top of the checkout, `/` between the parts.
    pub(crate) path: String,
    pub(crate) lines: Vec<String>,
    scan: Scan,
    only_tests: bool,
}

impl Source {
    pub(crate) fn parse(path: &str, text: &str) -> Result<Self, Violation> {
        match Scan::of(text) {
            Ok(scan) => Ok(Self {
                path: path.to_owned(),
                lines: text.lines().map(str::to_owned).collect(),
                only_tests: scan.only_tests,
                scan,
            }),
            Err(error) => Err(Violation {
                path: path.to_owned(),
                line: error.span().start().line,
                rule: "rust",
                advice: format!("make it lex: {error}"),
            }),
        }
    }

    /// Tokens that are compiled into what ships.
    pub(crate) fn product_tokens(&self) -> &[Token] {
        &self.scan.product
    }

    pub(crate) fn all_tokens(&self) -> &[Token] {
        &self.scan.all
    }

    /// Lines outside test-only items, numbered from 1.
    pub(crate) fn product_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.lines
            .iter()
            .enumerate()
            .map(|(at, line)| (at + 1, line.as_str()))
            .filter(|(number, _)| !self.scan.test_lines.iter().any(|(first, last)| (first..=last).contains(&number)))
    }

    /// Whether the file ships: below `src/` of a product crate (or a build script) and not for tests only.
    pub(crate) fn is_product(&self) -> bool {
        if self.only_tests {
            return false;
        }
        let mut parts = self.path.split('/');
        let inside = match parts.next() {
            Some("extension-api" | "switch-core" | "host") => parts.next(),
            Some("extensions") => parts.nth(1),
            _ => None,
        };
        matches!(inside, Some("src" | "build.rs"))
    }

    pub(crate) fn is_below(&self, folder: &str) -> bool {
        self.path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
    }

    /// `fdb` of `switch-core/src/fdb.rs`.
    pub(crate) fn stem(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default().trim_end_matches(".rs")
    }

    pub(crate) fn violation(&self, line: usize, rule: &'static str, advice: impl Into<String>) -> Violation {
        Violation { path: self.path.clone(), line, rule, advice: advice.into() }
    }

    /// Paths, without `.rs`, of the test-only modules that this file declares.
    fn test_module_paths(&self) -> Vec<String> {
        let (folder, _) = self.path.rsplit_once('/').unwrap_or_default();
        let base = match self.stem() {
            "lib" | "main" | "mod" => folder.to_owned(),
            stem => format!("{folder}/{stem}"),
        };
        self.scan.test_modules.iter().map(|name| format!("{base}/{name}")).collect()
    }
}

/// A file behind `#[cfg(test)] mod name;` is test code although nothing in it says so, and so is all below it.
pub(crate) fn mark_test_modules(sources: &mut [Source]) {
    let declared: Vec<String> = sources.iter().flat_map(Source::test_module_paths).collect();
    for source in sources {
        let path = source.path.trim_end_matches(".rs");
        if declared.iter().any(|module| path == module || source.is_below(module)) {
            source.only_tests = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: &str) -> Source {
        Source::parse(path, text).unwrap()
    }

    #[test]
    fn product_is_what_ships() {
        for (path, ships) in [
            ("switch-core/src/fdb.rs", true),
            ("extensions/sflow/src/lib.rs", true),
            ("host/build.rs", true),
            ("switch-core/tests/fdb.rs", false),
            ("switch-core/benches/forwarding.rs", false),
            ("tests/switch/src/lib.rs", false),
        ] {
            assert_eq!(source(path, "").is_product(), ships, "{path}");
        }
    }

    #[test]
    fn modules_declared_for_tests_do_not_ship() {
        let mut sources = [
            source("switch-core/src/fdb.rs", "#[cfg(test)]\nmod oracle;"),
            source("switch-core/src/fdb/oracle.rs", ""),
            source("switch-core/src/fdb/oracle/deep.rs", ""),
            source("switch-core/src/oracle.rs", ""),
        ];
        mark_test_modules(&mut sources);
        assert_eq!(sources.map(|source| source.is_product()), [true, false, false, true]);
    }

    #[test]
    fn text_that_is_not_rust_is_a_violation() {
        let violation = Source::parse("a.rs", "fn a( {\n").err().unwrap();
        assert_eq!(violation.rule, "rust");
    }
}
