//! Where a switch may be left out it is the only one, and with several the operator is told which there are.

use super::process::Daemon;

#[test]
fn the_only_switch_need_not_be_named() {
    let daemon = Daemon::single();
    daemon.ok("switch create lab");
    daemon.ok("port add lab web --backend memory");
    assert_eq!(daemon.json("switch show")["name"], "lab");
    assert_eq!(daemon.json("fdb show").as_array().unwrap().len(), 1);
    assert_eq!(daemon.json("capture --port web -w c.pcapng --count 1")["frames"], 1);
}

#[test]
fn with_none_or_several_the_refusal_names_them() {
    let daemon = Daemon::single();
    let capture = "capture --port web -w c.pcapng --count 1";
    for line in ["switch show", "fdb show", capture] {
        let outcome = daemon.heddle(&line.split_whitespace().collect::<Vec<_>>());
        let expected = "heddle: there is no switch; create one with `heddle switch create NAME`\n";
        assert_eq!((outcome.code, outcome.stderr.as_str()), (3, expected), "{line}");
    }
    daemon.ok("switch create lab");
    daemon.ok("switch create edge");
    for (line, place) in [("switch show", "as SWITCH"), ("fdb show", "as SWITCH"), (capture, "with --switch")] {
        let outcome = daemon.heddle(&line.split_whitespace().collect::<Vec<_>>());
        let expected = format!("heddle: there are 2 switches: edge, lab; give one of them {place}\n");
        assert_eq!((outcome.code, outcome.stderr), (2, expected), "{line}");
    }
    assert!(!daemon.directory.path().join("c.pcapng").exists(), "no file is left behind");
}
