//! Rules on whole files: the head, the size, the name.

use super::Violation;
use super::source::Source;

/// Product lines of one file, blank ones included, test modules excluded. Aim at 80 to 300.
const FILE_LINES: usize = 500;

/// Names that say nothing about what is inside, so everything ends up there.
const EMPTY_NAMES: [&str; 10] =
    ["util", "utils", "common", "helper", "helpers", "manager", "handler", "handlers", "service", "services"];

pub(crate) fn check(source: &Source, out: &mut Vec<Violation>) {
    let first = source.lines.iter().find(|line| !line.trim().is_empty());
    if !first.is_some_and(|line| line.starts_with("//!")) {
        out.push(source.violation(1, "file-head", "open with `//!`: what this file is for, its limits, its cost"));
    }
    if source.stem() == "mod" {
        out.push(source.violation(1, "no-mod-rs", "move it to `foo.rs` beside the folder `foo/`"));
    }
    let last_word = source.stem().rsplit('_').next().unwrap_or_default();
    // `service` is also the fourth role of an extension.
    let is_role = last_word == "service" && source.is_below("extension-api");
    if EMPTY_NAMES.contains(&last_word) && !is_role {
        out.push(source.violation(1, "file-name", format!("`{last_word}` says nothing: name the concept inside")));
    }
    let lines = source.product_lines().count();
    if source.is_product() && lines > FILE_LINES {
        let advice = format!("{lines} product lines, at most {FILE_LINES}: split it along its concepts");
        out.push(source.violation(FILE_LINES + 1, "file-length", advice));
    }
}

#[cfg(test)]
mod tests {
    use crate::tidy::tests::broken;

    const FDB: &str = "switch-core/src/fdb.rs";

    #[test]
    fn a_file_without_a_head_is_found() {
        assert_eq!(broken(FDB, "\n\n//! Filtering database.\n", ""), [""; 0]);
        assert_eq!(broken(FDB, "// Filtering database.\nfn a() {}\n", ""), ["file-head"]);
        assert_eq!(broken("tests/switch/tests/a.rs", "fn a() {}\n", ""), ["file-head"]);
    }

    #[test]
    fn mod_rs_is_found() {
        assert_eq!(broken("tests/switch/src/fdb/mod.rs", "//! Table.\n", ""), ["no-mod-rs"]);
    }

    #[test]
    fn empty_names_are_found_and_the_service_role_is_not() {
        assert_eq!(broken("host/src/utils.rs", "//! All.\n", ""), ["file-name"]);
        assert_eq!(broken("host/src/port_manager.rs", "//! All.\n", ""), ["file-name"]);
        assert_eq!(broken("extension-api/src/service.rs", "//! Role.\n", ""), [""; 0]);
    }

    #[test]
    fn long_product_files_are_found_and_their_tests_do_not_count() {
        let head = "//! Long.\n";
        assert_eq!(broken(FDB, &format!("{head}{}", "\n".repeat(499)), ""), [""; 0]);
        assert_eq!(broken(FDB, &format!("{head}{}", "\n".repeat(500)), ""), ["file-length"]);
        let tests = format!("{head}#[cfg(test)]\nmod tests {{\n{}}}\n", "\n".repeat(600));
        assert_eq!(broken(FDB, &tests, ""), [""; 0]);
        assert_eq!(broken("tests/a.rs", &format!("{head}{}", "\n".repeat(500)), ""), [""; 0]);
    }
}
