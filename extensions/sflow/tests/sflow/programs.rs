//! Other people's programs over a capture of the datagrams: each must read what [`walk`] does, record for record.
//!
//! What each may judge: sflowtool every field of every record; sfcapd with nfdump and sfacctd every flow sample, as they
//! keep nothing else; tcpdump the structure of all samples it knows, as it skips the others by their length; tshark 4.0
//! nothing behind a record it does not know (a port name, a machine's parent), after which it loses its place, so it is
//! asked about what comes before. A program that is not installed is left out and says so; sflowtool is not in Debian.

use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::walker::{walk, Datagram};
use crate::workload::random_work;

mod collectors;
mod sflowtool;
mod tcpdump;
mod tshark;

/// A capture (libpcap format, Ethernet) with each datagram on its way to port 6343.
fn capture(name: &str, datagrams: &[Vec<u8>]) -> PathBuf {
    let mut file = Vec::new();
    for word in [0xA1B2_C3D4, 0x0002_0004, 0, 0, 65_535, 1] {
        file.extend(u32::to_be_bytes(word));
    }
    for (datagram, second) in datagrams.iter().zip(1_u32..) {
        let udp = u16::try_from(datagram.len() + 8).unwrap();
        let length = u32::from(udp) + 34;
        for word in [second, 0, length, length] {
            file.extend(word.to_be_bytes());
        }
        file.extend([2, 0, 0, 0, 0, 9, 2, 0, 0, 0, 0, 1, 8, 0]);
        file.extend([0x45, 0]);
        file.extend((udp + 20).to_be_bytes());
        file.extend([0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 9]);
        for half in [40_000, 6_343, udp, 0] {
            file.extend(u16::to_be_bytes(half));
        }
        file.extend(datagram);
    }
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, file).unwrap();
    path
}

/// What the program prints; `None`, with a line that says so, when it is not installed.
fn run(program: &str, arguments: &[&str], capture: &Path) -> Option<String> {
    let mut command = Command::new(program);
    match command.args(arguments).arg(capture).env("TZ", "UTC").output() {
        Ok(output) => {
            assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
            Some(String::from_utf8_lossy(&output.stdout).into_owned())
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            left_out(program);
            None
        }
        Err(error) => panic!("{program}: {error}"),
    }
}

/// Notes a program that is not there: on the output, and in the ledger of `make test`.
fn left_out(program: &str) {
    println!("SKIP: {program} is not installed");
    if let Some(ledger) = std::env::var_os("HEDDLE_LEDGER") {
        let line = format!("sflow judged by {program}: it is not installed; install it to have it judge\n");
        let file = std::fs::OpenOptions::new().append(true).create(true).open(ledger);
        file.and_then(|mut file| file.write_all(line.as_bytes())).unwrap();
    }
}

/// A capture of random work, and the same as the walker reads it.
fn work(name: &str, settings: &str, base: u32, drops: bool) -> (PathBuf, Vec<Datagram>) {
    let datagrams = random_work(77, settings, base, drops);
    let walked = datagrams.iter().map(|datagram| walk(datagram)).collect();
    (capture(name, &datagrams), walked)
}
