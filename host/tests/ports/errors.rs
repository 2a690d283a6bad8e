//! What an operator reads when a port cannot be opened: the thing, the reason and the fix.

use heddle_host::ports::{self, OpenSpec};

pub(crate) fn error_of(spec: &OpenSpec) -> String {
    ports::open(spec).err().expect("must not open").to_string()
}

#[test]
fn backends_are_listed_sorted_and_an_unknown_one_is_answered_with_the_list() {
    let names: Vec<_> = ports::backends().iter().map(|entry| entry.name).collect();
    assert!(names.is_sorted() && names.contains(&"memory") && names.contains(&"tap"), "{names:?}");
    let error = error_of(&OpenSpec::new("lab/p", "warp", ""));
    assert_eq!(error, format!("backend `warp` does not exist; use one of {}", names.join(", ")));
}

#[test]
fn impossible_queue_counts_are_refused() {
    for queues in [0, 65] {
        let error = error_of(&OpenSpec { queues, ..OpenSpec::new("lab/p", "memory", "") });
        assert_eq!(error, format!("port `lab/p`: {queues} queues are not possible; use 1 to 64"));
    }
}

#[test]
fn wrong_device_strings_name_what_is_allowed() {
    for (backend, device, fix) in [
        ("memory", "hole", "use sink"),
        ("memory", "loop:", "loop:NAME"),
        ("memory", "source:1:9999:1", "SIZE must be"),
        ("tap", "a/b", "1 to 15 bytes"),
        ("tap", "a-name-that-is-too-long", "1 to 15 bytes"),
    ] {
        let error = error_of(&OpenSpec::new("lab/p", backend, device));
        assert!(error.contains(device) && error.contains(backend) && error.contains(fix), "{error}");
    }
}
