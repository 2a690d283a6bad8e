//! The commands for vendors: new, inspect, try, keygen, sign, verify. None of them needs a daemon.

use super::process::Outcome;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// `heddle` in a folder, without a daemon anywhere.
fn heddle(folder: &Path, line: &str) -> Outcome {
    let mut command = Command::new(env!("CARGO_BIN_EXE_heddle"));
    command.args(line.split_whitespace()).current_dir(folder).env("HEDDLE_SOCKET", "/nonexistent/socket");
    command.output().unwrap().into()
}

fn ok(folder: &Path, line: &str) -> String {
    let outcome = heddle(folder, line);
    assert_eq!(outcome.code, 0, "heddle {line}: {outcome:?}");
    outcome.stdout
}

fn json(folder: &Path, line: &str) -> serde_json::Value {
    let answer = serde_json::from_str(&ok(folder, &format!("{line} --json"))).unwrap();
    super::schema::check(line, &answer);
    answer
}

fn refused(folder: &Path, line: &str, code: i32, words: &str) {
    let outcome = heddle(folder, line);
    assert_eq!(outcome.code, code, "{line}: {outcome:?}");
    assert!(outcome.stderr.contains(words), "{line}: {outcome:?}");
}

fn run(folder: &Path, program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).current_dir(folder).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?} in {}: {said}", folder.display());
    said
}

fn there(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}

/// A UDP frame of `length` bytes between stations 02:00:00:00:00:SOURCE and DESTINATION.
fn frame(source: u8, destination: u8, length: usize) -> Vec<u8> {
    let mut bytes = vec![2, 0, 0, 0, 0, destination, 2, 0, 0, 0, 0, source, 0x88, 0xb5];
    bytes.resize(length, 0);
    bytes
}

/// A capture file: frames a millisecond apart.
fn pcap(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65_535, 1] {
        file.extend(word.to_le_bytes());
    }
    for (at, frame) in frames.iter().enumerate() {
        let (at, length) = (u32::try_from(at).unwrap(), u32::try_from(frame.len()).unwrap());
        for word in [1_000, at * 1_000, length, length] {
            file.extend(word.to_le_bytes());
        }
        file.extend(frame);
    }
    file
}

/// A compiled filter in C that drops frames longer than `limit`: the project as `heddle extension new` makes it.
fn filter() -> &'static [u8] {
    static BUILT: OnceLock<Vec<u8>> = OnceLock::new();
    BUILT.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        ok(folder.path(), "extension new mirror --role filter --lang c");
        let project = folder.path().join("mirror");
        run(&project, "make", &["-s", "CFLAGS=-O0"]);
        std::fs::read(project.join("build/libmirror.so")).unwrap()
    })
}

/// The files that the examples in the help of these commands speak of.
pub(crate) fn furnish(folder: &Path) {
    static FILES: OnceLock<Vec<(&str, Vec<u8>)>> = OnceLock::new();
    let files = FILES.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for library in ["libmirror.so", "libsigned.so"] {
            std::fs::write(path(library), filter()).unwrap();
        }
        std::fs::write(path("in.pcap"), pcap(&[frame(1, 2, 60), frame(2, 1, 60)])).unwrap();
        ok(folder.path(), "extension keygen --out vendor");
        ok(folder.path(), "extension sign ./libsigned.so --key vendor.key");
        let names = ["libmirror.so", "libsigned.so", "libsigned.so.sig", "in.pcap", "vendor.key", "vendor.pub"];
        names.into_iter().map(|name| (name, std::fs::read(path(name)).unwrap())).collect()
    });
    for (name, bytes) in files {
        std::fs::write(folder.join(name), bytes).unwrap();
    }
}

fn furnished() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    furnish(folder.path());
    folder
}

#[test]
fn a_file_is_inspected_without_running_any_of_its_code() {
    let folder = tempfile::tempdir().unwrap();
    ok(folder.path(), "extension new trap --role filter --lang c --vendor Acme --id com.acme.trap");
    let source = folder.path().join("trap/src/trap.c");
    let mut text = std::fs::read_to_string(&source).unwrap();
    text.push_str("\n__attribute__((constructor)) static void run_at_load(void) { abort(); }\n");
    std::fs::write(&source, text).unwrap();
    run(&folder.path().join("trap"), "make", &["-s", "CFLAGS=-O0"]);
    let seen = json(folder.path(), "extension inspect trap/build/libtrap.so");
    assert_eq!((&seen["id"], &seen["role"]), (&"com.acme.trap".into(), &"filter".into()));
    assert_eq!((&seen["loadable"], &seen["layout"]["fits"]), (&true.into(), &true.into()));
    assert_eq!(seen["signature"]["state"], "none");
    assert_eq!(seen["conformance"]["state"], "none");
    let sum = run(folder.path(), "sha256sum", &["trap/build/libtrap.so"]);
    assert_eq!(seen["sha256"].as_str(), sum.split(' ').next());
    let text = ok(folder.path(), "extension inspect trap/build/libtrap.so");
    assert!(text.contains("\nvendor:       Acme\n") && text.contains("toolchain:    gcc "), "{text}");
    // Trying it is another matter: that runs it.
    std::fs::write(folder.path().join("in.pcap"), pcap(&[])).unwrap();
    assert_ne!(heddle(folder.path(), "extension try trap/build/libtrap.so --pcap in.pcap").code, 0);
}

#[test]
fn interfaces_a_file_names_are_listed_and_a_report_beside_it_is_judged() {
    let folder = furnished();
    let sflow = super::extensions::library("heddle-sflow");
    let seen = json(folder.path(), &format!("extension inspect {}", sflow.display()));
    let named: Vec<&str> = seen["interfaces"].as_array().unwrap().iter().filter_map(|id| id.as_str()).collect();
    assert!(named.contains(&"heddle.sampling/1") && named.contains(&"heddle.drops/1"), "{named:?}");
    let sha256 = json(folder.path(), "extension inspect libmirror.so")["sha256"].clone();
    let report = |sha256: &serde_json::Value, failed: u32| {
        let report = serde_json::json!({ "extension": "com.example.mirror", "sha256": sha256, "abi": "1.4",
            "level": "robustness", "certified": true, "passed": 70, "failed": failed, "skipped": 0,
            "cases": super::trust::cases("robustness", 70) });
        std::fs::write(folder.path().join("libmirror.so.conformance.json"), report.to_string()).unwrap();
        json(folder.path(), "extension inspect libmirror.so")["conformance"].clone()
    };
    assert_eq!(report(&sha256, 0)["state"], "passed");
    assert!(report(&sha256, 2)["reason"].as_str().unwrap().contains("2 cases failed"));
    assert!(report(&"00".into(), 0)["reason"].as_str().unwrap().contains("of another file"));
}

#[test]
fn what_heddled_would_refuse_is_refused_with_its_words() {
    let folder = furnished();
    std::fs::write(folder.path().join("text.so"), "not an ELF").unwrap();
    let half = filter().len() / 2;
    std::fs::write(folder.path().join("half.so"), &filter()[..half]).unwrap();
    for line in ["extension inspect", "extension sign --key vendor.key", "extension try --pcap in.pcap"] {
        refused(folder.path(), &format!("{line} text.so"), 9, "not an ELF file; give a shared object");
        refused(folder.path(), &format!("{line} half.so"), 9, "damaged ELF file");
        refused(folder.path(), &format!("{line} absent.so"), 1, "absent.so");
    }
    assert!(!folder.path().join("text.so.sig").exists());
}

#[test]
fn projects_in_c_of_every_role_build_and_test_themselves() {
    let folder = tempfile::tempdir().unwrap();
    for role in ["capture", "filter", "forwarding", "service"] {
        let made = json(folder.path(), &format!("extension new my-{role} --role {role} --lang c"));
        let project = folder.path().join(format!("my-{role}"));
        run(&project, "make", &["-s", "CFLAGS=-O1 -Werror", "test", "all"]);
        let library = project.join(made["library"].as_str().unwrap());
        let seen = json(folder.path(), &format!("extension inspect {}", library.display()));
        assert_eq!((&seen["role"], &seen["id"]), (&role.into(), &format!("com.example.my-{role}").into()));
        assert_eq!(seen["loadable"], true);
    }
    // The unit test of a project is one: with the extension broken it fails.
    let source = folder.path().join("my-filter/src/my_filter.c");
    let text = std::fs::read_to_string(&source).unwrap();
    std::fs::write(&source, text.replace("> extension->limit", ">= extension->limit")).unwrap();
    let broken =
        Command::new("make").args(["-s", "test"]).current_dir(folder.path().join("my-filter")).output().unwrap();
    let said = String::from_utf8_lossy(&broken.stderr).into_owned();
    assert!(!broken.status.success() && said.contains("expected heddle_test_passed(test, 0)"), "{said}");
}

#[test]
fn a_project_in_rust_has_all_it_is_built_with() {
    let folder = tempfile::tempdir().unwrap();
    let made = json(folder.path(), "extension new packet-mirror --role capture --vendor Acme --id com.acme.mirror");
    assert_eq!(made["next"][0], "cargo test");
    let project = folder.path().join("packet-mirror");
    let manifest = std::fs::read_to_string(project.join("Cargo.toml")).unwrap();
    assert!(manifest.contains("path = \"vendor/heddle-extension-api\"") && !manifest.contains('@'), "{manifest}");
    let library = std::fs::read_to_string(project.join("src/lib.rs")).unwrap();
    assert!(library.contains("id: \"com.acme.mirror\"") && library.contains("vendor: \"Acme\""), "{library}");
    // The very files of the tree, so that what is shipped is what is tested.
    let tree = Path::new(env!("CARGO_MANIFEST_DIR")).join("../extension-api");
    let unpacked = project.join("vendor/heddle-extension-api");
    for file in ["Cargo.toml", "build.rs", "src/lib.rs", "src/abi/packet.rs", "testing/src/switch.rs"] {
        assert_eq!(std::fs::read(unpacked.join(file)).unwrap(), std::fs::read(tree.join(file)).unwrap(), "{file}");
    }
    // With --api nothing is copied.
    let api = tree.canonicalize().unwrap();
    ok(folder.path(), &format!("extension new lean --role filter --api {}", api.display()));
    assert!(!folder.path().join("lean/vendor").exists());
    let manifest = std::fs::read_to_string(folder.path().join("lean/Cargo.toml")).unwrap();
    assert!(manifest.contains(&format!("path = \"{}\"", api.display())), "{manifest}");
}

#[test]
fn a_project_that_makes_no_sense_is_refused_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["Upper", "1st", "a_b", "-a", "a--b", "core", "..", "a/b", &"a".repeat(41)] {
        let outcome = heddle(folder.path(), &format!("extension new --role filter -- {name}"));
        assert_eq!(outcome.code, 5, "{name}: {outcome:?}");
    }
    refused(folder.path(), "extension new x --role filter --id noturi", 5, "is no reverse URI");
    refused(folder.path(), "extension new x --role filter --vendor a\"b", 5, "without quotes");
    refused(folder.path(), "extension new x --role filter --lang c --api /", 5, "--lang rust");
    refused(folder.path(), "extension new x --role filter --api /usr", 5, "has no heddle-extension-api in it");
    refused(folder.path(), "extension new x --role sink", 2, "forwarding");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    std::fs::create_dir(folder.path().join("there")).unwrap();
    refused(folder.path(), "extension new there --role filter", 4, "is there already; give another --dir");
    refused(folder.path(), "extension new x --role filter --dir /proc/none/x", 1, "cannot write /proc/none/x");
}

#[test]
fn a_signed_file_is_verified_and_a_changed_one_is_not() {
    let folder = furnished();
    let at = folder.path();
    let key = json(at, "extension verify libsigned.so --key vendor.pub");
    assert_eq!(key["expected"], true);
    let word = key["key"].as_str().unwrap();
    assert_eq!(json(at, &format!("extension verify libsigned.so --key {word}"))["key"], key["key"]);
    assert!(ok(at, "extension verify libsigned.so").contains("; give --key to check whose it is"));
    assert_eq!(json(at, "extension inspect libsigned.so")["signature"]["state"], "good");

    ok(at, "extension keygen --out other");
    refused(at, "extension verify libsigned.so --key other.pub", 5, "not with ed25519:");
    refused(at, "extension verify libmirror.so --key vendor.pub", 3, "it has no signature");
    refused(at, "extension verify libsigned.so --key ed25519:12", 5, "is no public key");
    refused(at, "extension verify libsigned.so --key in.pcap", 5, "is no public ed25519 key in PEM");
    refused(at, "extension sign libmirror.so --key vendor.pub", 5, "is no secret ed25519 key in PEM");
    refused(at, "extension keygen --out vendor", 4, "vendor.key cannot be written");

    let mut bytes = filter().to_vec();
    bytes.push(0);
    std::fs::write(at.join("libsigned.so"), bytes).unwrap();
    refused(at, "extension verify libsigned.so --key vendor.pub", 5, "it is not the file that was signed");
    assert_eq!(json(at, "extension inspect libsigned.so")["signature"]["state"], "bad");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(at.join("other.key")).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600, "the secret key is its owner's alone");
}

#[test]
fn openssl_makes_keys_for_us_and_believes_our_signatures() {
    if !there("openssl") {
        eprintln!("skipped: openssl_makes_keys_for_us_and_believes_our_signatures: openssl is not installed");
        return;
    }
    let folder = furnished();
    let at = folder.path();
    run(at, "openssl", &["genpkey", "-algorithm", "ed25519", "-out", "its.key"]);
    run(at, "openssl", &["pkey", "-in", "its.key", "-pubout", "-out", "its.pub"]);
    ok(at, "extension sign libmirror.so --key its.key");
    ok(at, "extension verify libmirror.so --key its.pub");
    let text = std::fs::read_to_string(at.join("libmirror.so.sig")).unwrap();
    let digits = text.lines().find_map(|line| line.strip_prefix("signature: ")).unwrap();
    let bytes: Vec<u8> = (0..64).map(|at| u8::from_str_radix(&digits[at * 2..at * 2 + 2], 16).unwrap()).collect();
    std::fs::write(at.join("raw.sig"), bytes).unwrap();
    let check =
        ["pkeyutl", "-verify", "-pubin", "-inkey", "its.pub", "-rawin", "-in", "libmirror.so", "-sigfile", "raw.sig"];
    assert!(run(at, "openssl", &check).contains("Signature Verified Successfully"));
}

#[test]
fn the_fate_of_each_frame_of_a_capture_is_told() {
    let folder = furnished();
    let at = folder.path();
    let frames = [frame(1, 2, 60), frame(2, 1, 60), frame(1, 2, 200), frame(1, 2, 60)];
    std::fs::write(at.join("in.pcap"), pcap(&frames)).unwrap();
    let seen = json(at, "extension try ./libmirror.so --pcap in.pcap --config limit=100 --ports 3 -w out.pcapng");
    let fates = seen["fates"].as_array().unwrap();
    assert_eq!(fates.len(), 4, "{fates:?}");
    let to = |at: usize| {
        let mut ports: Vec<&str> =
            fates[at]["to"].as_array().unwrap().iter().filter_map(|port| port.as_str()).collect();
        ports.sort_unstable();
        ports
    };
    assert_eq!((to(0), to(1), to(2), to(3)), (vec!["port2", "port3"], vec!["port1"], vec![], vec!["port2"]));
    let drop = &fates[2]["drops"][0];
    assert_eq!(
        (&drop["reason"], &drop["text"]),
        (&"com.example.mirror/too-long".into(), &"the frame is longer than the limit".into())
    );
    assert_eq!((&fates[2]["nanoseconds"], &fates[2]["port"]), (&2_000_000.into(), &"port1".into()));
    let count = |key: &str| seen[key].as_u64().unwrap();
    assert_eq!((count("frames"), count("delivered"), count("dropped"), count("changed")), (4, 3, 1, 0));
    assert_eq!(seen["counters"][0], serde_json::json!({ "name": "too-long", "unit": "frames", "value": 1 }));
    assert!(seen["cost"][0].as_f64().unwrap() > 0.0 && seen["cost"][1].is_null(), "{}", seen["cost"]);
    let text = ok(at, "extension try ./libmirror.so --pcap in.pcap --config limit=100 --ports 3");
    assert!(text.contains("dropped: com.example.mirror/too-long (the frame is longer than the limit)\n"), "{text}");
    assert!(text.contains("4 frames: 3 delivered, 0 changed, 1 dropped, 0 held at the end; 0 originated\n"), "{text}");
    // Four deliveries and a drop, with its reason where tools look for it.
    if there("tshark") {
        let shown = run(at, "tshark", &["-r", "out.pcapng", "-T", "fields", "-e", "frame.comment"]);
        assert!(shown.contains("dropped: com.example.mirror/too-long: the frame is longer than the limit"), "{shown}");
    }
    assert!(std::fs::metadata(at.join("out.pcapng")).unwrap().len() > 500);
}

#[test]
fn what_cannot_be_tried_is_refused() {
    let folder = furnished();
    let at = folder.path();
    refused(at, "extension try libmirror.so --pcap libmirror.so", 5, "is not a capture");
    refused(at, "extension try libmirror.so --pcap absent.pcap", 3, "absent.pcap cannot be read");
    refused(at, "extension try libmirror.so --pcap in.pcap --config limit=1", 9, "the only key is limit");
    refused(at, "extension try libmirror.so --pcap in.pcap --ports 1", 2, "2..=64");
    refused(at, "extension try libmirror.so --pcap in.pcap -w /proc/none", 1, "cannot write /proc/none");
}

/// Held frames come out when the extension's own time has come, in the file's time and not in ours.
#[test]
fn held_frames_come_out_in_the_time_of_the_file() {
    let folder = furnished();
    let at = folder.path();
    let holder: PathBuf = super::extensions::library("heddle-test-hold-release");
    let line = format!("extension try {} --pcap in.pcap --config ms=30", holder.display());
    let seen = json(at, &line);
    let fates = seen["fates"].as_array().unwrap();
    let held = |at: usize| fates[at]["held"].as_i64().unwrap();
    assert_eq!((held(0), held(1)), (1, 1), "{fates:?}");
    let late = fates.iter().filter(|fate| fate["frame"].is_null()).collect::<Vec<_>>();
    assert_eq!(late.iter().map(|fate| fate["held"].as_i64().unwrap()).sum::<i64>(), -2, "{late:?}");
    assert!(late.iter().all(|fate| (30_000_000..=50_000_000).contains(&fate["nanoseconds"].as_u64().unwrap())));
    assert_eq!(seen["held"], 0);
}
