//! The checked-in header and layout are what the ABI says, and C and C++ compilers accept the header.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::path::Path;
use std::process::Command;

use heddle_header::source::ItemKind;
use heddle_header::{golden, golden_path, header_path, render_header};

#[test]
fn the_header_is_what_the_abi_says() {
    let checked_in = std::fs::read_to_string(header_path()).unwrap();
    let rendered = render_header().unwrap();
    let differs = checked_in.lines().zip(rendered.lines()).enumerate().find(|(_, (old, new))| old != new);
    assert!(
        checked_in == rendered,
        "{}: first difference {differs:?}; run `cargo run -p heddle-header -- write` and review the diff",
        header_path().display()
    );
}

#[test]
fn the_layout_only_grows() {
    let checked_in = std::fs::read_to_string(golden_path()).unwrap();
    golden::check_growth(&checked_in, &golden::render()).unwrap();
    assert!(
        checked_in == golden::render(),
        "{}: the ABI grew; run `cargo run -p heddle-header -- write` and review the diff",
        golden_path().display()
    );
}

/// Numbers of the format itself, of versions, and of what grows with them.
const NOT_PINNED: [&str; 3] = ["ABI_MAJOR", "ABI_MINOR", "CAPABILITIES_KNOWN"];

#[test]
fn every_number_of_the_abi_is_pinned() {
    let pinned: Vec<String> = heddle_extension_api::abi::CONSTANTS.iter().map(|row| golden::text(&row.owner)).collect();
    for module in heddle_header::modules().unwrap().iter().filter(|module| module.name != "layout") {
        for item in &module.items {
            if let ItemKind::Constant { name, ty, .. } = &item.kind {
                let is_number = !ty.starts_with(['&', '[']);
                let expected = is_number && !NOT_PINNED.contains(&name.as_str());
                assert_eq!(
                    pinned.contains(name),
                    expected,
                    "{name}: list it in `constants!` of extension-api/src/abi.rs"
                );
            }
        }
    }
}

/// Compiles a file that only includes the header and uses its macro.
fn compile(compiler: &str, arguments: &[&str], suffix: &str) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let source = folder.join(format!("include.{suffix}"));
    let text = "#include \"heddle_extension.h\"\n\
                HEDDLE_EXTENSION(HEDDLE_ROLE_FILTER, HEDDLE_CAPABILITY_HOLD, \"org.heddle.c\", \"C\", \"Tests\", \"1\");\n\
                const heddle_extension_v1_t heddle_extension_v1 = {sizeof(heddle_extension_v1_t), 0, 0, 0, 0, 0, 0, 0, \
                0, 0, 0, 0, 0};\n";
    std::fs::write(&source, text).unwrap();
    let include = header_path();
    let output = Command::new(compiler)
        .args(arguments)
        .args(["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fPIC", "-c", "-o"])
        .arg(folder.join(format!("include.{suffix}.o")))
        .arg("-I")
        .arg(include.parent().unwrap())
        .arg(&source)
        .output()
        .unwrap_or_else(|error| panic!("{compiler}: {error}; install gcc and g++"));
    assert!(output.status.success(), "{compiler}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn c_and_cpp_accept_the_header() {
    compile("gcc", &["-std=c11"], "c");
    compile("g++", &["-std=c++11"], "cpp");
}
