//! The layout of today is that of every released minor, and more: each frozen table grows into the next, and the last into
//! the one that is compiled.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::path::Path;

use heddle_extension_api::abi::meta::{ABI_MAJOR, ABI_MINOR};
use heddle_header::golden::{check_growth, render};

/// The layout a minor was released with.
fn frozen(minor: u16) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../abi/frozen/{ABI_MAJOR}.{minor}/layout.txt"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}; see the README there", path.display()))
}

#[test]
fn every_minor_grew_into_the_next_and_into_this_one() {
    let today = render();
    let minors: Vec<String> = (0..ABI_MINOR).map(frozen).collect();
    for (minor, layout) in minors.iter().enumerate() {
        assert_eq!(layout.lines().next(), Some(format!("abi {ABI_MAJOR}.{minor}").as_str()));
        let next = minors.get(minor + 1).unwrap_or(&today);
        check_growth(layout, next).unwrap_or_else(|error| panic!("after {ABI_MAJOR}.{minor}: {error:#}"));
        check_growth(layout, &today).unwrap_or_else(|error| panic!("since {ABI_MAJOR}.{minor}: {error:#}"));
    }
}
