//! Files that are no extensions: each is refused in one line that says what it is and what to do, and none does harm.

use super::lab::{Lab, library};
use heddle_host::control::error::{ControlError, ErrorClass};
use heddle_host::control::plane::ControlPlane;
use heddle_host::loader::elf;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Refused by the loader, in one line with the three parts, and nothing stays enabled.
fn refused(lab: &Lab, path: &Path) -> String {
    let error = lab.try_enable(path.to_str().unwrap(), &[]).expect_err("must be refused");
    assert!(matches!(error, ControlError::ExtensionRejected { .. }), "{error:?}");
    assert_eq!(error.class(), ErrorClass::Extension);
    let text = error.to_string();
    assert_eq!(text.lines().count(), 1, "{text}");
    let reason = text.strip_prefix(&format!("extension '{}' was not enabled: ", path.display())).unwrap_or_else(|| {
        panic!("the file is not named: {text}");
    });
    assert_eq!(lab.engine.extensions(Some(&lab.switch)).unwrap(), [], "{text}");
    reason.to_owned()
}

fn file(lab: &Lab, name: &str, bytes: &[u8]) -> PathBuf {
    let path = lab.directory.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn what_is_no_extension_is_refused_by_what_it_is() {
    let lab = Lab::new(1);
    let good = std::fs::read(library("heddle-passthrough")).unwrap();
    let changed = |at: usize, byte: u8| {
        let mut copy = good.clone();
        copy[at] = byte;
        copy
    };
    let no_elf = "not an ELF file; give a shared object (.so)";
    let bytes: [(&str, Vec<u8>, &str); 8] = [
        ("text.so", b"#!/bin/sh\nexit\n".to_vec(), no_elf),
        ("empty.so", Vec::new(), no_elf),
        ("one-byte.so", b"\x7f".to_vec(), no_elf),
        ("arm.so", changed(18, 183), "built for aarch64, this host is x86-64; build it for x86-64"),
        ("32-bit.so", changed(4, 1), "built for 32 bit, this host is x86-64; build it for x86-64"),
        ("big.so", changed(5, 2), "built big-endian, this host is little-endian; build it for this host"),
        ("program.so", changed(16, 2), "an ELF program, not a shared object; build it as a cdylib or with -shared"),
        ("header.so", good[..48].to_vec(), "damaged ELF file: 48 bytes are no ELF header; copy or build it again"),
    ];
    for (name, content, expected) in bytes {
        assert_eq!(refused(&lab, &file(&lab, name, &content)), expected, "{name}");
    }
    let directory = lab.directory.path().join("folder.so");
    std::fs::create_dir(&directory).unwrap();
    let absent = lab.directory.path().join("absent.so");
    // What would be read for ever, and what would be waited for as long.
    let pipe = lab.directory.path().join("pipe.so");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for (path, reason) in [
        (directory, "it is not a regular file"),
        (pipe, "it is not a regular file"),
        (PathBuf::from("/dev/zero"), "it is not a regular file"),
        (absent, "No such file or directory"),
    ] {
        let text = refused(&lab, &path);
        assert!(text.starts_with(&format!("{} cannot be read: {reason}", path.display())), "{text}");
        assert!(text.ends_with("; check the path and its permissions"), "{text}");
    }
    let unknown = lab.try_enable("org.heddle.test.countde", &[]).unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "extension 'org.heddle.test.countde' is not installed, nearest is 'org.heddle.test.counted'; \
         `heddle extension list` shows the ones that are, or give the path of a .so"
    );
}

#[test]
fn a_library_of_another_kind_lacks_the_symbols() {
    let lab = Lab::new(1);
    let found = ["/lib/x86_64-linux-gnu/libc.so.6", "/lib/aarch64-linux-gnu/libc.so.6", "/lib64/libc.so.6"];
    let Some(libc) = found.into_iter().find(|path| Path::new(path).exists()) else { return };
    let text = refused(&lab, Path::new(libc));
    assert!(text.starts_with("symbol `heddle_extension_meta` is missing; it is not a Heddle extension"), "{text}");
}

#[test]
fn a_library_cut_short_anywhere_is_refused_and_never_opened() {
    let lab = Lab::new(1);
    let good = std::fs::read(library("heddle-passthrough")).unwrap();
    assert!(elf::inspect(&good).is_ok());
    let cuts = (0..good.len()).step_by(64);
    let taken: Vec<usize> = cuts.filter(|cut| elf::inspect(&good[..*cut]).is_ok()).collect();
    assert_eq!(taken, [0; 0], "of {} bytes", good.len());
    // The whole way, down to the door of the operator, for some of them.
    for part in 0..16 {
        refused(&lab, &file(&lab, "cut.so", &good[..good.len() * part / 16]));
    }
}

#[test]
fn a_segment_outside_the_file_is_refused_before_it_is_mapped() {
    let lab = Lab::new(1);
    let good = std::fs::read(library("heddle-passthrough")).unwrap();
    let word = |at: usize| u64::from_le_bytes(good[at..at + 8].try_into().unwrap());
    let half = |at: usize| usize::from(u16::from_le_bytes(good[at..at + 2].try_into().unwrap()));
    let (table, size, count) = (usize::try_from(word(32)).unwrap(), half(54), half(56));
    let mut tried = 0;
    for segment in (0..count).map(|nth| table + nth * size).filter(|at| good[*at] == 1) {
        // Its place in the file, and its length there and in memory.
        for field in [8, 32] {
            let mut bad = good.clone();
            let far = (good.len() as u64 + 0x10_0000) & !0xfff | word(segment + field) & 0xfff;
            bad[segment + field..segment + field + 8].copy_from_slice(&far.to_le_bytes());
            if field == 32 {
                bad[segment + 40..segment + 48].copy_from_slice(&far.to_le_bytes());
            }
            let text = refused(&lab, &file(&lab, "far.so", &bad));
            assert!(text.starts_with("damaged ELF file: "), "{text}");
            tried += 1;
        }
    }
    assert!(tried >= 4, "{tried} segments");
}

/// Each file of `tests/abi/mutants` and what its refusal must contain.
#[test]
fn every_mutant_gives_its_own_line() {
    let lab = Lab::new(1);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/abi/mutants");
    let out = lab.directory.path().join("mutants");
    let built = Command::new(folder.join("build.sh")).arg(&out).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let expected = std::fs::read_to_string(folder.join("expected.txt")).unwrap();
    let mut wrong = Vec::new();
    let mut seen = Vec::new();
    for line in expected.lines().map(|line| line.split('#').next().unwrap_or("")).filter(|line| !line.trim().is_empty())
    {
        let (name, words) = line.split_once(char::is_whitespace).unwrap();
        let path = out.join(name);
        if words.trim() == "LOADS" {
            let view = lab.enable(path.to_str().unwrap(), &[]);
            lab.disable(&view.id);
            continue;
        }
        let text = refused(&lab, &path);
        if !text.contains(words.trim()) {
            wrong.push(format!("{name}: expected {:?}, got {text:?}", words.trim()));
        }
        seen.push((text, name.to_owned()));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen.len() > 30, "{} mutants", seen.len());
}
