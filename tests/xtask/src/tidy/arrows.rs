//! Which crate may depend on which. extension-api depends on nothing; switch-core on extension-api; an extension on
//! extension-api; what ships never on a test package. Packages from elsewhere are free, except in extension-api.

use super::Violation;
use super::manifest::{Dependency, Manifest, When};

const OURS: &str = "heddle-";
const API: &str = "heddle-extension-api";
const SUPPORT: &str = "heddle-test-support";

pub(crate) fn check(manifests: &[Manifest], out: &mut Vec<Violation>) {
    let tests: Vec<&str> = manifests
        .iter()
        .filter(|manifest| manifest.is_below("tests"))
        .map(|manifest| manifest.package.as_str())
        .collect();
    for manifest in manifests.iter().filter(|manifest| !manifest.is_below("tests")) {
        for dependency in &manifest.dependencies {
            if let Some(advice) = forbidden(manifest, dependency, &tests) {
                let package = &dependency.package;
                let advice = format!("`{package}`: {advice}");
                out.push(Violation { path: manifest.path.clone(), line: dependency.line, rule: "arrows", advice });
            }
        }
    }
}

fn forbidden(manifest: &Manifest, dependency: &Dependency, tests: &[&str]) -> Option<&'static str> {
    let package = dependency.package.as_str();
    let is_ours = package.starts_with(OURS);
    let ships = dependency.when == When::Ships;
    if ships && tests.contains(&package) {
        return Some("what ships does not depend on tests: move it to [dev-dependencies] or drop it");
    }
    if manifest.is_below("extension-api/testing") {
        let advice = "the test kit builds wherever extension-api does: it depends on nothing else";
        return (package != API && (ships || is_ours)).then_some(advice);
    }
    if manifest.is_below("extension-api") {
        return (ships || is_ours).then_some("extension-api depends on nothing: it must build anywhere, for years");
    }
    let is_allowed = !is_ours || package == API || (!ships && package == SUPPORT);
    if manifest.is_below("switch-core") {
        return (!is_allowed)
            .then_some("switch-core knows only extension-api: pass what it needs as a value or a trait");
    }
    if manifest.is_below("extensions") {
        return (!is_allowed).then_some("an extension sees what a vendor sees: only extension-api");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a manifest at `path` with these lines breaks the rule, beside a test package `heddle-bench`.
    fn is_broken(path: &str, lines: &str) -> bool {
        let bench = Manifest::parse("tests/bench/Cargo.toml", "[package]\nname = \"heddle-bench\"\n");
        let mut violations = Vec::new();
        check(&[bench, Manifest::parse(path, lines)], &mut violations);
        assert!(violations.iter().all(|violation| violation.rule == "arrows" && violation.path == path));
        !violations.is_empty()
    }

    #[test]
    fn forbidden_arrows_are_found() {
        for (path, lines) in [
            ("extension-api/Cargo.toml", "[dependencies]\nlibc = \"0.2\"\n"),
            ("extension-api/Cargo.toml", "[dev-dependencies]\nheddle-host = \"0.1\"\n"),
            ("extension-api/testing/Cargo.toml", "[dependencies]\nlibc = \"0.2\"\n"),
            ("switch-core/Cargo.toml", "[dependencies]\nheddle-host.workspace = true\n"),
            ("switch-core/Cargo.toml", "[dev-dependencies]\nheddle-host.workspace = true\n"),
            ("switch-core/Cargo.toml", "[dependencies]\ncore = { package = \"heddle-host\", path = \"../host\" }\n"),
            ("extensions/sflow/Cargo.toml", "[dependencies]\nheddle-switch-core.workspace = true\n"),
            ("extensions/sflow/Cargo.toml", "[dependencies]\nheddle-test-support.workspace = true\n"),
            ("host/Cargo.toml", "[dependencies]\nheddle-bench.workspace = true\n"),
        ] {
            assert!(is_broken(path, lines), "{path}: {lines}");
        }
    }

    #[test]
    fn allowed_arrows_are_not() {
        for (path, lines) in [
            ("extension-api/Cargo.toml", "[dependencies]\n[dev-dependencies]\nproptest = \"1\"\n"),
            ("extension-api/testing/Cargo.toml", "[dependencies]\nheddle-extension-api = { path = \"..\" }\n"),
            ("switch-core/Cargo.toml", "[dependencies]\nheddle-extension-api.workspace = true\nthiserror = \"2\"\n"),
            ("extensions/sflow/Cargo.toml", "[dev-dependencies]\nheddle-test-support.workspace = true\n"),
            ("host/Cargo.toml", "[dependencies]\nheddle-switch-core.workspace = true\nheddle-sflow.workspace = true\n"),
            ("tests/bench/Cargo.toml", "[dependencies]\nheddle-host.workspace = true\n"),
        ] {
            assert!(!is_broken(path, lines), "{path}: {lines}");
        }
    }
}
