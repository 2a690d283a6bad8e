//! Settings: defaults, every key, and what a refusal says.

use heddle_extension_api::{Config as Lines, ConfigError};

use super::{Config, COLLECTORS_MAX, KEYS};

fn parse(text: &str) -> Result<Config, ConfigError> {
    Config::try_from(&Lines::new(text)?)
}

fn refusal(text: &str) -> String {
    match parse(text) {
        Ok(config) => panic!("`{text}` was accepted as {config:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn defaults_are_the_documented_ones() {
    let config = parse("collector=192.0.2.1").unwrap();
    let shown = "collector=192.0.2.1:6343 sampling=400 polling=30 header=128 drops=0 agent=127.0.0.1 sub_agent=0 \
                 host=on machines=on vlans=off";
    assert_eq!(config.to_string(), shown);
}

#[test]
fn what_is_shown_is_read_again_as_the_same() {
    let text = "# to the lab\ncollector = [2001:db8::1]:9999, 192.0.2.7\r\n\nsampling=5\nsampling=1\npolling=0\n\
                header=256\ndrops=50\nagent=2001:db8::2\nsub_agent=7\nhost=off\nmachines=off\nvlans=on\nsampling.vm.1=10\n\
                header.vm.1=64\nsampling.up=0\n";
    let config = parse(text).unwrap();
    let shown = "collector=[2001:db8::1]:9999,192.0.2.7:6343 sampling=1 polling=0 header=256 drops=50 \
                 agent=2001:db8::2 sub_agent=7 host=off machines=off vlans=on sampling.up=0 sampling.vm.1=10 header.vm.1=64";
    assert_eq!(config.to_string(), shown);
    assert_eq!(parse(&shown.replace(' ', "\n")).unwrap(), config);
    assert_eq!((config.sampling_of("vm.1"), config.header_of("vm.1")), (10, 64));
    assert_eq!((config.sampling_of("up"), config.header_of("up")), (0, 256));
    assert_eq!(config.sampling_of("vm"), 1);
}

#[test]
fn collector_forms() {
    for (text, address) in [
        ("10.0.0.1:1", "10.0.0.1:1"),
        ("[::1]", "[::1]:6343"),
        ("[fe80::1]:7", "[fe80::1]:7"),
        ("255.255.255.255:65535", "255.255.255.255:65535"),
    ] {
        assert_eq!(parse(&format!("collector={text}")).unwrap().collectors[0].to_string(), address);
    }
    for text in
        ["", "::1", "[10.0.0.1]", "10.0.0.1:", "10.0.0.1:0", "10.0.0.1:65536", "0.0.0.0", "[::]", "host", "[::1"]
    {
        let error = refusal(&format!("collector={text}"));
        assert!(error.starts_with(&format!("collector={text}: give ADDR or ADDR:PORT")), "{error}");
    }
    assert!(refusal("collector=10.0.0.1,,10.0.0.2").starts_with("collector=: give ADDR"));
    assert!(refusal("collector=10.0.0.1, 10.0.0.1:6343").ends_with("10.0.0.1:6343 is there twice"));
    let list = |count: usize| (1..=count).map(|host| format!("10.0.0.{host}")).collect::<Vec<_>>().join(",");
    assert_eq!(parse(&format!("collector={}", list(COLLECTORS_MAX))).unwrap().collectors.len(), COLLECTORS_MAX);
    assert!(refusal(&format!("collector={}", list(COLLECTORS_MAX + 1))).ends_with("give at most 8 collectors"));
}

#[test]
fn refusals_name_the_key_the_reason_and_the_fix() {
    assert_eq!(refusal(""), "`collector` is missing; add a line collector=VALUE");
    for (setting, range) in [
        ("header=13", "14 to 256 (bytes)"),
        ("header.vm1=257", "14 to 256 (bytes)"),
        ("sampling=-1", "0 to 1000000000 (frames, 0 = off)"),
        ("sampling.vm1=x", "0 to 1000000000 (frames, 0 = off)"),
        ("polling=86401", "0 to 86400 (seconds, 0 = off)"),
        ("polling=1.5", "0 to 86400 (seconds, 0 = off)"),
        ("drops=10001", "0 to 10000 (frames a second, 0 = off)"),
        ("sub_agent=4294967296", "0 to 4294967295 (a plain number)"),
    ] {
        let expected = format!("{setting}: give a whole number from {range}");
        assert_eq!(refusal(&format!("collector=10.0.0.1\n{setting}")), expected);
    }
    for agent in ["0.0.0.0", "::", "[::1]", "10.0.0.1:1", "x"] {
        let error = refusal(&format!("collector=10.0.0.1\nagent={agent}"));
        assert!(error.contains("an IPv4 or IPv6 address"), "{error}");
    }
    assert_eq!(refusal("collector=10.0.0.1\nhost=yes"), "host=yes: give `on` or `off`");
}

#[test]
fn a_misspelt_key_is_refused_and_the_nearest_one_offered() {
    for (typed, nearest) in [
        ("poling", "polling"),
        ("Collector", "collector"),
        ("collectors", "collector"),
        ("subagent", "sub_agent"),
        ("hdr", "header"),
        ("agnet", "agent"),
        ("drop", "drops"),
        ("smapling.vm1", "sampling.vm1"),
        ("polling.vm1", "sampling.vm1"),
        ("sampling.", "sampling"),
    ] {
        let expected = format!(
            "unknown key `{typed}`; the keys are {}, and sampling.PORT and header.PORT; did you mean `{nearest}`?",
            KEYS.join(", ")
        );
        assert_eq!(refusal(&format!("collector=10.0.0.1\n{typed}=1")), expected);
    }
}
