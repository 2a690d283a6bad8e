//! The policy of a host: what a real heddled lets in, and what it says to the rest.

use super::process::{Daemon, real_command};
use std::path::{Path, PathBuf};

/// A heddled with this policy, an extension directory, and the files of a vendor in its folder.
struct Host {
    daemon: Daemon,
    installed: PathBuf,
}

/// The public key that the vendor's files are signed with, as a word.
fn word(folder: &Path) -> String {
    let mut heddle = std::process::Command::new(env!("CARGO_BIN_EXE_heddle"));
    let output = heddle.args(["extension", "verify", "libsigned.so", "--json"]).current_dir(folder).output().unwrap();
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    answer["key"].as_str().unwrap().to_owned()
}

impl Host {
    fn with(policy: impl Fn(&str) -> String) -> Self {
        let directory = tempfile::tempdir().unwrap();
        super::vendor::furnish(directory.path());
        std::fs::write(directory.path().join("heddled.toml"), policy(&word(directory.path()))).unwrap();
        Self::on(directory)
    }

    fn on(directory: tempfile::TempDir) -> Self {
        let installed = directory.path().join("installed");
        let config = directory.path().join("heddled.toml");
        let options = ["--config", config.to_str().unwrap(), "--extension-dir", installed.to_str().unwrap()];
        let command = real_command(&directory, &options);
        let daemon = Daemon::start_command(directory, command);
        Self { daemon, installed }
    }

    fn folder(&self) -> &Path {
        self.daemon.directory.path()
    }

    fn refused(&self, line: &str, words: &[&str]) {
        let outcome = self.daemon.heddle(&line.split_whitespace().collect::<Vec<_>>());
        assert_eq!(outcome.code, 9, "{line}: {outcome:?}");
        for word in words {
            assert!(outcome.stderr.contains(word), "{line}: {word} in {outcome:?}");
        }
    }

    /// Writes a report about libsigned.so.
    fn report(&self, sha256: &str, level: &str, [passed, failed, skipped]: [u32; 3]) {
        let report = serde_json::json!({ "extension": "com.example.mirror", "sha256": sha256, "abi": "1.4", "level": level,
            "certified": true, "passed": passed, "failed": failed, "skipped": skipped, "cases": cases(level, passed) });
        std::fs::write(self.folder().join("libsigned.so.conformance.json"), report.to_string()).unwrap();
    }

    fn sha256(&self) -> String {
        self.daemon.json("extension inspect libsigned.so")["sha256"].as_str().unwrap().to_owned()
    }
}

/// So many cases that passed, of every level up to one.
pub(super) fn cases(level: &str, passed: u32) -> Vec<serde_json::Value> {
    let levels = ["loads", "role", "state", "control", "offload", "robustness", "performance"];
    let last = levels.iter().position(|known| *known == level).unwrap_or(0);
    let case = |(nth, level): (u32, &&str)| serde_json::json!({ "name": format!("case-{nth}"), "level": level, "outcome": "passed" });
    (0..passed).zip(levels.iter().take(last + 1).cycle()).map(case).collect()
}

fn signature_only(key: &str) -> String {
    format!("[policy]\ntrusted_keys = [\"{key}\"]\nrequire_signature = true\n[[switch]]\nname = \"lab\"\n")
}

#[test]
fn a_file_without_a_trusted_signature_is_refused() {
    let host = Host::with(signature_only);
    for line in ["extension enable lab ./libmirror.so", "extension install ./libmirror.so"] {
        let fix = "sign it with `heddle extension sign`";
        host.refused(
            line,
            &["libmirror.so", "the policy of this host wants a trusted signature", "has no signature", fix],
        );
    }
    assert!(!host.installed.exists(), "nothing is left of what was refused");

    // Tampered with: one more byte, which no other check minds.
    let mut bytes = std::fs::read(host.folder().join("libsigned.so")).unwrap();
    bytes.push(0);
    std::fs::write(host.folder().join("libchanged.so"), bytes).unwrap();
    std::fs::copy(host.folder().join("libsigned.so.sig"), host.folder().join("libchanged.so.sig")).unwrap();
    host.refused("extension enable lab ./libchanged.so", &["not the file that was signed", "fetch both again"]);
    host.refused("extension install ./libchanged.so", &["not the file that was signed"]);

    // Signed by somebody nobody trusts.
    host.daemon.ok("extension keygen --out other");
    host.daemon.ok("extension sign libmirror.so --key other.key");
    host.refused("extension enable lab ./libmirror.so", &["not among its trusted_keys; add the key to [policy]"]);

    let text = host.daemon.ok("extension enable lab ./libsigned.so");
    assert!(text.ends_with("on switch lab: running\n"), "{text}");
}

#[test]
fn signature_and_report_are_installed_with_the_file_and_go_with_it() {
    let host = Host::with(signature_only);
    host.report(&host.sha256(), "robustness", [70, 0, 0]);
    host.daemon.ok("extension install ./libsigned.so");
    let names = || {
        let entries = std::fs::read_dir(&host.installed).unwrap().flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    let all = ["com.example.mirror.so", "com.example.mirror.so.conformance.json", "com.example.mirror.so.sig"];
    assert_eq!(names(), all);
    host.daemon.ok("extension enable lab com.example.mirror");
    host.daemon.ok("extension disable lab com.example.mirror");
    // What was installed is judged again each time.
    std::fs::write(host.installed.join("com.example.mirror.so.sig"), "").unwrap();
    host.refused("extension enable lab com.example.mirror", &["is damaged: it has no line 'heddle-signature'"]);
    host.daemon.ok("extension uninstall com.example.mirror");
    assert_eq!(names(), [""; 0]);
}

#[test]
fn a_file_without_a_conformance_report_is_refused() {
    let host = Host::with(|_| "[policy]\nrequire_conformance = \"control\"\n[[switch]]\nname = \"lab\"\n".to_owned());
    let enable = "extension enable lab ./libsigned.so";
    host.refused(enable, &["wants a conformance report", "libsigned.so.conformance.json", "heddle-conformance run"]);
    let sha256 = host.sha256();
    host.report(&"0".repeat(64), "robustness", [70, 0, 0]);
    host.refused(enable, &["report is of another file, com.example.mirror", &sha256]);
    host.report(&sha256, "robustness", [69, 1, 0]);
    host.refused(enable, &["1 cases failed and 0 were left out"]);
    host.report(&sha256, "robustness", [69, 0, 1]);
    host.refused(enable, &["0 cases failed and 1 were left out"]);
    host.report(&sha256, "role", [20, 0, 0]);
    host.refused(enable, &["is of level role, wanted is control", "--level control"]);
    host.report(&sha256, "perfect", [20, 0, 0]);
    host.refused(enable, &["'perfect' is no conformance level"]);
    let path = host.folder().join("libsigned.so.conformance.json");
    let changed = |change: &dyn Fn(&mut serde_json::Value), words: &[&str]| {
        host.report(&sha256, "robustness", [70, 0, 0]);
        let mut report: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        change(&mut report);
        std::fs::write(&path, report.to_string()).unwrap();
        host.refused(enable, words);
    };
    // What a run of some cases prints, in today's form and in the one before.
    let partial = |report: &mut serde_json::Value| {
        report["level"] = serde_json::Value::Null;
        report["certified"] = false.into();
    };
    changed(&partial, &["of a run of some cases only", "without --only and --quick"]);
    changed(&|report| drop(report.as_object_mut().unwrap().remove("certified")), &["of a run of some cases only"]);
    changed(&|report| report["cases"] = cases("loads", 1).into(), &["it counts 70 cases and lists 1"]);
    changed(&|report| report["cases"] = cases("control", 70).into(), &["no case of level offload"]);
    changed(&|report| report["cases"][3]["outcome"] = "skipped".into(), &["its case case-3 is 'skipped'"]);
    changed(&|report| report["cases"][3]["name"] = "case-4".into(), &["it counts 70 cases and lists"]);
    std::fs::write(host.folder().join("libsigned.so.conformance.json"), "{").unwrap();
    host.refused(enable, &["is no conformance report"]);
    host.report(&sha256, "control", [40, 0, 0]);
    host.daemon.ok(enable);
}

#[test]
fn the_policy_outlives_a_start_without_the_file_and_judges_what_is_brought_back() {
    let host = Host::with(signature_only);
    host.daemon.ok("extension enable lab ./libsigned.so");
    let Host { mut daemon, installed } = host;
    daemon.signal("TERM");
    daemon.wait();
    let directory = std::mem::replace(&mut daemon.directory, tempfile::tempdir().unwrap());
    drop(daemon);
    std::fs::write(directory.path().join("libsigned.so.sig"), "").unwrap();
    let command = real_command(&directory, &["--extension-dir", installed.to_str().unwrap()]);
    let daemon = Daemon::start_command(directory, command);
    let shown = daemon.json("extension show lab com.example.mirror");
    assert_eq!((&shown["enabled"], &shown["running"]), (&true.into(), &false.into()), "{shown}");
    assert!(shown["last_error"].as_str().unwrap().contains("wants a trusted signature"), "{shown}");
    let outcome = daemon.heddle(&["extension", "enable", "lab", "./libmirror.so"]);
    assert!(outcome.code == 9 && outcome.stderr.contains("wants a trusted signature"), "{outcome:?}");
}

#[test]
fn a_policy_that_makes_no_sense_is_told_with_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let told = |text: &str| {
        let path = directory.path().join("heddled.toml");
        std::fs::write(&path, text).unwrap();
        let mut heddled = std::process::Command::new(env!("CARGO_BIN_EXE_heddled"));
        let output = heddled.arg("--check-config").arg(&path).output().unwrap();
        assert!(!output.status.success(), "{text}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let lonely = told("[policy]\nrequire_signature = true\n");
    assert!(lonely.contains("heddled.toml:2:1: a signature is required and no key is trusted"), "{lonely}");
    let level = told("[policy]\nrequire_conformance = \"gold\"\n");
    assert!(level.contains(":2:") && level.contains("'gold' is no conformance level; the levels are loads"), "{level}");
    let key = told("[policy]\ntrusted_keys = [\"ed25519:12\"]\n");
    assert!(key.contains(":2:") && key.contains("'ed25519:12' is no public key"), "{key}");
    let unknown = told("[policy]\nrequire_signatures = true\n");
    assert!(unknown.contains("require_signature"), "{unknown}");
}
