//! What a Cargo.toml depends on: just enough TOML for the manifests of this workspace, which cargo itself has checked.

/// When a dependency is compiled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// `[dependencies]` and `[build-dependencies]`: in what ships.
    Ships,
    /// `[dev-dependencies]`.
    Tests,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Dependency {
    pub(crate) package: String,
    pub(crate) when: When,
    /// From 1.
    pub(crate) line: usize,
}

pub(crate) struct Manifest {
    /// Relative to the top of the checkout.
    pub(crate) path: String,
    pub(crate) package: String,
    pub(crate) dependencies: Vec<Dependency>,
}

impl Manifest {
    pub(crate) fn parse(path: &str, text: &str) -> Self {
        let mut manifest = Self { path: path.to_owned(), package: String::new(), dependencies: Vec::new() };
        let mut table = "";
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if let Some(header) = line.strip_prefix('[').filter(|_| line.ends_with(']')) {
                table = header.trim_end_matches(']');
                if let Some((when, Some(package))) = dependency_table(table) {
                    manifest.dependencies.push(Dependency { package: package.to_owned(), when, line: at + 1 });
                }
                continue;
            }
            let Some((key, value)) = key_and_value(line) else { continue };
            if table == "package" && key == "name" {
                manifest.package = value.trim_matches('"').to_owned();
            }
            if let Some((when, None)) = dependency_table(table) {
                let package = renamed(value).unwrap_or(key).to_owned();
                manifest.dependencies.push(Dependency { package, when, line: at + 1 });
            }
        }
        manifest
    }

    pub(crate) fn is_below(&self, folder: &str) -> bool {
        self.path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
    }
}

/// `dependencies`, `target.'cfg(unix)'.build-dependencies`, `dev-dependencies.name`: when, and the name if it is there.
fn dependency_table(table: &str) -> Option<(When, Option<&str>)> {
    let at = table.find("dependencies")?;
    let when = if table[..at].ends_with("dev-") { When::Tests } else { When::Ships };
    // `[workspace.dependencies]` offers versions and depends on nothing.
    let offers = table.starts_with("workspace");
    (!offers).then(|| (when, table[at..].strip_prefix("dependencies.")))
}

/// `name = …` and `name.workspace = true`; anything else, such as a line inside an array, is none.
fn key_and_value(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once('=')?;
    let key = key.trim().split('.').next()?;
    let is_name = !key.is_empty() && key.chars().all(|sign| sign.is_ascii_alphanumeric() || "-_".contains(sign));
    is_name.then(|| (key, value.trim()))
}

/// The real name in `{ package = "name", … }`.
fn renamed(value: &str) -> Option<&str> {
    let (_, rest) = value.split_once("package")?;
    rest.trim_start().strip_prefix('=')?.trim_start().strip_prefix('"')?.split('"').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_dependency_is_read() {
        let text = "[package]\nname = \"mine\"\nversion.workspace = true\n[dependencies]\na = \"1\" # b = \"2\"\n\
            c.workspace = true\nd = { version = \"1\", features = [\n  \"x=y\",\n] }\ne = { package = \"real\" }\n\
            [target.'cfg(unix)'.build-dependencies]\nf = \"1\"\n[dev-dependencies.g]\nversion = \"1\"\n\
            [workspace.dependencies]\nh = \"1\"\n[lints]\nworkspace = true\n";
        let manifest = Manifest::parse("host/Cargo.toml", text);
        let found: Vec<_> = manifest.dependencies.iter().map(|found| (found.package.as_str(), found.when)).collect();
        let ships = ["a", "c", "d", "real", "f"].map(|package| (package, When::Ships));
        assert_eq!(manifest.package, "mine");
        assert_eq!(found, [ships.as_slice(), &[("g", When::Tests)]].concat());
        assert_eq!(manifest.dependencies[0].line, 5);
    }
}
