//! `heddle extension new`: a project that builds without our source tree.
//!
//! What it is built with is inside this program and unpacked into the project, so that the project builds on any machine
//! with a compiler and goes on building when another heddle is installed. The folder must not exist; half of one is
//! removed again.

use crate::cli::args::vendor::{BuildTool, Language, NewArgs, NewRole};
use crate::cli::{Answer, Failure};
use crate::control::error::ErrorClass;
use schemars::JsonSchema;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// The crates and headers of the contract: path and text, made by the build script.
mod embedded {
    include!(concat!(env!("OUT_DIR"), "/vendor_kit.rs"));
}

/// Longest name, so that every place a name goes into has room.
const NAME_MAX: usize = 40;

macro_rules! template {
    ($path:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/templates/", $path))
    };
}

/// A project that was made.
#[derive(Debug, Serialize, JsonSchema)]
pub(in crate::cli) struct NewProject {
    /// Its folder.
    directory: PathBuf,
    /// Identifier of the extension.
    id: String,
    /// capture, filter, forwarding or service.
    role: String,
    /// rust or c.
    language: String,
    /// The shared library, once it is built.
    library: PathBuf,
    /// What to type next, in the folder.
    next: Vec<String>,
}

/// Why a project cannot be made.
fn wrong(thing: &str, value: &str, reason: &str) -> Failure {
    Failure::new(ErrorClass::Refused, format!("{thing} '{}' {reason}", value.escape_debug()))
}

struct Project<'a> {
    name: &'a str,
    crate_name: String,
    id: String,
    vendor: &'a str,
    role: &'static str,
    api: String,
    build_lines: &'static str,
}

pub(super) fn run(args: &NewArgs) -> Result<Answer, Failure> {
    let project = judged(args)?;
    let directory = args.dir.clone().unwrap_or_else(|| PathBuf::from(&args.name));
    if directory.exists() {
        let message = format!("{} is there already; give another --dir", directory.display());
        return Err(Failure::new(ErrorClass::AlreadyExists, message));
    }
    let files = match args.lang {
        Language::Rust => rust_files(&project, args),
        Language::C => c_files(&project, args),
    };
    for (path, text) in &files {
        if let Err(error) = put(&directory.join(path), text) {
            let failure = Failure::file("write", &directory.join(path), &error);
            // It was not there before, so all of it is ours.
            let _ = std::fs::remove_dir_all(&directory);
            return Err(failure);
        }
    }
    answer(&project, args, directory)
}

fn answer(project: &Project<'_>, args: &NewArgs, directory: PathBuf) -> Result<Answer, Failure> {
    let file = format!("lib{}.so", project.crate_name);
    let (library, next): (_, &[&str]) = match (args.lang, args.build) {
        (Language::Rust, _) => (Path::new("target/release").join(file), &["cargo test", "cargo build --release"]),
        (Language::C, BuildTool::Make) => (Path::new("build").join(file), &["make test", "make"]),
        (Language::C, BuildTool::Cmake) => {
            (Path::new("build").join(file), &["cmake -B build", "cmake --build build", "ctest --test-dir build"])
        }
    };
    let language = if args.lang == Language::Rust { "rust" } else { "c" };
    let mut next: Vec<String> = next.iter().map(|line| (*line).to_owned()).collect();
    next.push(format!("heddle-conformance run {}", library.display()));
    let mut text = format!("made the {} extension {} in {}; next:\n", project.role, project.id, directory.display());
    text.push_str(&format!("  cd {}\n", directory.display()));
    next.iter().for_each(|line| text.push_str(&format!("  {line}\n")));
    let (id, role) = (project.id.clone(), project.role.to_owned());
    Answer::new(text, &NewProject { directory, id, role, language: language.to_owned(), library, next })
}

/// The arguments, once they make sense.
fn judged(args: &NewArgs) -> Result<Project<'_>, Failure> {
    let name = args.name.as_str();
    let plain = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    let begins = name.starts_with(|first: char| first.is_ascii_lowercase());
    if name.len() > NAME_MAX || !plain || !begins || name.ends_with('-') || name.contains("--") {
        let reason = "is no name for a project; use a-z, 0-9 and single -, a letter first, at most 40 characters";
        return Err(wrong("name", name, reason));
    }
    if ["test", "core", "std", "alloc", "build", "main", "proc-macro"].contains(&name) || name.starts_with("heddle-ext")
    {
        return Err(wrong("name", name, "means something else to the compiler; use another"));
    }
    let id = args.id.clone().unwrap_or_else(|| format!("com.example.{name}"));
    let of_id = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    if id.len() > 63 || !id.contains('.') || !id.bytes().all(of_id) {
        let reason = "is no reverse URI such as com.example.firewall; use A-Z a-z 0-9 . - _, at most 63";
        return Err(wrong("--id", &id, reason));
    }
    let vendor = args.vendor.as_str();
    let printable = |c: char| !c.is_control() && !matches!(c, '"' | '\\' | '{' | '}' | '?');
    if vendor.is_empty() || vendor.len() > 63 || !vendor.chars().all(printable) {
        return Err(wrong("--vendor", vendor, "must be 1 to 63 bytes without quotes, backslashes, braces and ?"));
    }
    if args.lang == Language::C && args.api.is_some() {
        return Err(wrong("--api", "", "is for --lang rust; leave it out, the headers are put into the project"));
    }
    let api = match &args.api {
        None => "vendor/heddle-extension-api".to_owned(),
        Some(path) => existing_api(path)?,
    };
    let role = match args.role {
        NewRole::Capture => "capture",
        NewRole::Filter => "filter",
        NewRole::Forwarding => "forwarding",
        NewRole::Service => "service",
    };
    let build_lines = match args.build {
        BuildTool::Make => "make test\nmake",
        BuildTool::Cmake => "cmake -B build\ncmake --build build\nctest --test-dir build",
    };
    Ok(Project { name, crate_name: name.replace('-', "_"), id, vendor, role, api, build_lines })
}

/// The folder of `--api`, as an absolute path, when the crates are in it.
fn existing_api(path: &Path) -> Result<String, Failure> {
    let shown = path.display().to_string();
    let whole = path.join("Cargo.toml").is_file() && path.join("testing/Cargo.toml").is_file();
    if !whole {
        let reason = "has no heddle-extension-api in it; leave --api out to have the crates copied into the project";
        return Err(wrong("--api", &shown, reason));
    }
    let absolute = std::path::absolute(path).map_err(|error| Failure::file("find", path, &error))?;
    let text = absolute.to_string_lossy().into_owned();
    if text.contains(['"', '\\', '\n']) {
        return Err(wrong("--api", &text, "has characters a manifest cannot hold; move it"));
    }
    Ok(text)
}

fn filled(template: &str, project: &Project<'_>) -> Vec<u8> {
    let mut title = project.name.replace('-', " ");
    title.get_mut(..1).into_iter().for_each(str::make_ascii_uppercase);
    let mut role_title = project.role.to_owned();
    role_title.get_mut(..1).into_iter().for_each(str::make_ascii_uppercase);
    template
        .replace("@NAME@", project.name)
        .replace("@CRATE@", &project.crate_name)
        .replace("@ID@", &project.id)
        .replace("@TITLE@", &title)
        .replace("@VENDOR@", project.vendor)
        .replace("@ROLE@", project.role)
        .replace("@ROLE_TITLE@", &role_title)
        .replace("@API@", &project.api)
        .replace("@BUILD_LINES@", project.build_lines)
        .into_bytes()
}

type Files = Vec<(PathBuf, Vec<u8>)>;

fn rust_files(project: &Project<'_>, args: &NewArgs) -> Files {
    let (library, tests) = match args.role {
        NewRole::Capture => (template!("rust/capture.rs.in"), template!("rust/capture_tests.rs.in")),
        NewRole::Filter => (template!("rust/filter.rs.in"), template!("rust/filter_tests.rs.in")),
        NewRole::Forwarding => (template!("rust/forwarding.rs.in"), template!("rust/forwarding_tests.rs.in")),
        NewRole::Service => (template!("rust/service.rs.in"), template!("rust/service_tests.rs.in")),
    };
    let mut files: Files = [
        ("Cargo.toml", template!("rust/Cargo.toml.in")),
        ("src/lib.rs", library),
        ("src/tests.rs", tests),
        ("README.md", template!("rust/README.md.in")),
        (".gitignore", template!("gitignore.in")),
    ]
    .into_iter()
    .map(|(path, text)| (PathBuf::from(path), filled(text, project)))
    .collect();
    if args.api.is_none() {
        let place = Path::new("vendor/heddle-extension-api");
        files.extend(embedded::FILES.iter().map(|(path, bytes)| (place.join(path), bytes.to_vec())));
    }
    files
}

fn c_files(project: &Project<'_>, args: &NewArgs) -> Files {
    let (source, test) = match args.role {
        NewRole::Capture => (template!("c/capture.c.in"), template!("c/capture_test.c.in")),
        NewRole::Filter => (template!("c/filter.c.in"), template!("c/filter_test.c.in")),
        NewRole::Forwarding => (template!("c/forwarding.c.in"), template!("c/forwarding_test.c.in")),
        NewRole::Service => (template!("c/service.c.in"), template!("c/service_test.c.in")),
    };
    let build = match args.build {
        BuildTool::Make => ("Makefile", template!("c/Makefile.in")),
        BuildTool::Cmake => ("CMakeLists.txt", template!("c/CMakeLists.txt.in")),
    };
    let source_path = format!("src/{}.c", project.crate_name);
    let mut files: Files = [
        build,
        (source_path.as_str(), source),
        ("tests/test.c", test),
        ("README.md", template!("c/README.md.in")),
        (".gitignore", template!("gitignore.in")),
    ]
    .into_iter()
    .map(|(path, text)| (PathBuf::from(path), filled(text, project)))
    .collect();
    let headers = embedded::FILES.iter().filter(|(path, _)| path.starts_with("include/") && path.ends_with(".h"));
    files.extend(headers.map(|(path, bytes)| (PathBuf::from(path), bytes.to_vec())));
    files
}

fn put(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, bytes)
}
