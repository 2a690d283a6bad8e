//! Every page of the book is in its table of contents; mdBook leaves out the others without a word.

use super::Violation;

const PAGES: &str = "sdk-docs/src/";
pub(crate) const CONTENTS: &str = "sdk-docs/src/SUMMARY.md";

/// `paths` are from the top of the checkout, `contents` is the text of the table of contents.
pub(crate) fn check(paths: &[String], contents: &str, out: &mut Vec<Violation>) {
    for page in paths.iter().filter(|path| path.ends_with(".md") && *path != CONTENTS) {
        let Some(link) = page.strip_prefix(PAGES) else { continue };
        if !contents.contains(&format!("({link})")) && !contents.contains(&format!("(./{link})")) {
            let advice = format!("no reader will find it: link `{link}` in {CONTENTS}");
            out.push(Violation { path: page.clone(), line: 1, rule: "book", advice });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_outside_the_contents_is_found() {
        let pages =
            ["SUMMARY.md", "introduction.md", "decisions/0001-a.md", "code.rs"].map(|page| format!("{PAGES}{page}"));
        let found = |contents: &str| {
            let mut violations = Vec::new();
            check(&pages, contents, &mut violations);
            violations.into_iter().map(|violation| violation.path).collect::<Vec<_>>()
        };
        assert_eq!(found("[I](introduction.md)\n- [A](decisions/0001-a.md)\n"), [""; 0]);
        assert_eq!(found("[I](introduction.md)\n"), ["sdk-docs/src/decisions/0001-a.md"]);
    }
}
