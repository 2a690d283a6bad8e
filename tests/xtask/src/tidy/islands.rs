//! The list of files that may hold `unsafe`, read from the section "Unsafe islands" of ARCHITECTURE.md: the text people
//! read is the table the rule uses.
//!
//! Every path in backticks that contains a `/` counts. `a/b.rs` is that file; `a/b` is `a/b.rs` and all below `a/b/`;
//! `a/b/` and `a/b/*` are all below; `a/{b,c}` stands for both.

use super::Violation;
use super::source::Source;
use super::unsafety::unsafe_uses;

pub(crate) const PLAN: &str = "ARCHITECTURE.md";
const HEADING: &str = "unsafe islands";

pub(crate) struct Islands {
    /// Without a trailing `/`, `/*` or `/**`, with the line in the plan.
    paths: Vec<(String, usize)>,
    section_found: bool,
}

impl Islands {
    pub(crate) fn parse(plan: &str) -> Self {
        let mut islands = Self { paths: Vec::new(), section_found: false };
        let mut section = None;
        for (at, line) in plan.lines().enumerate() {
            let level = line.chars().take_while(|sign| *sign == '#').count();
            if level > 0 {
                if section.is_none_or(|own| level <= own) {
                    section = line.to_lowercase().contains(HEADING).then_some(level);
                }
                islands.section_found |= section.is_some();
            } else if section.is_some() {
                let quoted = line.split('`').skip(1).step_by(2).filter(|quoted| quoted.contains('/'));
                islands.paths.extend(quoted.flat_map(expand).map(|path| (path, at + 1)));
            }
        }
        islands
    }

    /// Whether the file at `path` is on an island.
    pub(crate) fn hold(&self, path: &str) -> bool {
        self.paths.iter().any(|(island, _)| covers(island, path))
    }

    /// The list is true: the section is there, and each entry is a file that really holds unsafe code.
    pub(crate) fn check(&self, sources: &[Source], out: &mut Vec<Violation>) {
        let violation = |line, advice| Violation { path: PLAN.into(), line, rule: "unsafe-islands", advice };
        if !self.section_found {
            let advice = "write a section `Unsafe islands` with the path of each file that may hold unsafe code";
            out.push(violation(1, advice.to_owned()));
        }
        for (island, line) in &self.paths {
            // Called for single files, the list cannot be judged; for a checkout it can.
            let is_used = |source: &Source| covers(island, &source.path) && !unsafe_uses(source).is_empty();
            if sources.len() > 1 && !sources.iter().any(is_used) {
                out.push(violation(*line, format!("`{island}` holds no unsafe code: take it off the list")));
            }
        }
    }
}

fn covers(island: &str, path: &str) -> bool {
    path.strip_prefix(island).is_some_and(|rest| rest.is_empty() || rest == ".rs" || rest.starts_with('/'))
}

/// `a/{b,c}.rs` to `a/b.rs` and `a/c.rs`, endings that mean "all below" removed.
fn expand(quoted: &str) -> Vec<String> {
    if let Some((before, rest)) = quoted.split_once('{')
        && let Some((choices, after)) = rest.split_once('}')
    {
        return choices.split(',').flat_map(|choice| expand(&format!("{before}{}{after}", choice.trim()))).collect();
    }
    vec![quoted.trim_end_matches(['*', '/']).to_owned()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN_TEXT: &str = "# Plan\n`host/src/not.rs`\n## The unsafe islands\n| `host/src/{arena,loader}` | x |\n\
        ### Core\n`switch-core/src/prefetch.rs` and `word`\n`host/src/ports/sys/*`\n## Next\n`host/src/later.rs`\n";

    #[test]
    fn the_section_is_read_to_its_end() {
        let islands = Islands::parse(PLAN_TEXT);
        for (path, held) in [
            ("host/src/arena.rs", true),
            ("host/src/loader/library.rs", true),
            ("host/src/ports/sys/tap.rs", true),
            ("switch-core/src/prefetch.rs", true),
            ("host/src/arena_two.rs", false),
            ("host/src/not.rs", false),
            ("host/src/later.rs", false),
        ] {
            assert_eq!(islands.hold(path), held, "{path}");
        }
    }

    #[test]
    fn entries_without_unsafe_code_and_a_missing_section_are_found() {
        let sources = [
            Source::parse("host/src/arena.rs", "fn f() { unsafe { g() } }").unwrap(),
            Source::parse("host/src/loader.rs", "").unwrap(),
        ];
        let found = |plan: &str| {
            let mut violations = Vec::new();
            Islands::parse(plan).check(&sources, &mut violations);
            violations.into_iter().map(|violation| (violation.line, violation.rule)).collect::<Vec<_>>()
        };
        assert_eq!(found("## Unsafe islands\n`host/src/arena.rs`\n`host/src/loader.rs`\n"), [(3, "unsafe-islands")]);
        assert_eq!(found("# Plan\n"), [(1, "unsafe-islands")]);
    }
}
