//! The page for operators (`sdk-docs/src/sflow.md`) is true: its settings, examples and counters are those of the code.

use std::path::Path;

use heddle_extension_api::Config as Lines;
use heddle_sflow::config::{Config, COLLECTORS_MAX, KEYS};
use heddle_sflow::tally::COUNTERS;
use heddle_sflow::worker::QUEUE_SAMPLES;

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sdk-docs/src/sflow.md");
    std::fs::read_to_string(path).unwrap()
}

fn parse(text: &str) -> Result<Config, heddle_extension_api::ConfigError> {
    Config::try_from(&Lines::new(text)?)
}

/// The blocks of a kind.
fn blocks<'a>(page: &'a str, kind: &str) -> Vec<&'a str> {
    let fence = format!("```{kind}\n");
    page.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

/// Cells of the rows whose first cell is a key in backquotes, of the table under a heading.
fn rows<'a>(page: &'a str, heading: &str) -> Vec<Vec<&'a str>> {
    let section = page.split(&format!("\n## {heading}\n")).nth(1).unwrap().split("\n## ").next().unwrap();
    let lines = section.lines().filter(|line| line.starts_with("| `"));
    lines.map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

#[test]
fn every_example_is_accepted_as_it_stands() {
    let page = page();
    let examples = blocks(&page, "sflow");
    assert_eq!(examples.len(), 2);
    for example in examples {
        if let Err(error) = parse(example) {
            panic!("{example}: {error}");
        }
    }
}

#[test]
fn every_refusal_is_word_for_word_what_an_operator_reads() {
    let page = page();
    let refusals = blocks(&page, "sflow-refused");
    assert_eq!(refusals.len(), 2);
    for refusal in refusals {
        let (settings, said) = refusal.trim_end().rsplit_once('\n').unwrap();
        assert_eq!(parse(settings).unwrap_err().to_string(), said);
    }
}

#[test]
fn every_key_is_there_with_its_default_and_its_range() {
    let page = page();
    let rows = rows(&page, "Settings");
    let keys: Vec<&str> = rows.iter().map(|row| row[0].trim_matches('`')).collect();
    assert_eq!(keys, KEYS);
    let shown = parse("collector=192.0.2.1").unwrap().to_string();
    for row in &rows {
        let (key, default) = (row[0].trim_matches('`'), row[2]);
        if default != "required" {
            assert!(shown.split(' ').any(|word| word == format!("{key}={default}")), "{key}={default} in {shown}");
        }
        let range = row[3].split(':').next().unwrap();
        if let Some((least, most)) = range.split_once(" to ") {
            for (value, is_taken) in [(least, true), (most, true)] {
                assert_eq!(parse(&format!("collector=192.0.2.1\n{key}={value}")).is_ok(), is_taken, "{key}={value}");
            }
            let beyond = most.parse::<u64>().unwrap() + 1;
            assert!(parse(&format!("collector=192.0.2.1\n{key}={beyond}")).is_err(), "{key}={beyond}");
        }
    }
    assert!(page.contains(&format!("up to {COLLECTORS_MAX} of them")));
    assert!(page.contains("1,024 samples wait") && QUEUE_SAMPLES == 1_024);
}

#[test]
fn every_counter_is_there_with_its_unit() {
    let page = page();
    let rows = rows(&page, "Counters");
    let told: Vec<(&str, &str)> = rows.iter().map(|row| (row[0].trim_matches('`'), row[1])).collect();
    assert_eq!(told[..COUNTERS.len()], COUNTERS);
    let collectors = ["collector1_sent", "collector1_failed", "collector1_dropped"].map(|name| (name, "datagrams"));
    assert_eq!(told[COUNTERS.len()..], collectors);
}
