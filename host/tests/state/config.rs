//! Configuration files: every complaint has its place, every unknown key its nearest, and the schema is the published one.

use heddle_host::config::{self, Complaint};
use proptest::prelude::*;
use serde_json::Value;

const WHOLE: &str = include_str!("whole.toml");

fn complaints(text: &str) -> Vec<Complaint> {
    config::parse(text).expect_err("a complaint")
}

/// `LINE:COLUMN: message` of each complaint.
fn told(text: &str) -> Vec<String> {
    complaints(text).iter().map(|one| format!("{}:{}: {}", one.line, one.column, one.message)).collect()
}

/// The only complaint.
fn one(text: &str) -> String {
    let told = told(text);
    assert_eq!(told.len(), 1, "{told:?}");
    told.into_iter().next().unwrap()
}

#[test]
fn a_file_with_every_key_is_taken_and_every_key_of_the_schema_is_in_it() {
    let state = config::parse(WHOLE).expect("a configuration");
    assert_eq!(state.summary(), "1 switch, 3 ports, 2 extensions");
    let keys = keys_of_the_schema();
    assert!(keys.len() >= 20, "{keys:?}");
    for (_, key) in keys {
        let written =
            WHOLE.lines().any(|line| line.contains(&format!("{key} =")) || line.ends_with(&format!("{key}]]")));
        assert!(written, "{key} is not in whole.toml");
    }
}

/// Every table of the schema with each of its keys.
fn keys_of_the_schema() -> Vec<(String, String)> {
    let schema = config::schema();
    let mut keys = Vec::new();
    let mut add = |table: &str, node: &Value| {
        keys.extend(node["properties"].as_object().unwrap().keys().map(|key| (table.to_owned(), key.clone())));
    };
    add("", &schema);
    for table in ["SwitchRecord", "PortRecord", "ExtensionRecord"] {
        add(table, &schema["$defs"][table]);
    }
    keys
}

/// A line for a key as it may be mistyped, in the table it belongs to; also the number of that line.
fn mistyped(table: &str, key: &str, nth: usize) -> (String, usize) {
    let line = match nth % 4 {
        0 => format!("{key}{} = 1", key.chars().last().unwrap()),
        1 => format!("{}x{} = 1", &key[..1], &key[1..]),
        2 => format!("{} = 1", key.to_uppercase()),
        _ => format!("{key}s = 1"),
    };
    let (before, after) = match table {
        "" => ("# a comment\n\n", ""),
        "SwitchRecord" => ("\n[[switch]]\nname = \"lab\"\n", ""),
        "PortRecord" => ("[[switch]]\nname = \"lab\"\n[[switch.port]]\nname = \"p\"\n", "backend = \"memory\"\n"),
        _ => ("[[switch]]\nname = \"lab\"\n[[switch.extension]]\n", "extension = \"a.b\"\n"),
    };
    (format!("{before}{line}\n{after}"), before.lines().count() + 1)
}

proptest! {
    #[test]
    fn a_typo_in_any_key_names_the_line_and_the_nearest_valid_key(
        (table, key) in proptest::sample::select(keys_of_the_schema()),
        nth in 0usize..4,
    ) {
        let (text, line) = mistyped(&table, &key, nth);
        let told = complaints(&text);
        prop_assert_eq!(told.len(), 1);
        prop_assert_eq!((told[0].line, told[0].column), (line, 1));
        let expected = format!("nearest is '{key}'; the keys are ");
        prop_assert!(told[0].message.starts_with("unknown key '") && told[0].message.contains(&expected), "{:?}", told);
    }
}

#[test]
fn values_are_refused_where_they_stand_with_the_sentence_of_the_command_line() {
    let port = "[[switch]]\nname = \"lab\"\n\n[[switch.port]]\nname = \"web\"\nbackend = \"memory\"\n";
    let with = |line: &str| one(&format!("{port}{line}\n"));
    assert_eq!(with("mtu = 67"), "7:7: mtu '67' is out of range; give 68 to 65535 bytes");
    assert_eq!(with("  admin = \"dwon\""), "7:11: admin 'dwon' is not known; use one of: up, down");
    assert!(with("mac = \"ff:ff:ff:ff:ff:ff\"").starts_with("7:7: mac 'ff:ff:ff:ff:ff:ff' is a group address"));
    assert_eq!(with("mtu = \"1500\""), "7:7: 'mtu' is text; write a whole number from 68 to 65535, without quotes");
    assert_eq!(
        with("mtu = -1"),
        "7:7: mtu '-1' is out of range; write a whole number from 68 to 65535, without quotes"
    );
    assert_eq!(
        with("vlan = 5"),
        "7:1: vlan '5' does not apply in vlan_mode untagged; leave it out or give vlan_mode = \"access\""
    );
    let missing = "7:1: vlan_mode 'access' needs a VLAN; add vlan = ID with an ID from 1 to 4094";
    assert_eq!(with("vlan_mode = \"access\""), missing);
    let missing = "7:1: vlan_mode 'trunk' needs the VLANs it carries; add allowed, for example 1-100";
    assert_eq!(with("vlan_mode = \"trunk\""), missing);
    assert!(with("device = \"eth0\"").starts_with("7:1: device 'eth0' is no far side of a memory port"));
    assert!(with("mtu = ").starts_with("7:7: "), "{}", with("mtu = "));
    let nameless = "1:1: 'switch' has no 'name'; add name = \"…\" (Its name, unique on this host)";
    assert_eq!(one("[[switch]]\nworkers = 2\n"), nameless);
    let device = "[[switch]]\nname = \"a\"\n[[switch.port]]\nname = \"p\"\nbackend = \"packet\"\n";
    assert_eq!(one(device), "5:1: backend 'packet' needs a network device; add device = \"IFNAME\"");
}

#[test]
fn kinds_of_values_are_told_in_the_words_of_files() {
    let kinds = [
        ("[switch]\nname = \"a\"\n", "1:1: 'switch' is one table; begin each with [[switch]]"),
        (
            "[[switch]]\nname = \"a\"\n[switch.port]\nname = \"p\"\n",
            "3:1: 'port' is one table; begin each with [[switch.port]]",
        ),
        (
            "[[switch]]\nname = \"a\"\nworkers = \"2\"\n",
            "3:11: 'workers' is text; write a whole number from 1 to 64, without quotes",
        ),
        ("[[switch]]\nname = 5\n", "2:8: 'name' is a whole number; write text, in quotes"),
        (
            "[[switch]]\nname = \"a\"\ntype = true\n",
            "3:8: 'type' is true or false; write one of, in quotes: external, internal, private",
        ),
        ("switch = \"lab\"\n", "1:10: 'switch' is text; write a table under [[switch]] for each"),
        (
            "[[switch]]\nname = \"a\"\n[[switch.extension]]\nextension = \"a.b\"\nconfig = \"k=v\"\n",
            "5:10: 'config' is text; write a table: { key = \"value\" }, or a section [switch.extension.config]",
        ),
        (
            "[[switch]]\nname = \"a\"\n[[switch.extension]]\nextension = \"a.b\"\nconfig = { k = [1] }\n",
            "5:16: 'k' is a list; write text in quotes, a number, true or false",
        ),
    ];
    for (text, said) in kinds {
        assert_eq!(one(text), said);
    }
    let negative = "[[switch]]\nname = \"a\"\n[[switch.extension]]\nextension = \"a.b\"\nconfig = { k = -1 }\n";
    assert!(config::parse(negative).is_ok());
}

#[test]
fn a_file_that_says_nothing_is_refused_unless_it_says_so() {
    for text in ["", "\n", "# [[switch]]\n# name = \"lab\"\n"] {
        let said =
            "1:1: the file says nothing, which would remove every stored switch; write `switch = []` if that is meant";
        assert_eq!(one(text), said);
    }
    assert!(config::parse("switch = []\n").unwrap().switches.is_empty());
}

#[test]
fn what_is_no_text_has_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("latin.toml");
    std::fs::write(&file, b"[[switch]]\nname = \"B\xfcro\"\n").unwrap();
    let said = config::read(&file).unwrap_err().to_string();
    assert!(said.starts_with(&format!("{}:2:10: what stands here is not UTF-8; ", file.display())), "{said}");
}

#[test]
fn what_must_fit_together_is_judged_over_the_whole_file() {
    let text = r#"
[[switch]]
name = "lab"
[[switch.port]]
name = "a"
backend = "packet"
device = "eth0"
kind = "external"
[[switch.port]]
name = "a"
backend = "tap"
device = "eth0"
mac = "02:00:00:00:00:01"
[[switch.extension]]
extension = "x/y.so"
[[switch]]
name = "lab"
type = "external"
[[switch.port]]
name = "b"
backend = "tap"
kind = "external"
[[switch.port]]
name = "c"
backend = "tap"
kind = "external"
"#;
    let expected = [
        "8:1: kind 'external' has no place on a switch of type internal; use another kind or another type",
        "10:1: port 'a' is given twice; give each port of a switch another name",
        "12:1: device 'eth0' is given twice; a device carries one port",
        "15:1: extension 'x/y.so' is not an absolute path; give the path from the root, beginning with '/'",
        "17:1: switch 'lab' is given twice; give each switch another name",
        "26:1: port 'b' is the external port already; a switch has one",
    ];
    assert_eq!(told(text), expected);
}

#[test]
fn all_unknown_keys_are_told_at_once() {
    let told =
        told("swich = 1\n[[switch]]\nname = \"lab\"\nworker = 1\n[[switch.port]]\nname = \"p\"\nbackent = \"tap\"\n");
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(
        told[2].starts_with("7:1: unknown key 'backent' of 'port', nearest is 'backend'; the keys are admin, allowed")
    );
}

#[test]
fn the_published_schema_is_the_one_of_the_types() {
    let published = include_str!("../../../sdk-docs/src/config.schema.json");
    let expected = format!("{:#}\n", config::schema());
    assert_eq!(published, expected, "write it with `heddled --config-schema > sdk-docs/src/config.schema.json`");
}

#[test]
fn the_examples_of_the_book_are_taken() {
    let book = include_str!("../../../sdk-docs/src/configuration.md");
    let examples: Vec<&str> = book.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(!examples.is_empty());
    for example in examples {
        config::parse(example).unwrap_or_else(|complaints| panic!("{complaints:?} in\n{example}"));
    }
}

#[test]
fn keys_of_extensions_are_told_where_they_stand() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("heddled.toml");
    let text = "[[switch]]\nname = \"lab\"\n[[switch.extension]]\nextension = \"org.heddle.sflow\"\nconfig = { sampling = 4, colector = \"192.0.2.1\" }\n";
    std::fs::write(&file, text).unwrap();
    let judged = config::judge_extensions(&file, |extension, config| {
        assert_eq!(extension.to_string(), "org.heddle.sflow");
        let wrong = config.iter().filter(|(key, _)| *key == "colector");
        wrong.map(|(key, _)| (key.to_owned(), format!("'{key}' is none"))).collect()
    });
    assert_eq!(judged.unwrap_err().to_string(), format!("{}:5:26: 'colector' is none", file.display()));
    assert!(config::judge_extensions(&file, |_, _| Vec::new()).is_ok());
}
