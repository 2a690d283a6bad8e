//! Pages of the book that are about the command: what they tell operators to type works, and what they quote is printed.

use super::process::Daemon;

const SFLOW: &str = include_str!("../../../sdk-docs/src/sflow.md");
const JSON: &str = include_str!("../../../sdk-docs/src/json.md");

fn blocks<'a>(page: &'a str, kind: &str) -> Vec<&'a str> {
    let fence = format!("```{kind}\n");
    page.split(fence.as_str()).skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

#[test]
fn the_commands_of_the_page_about_sflow_work() {
    let daemon = Daemon::single();
    daemon.ok("switch create lab");
    let commands: Vec<&str> = blocks(SFLOW, "sh").into_iter().flat_map(str::lines).collect();
    assert!(commands.len() >= 3, "{commands:?}");
    for line in commands {
        // The books of this daemon know it as installed.
        let line = line.replace("target/release/libheddle_sflow.so", "org.heddle.sflow");
        daemon.ok(line.strip_prefix("heddle ").expect("a command of heddle"));
    }
}

#[test]
fn the_error_that_the_page_about_json_quotes_is_printed() {
    let daemon = Daemon::single();
    daemon.ok("switch create lab");
    let outcome = daemon.heddle(&["switch", "show", "lb", "--json"]);
    let printed: serde_json::Value = serde_json::from_str(&outcome.stderr).unwrap();
    let [quoted] = blocks(JSON, "json").try_into().unwrap();
    assert_eq!(serde_json::from_str::<serde_json::Value>(quoted).unwrap(), printed);
}
