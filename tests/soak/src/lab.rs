//! The real daemon and the real command, on a socket of their own.

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The switches.
pub(crate) const SWITCHES: [&str; 2] = ["north", "south"];
/// Ports of each.
pub(crate) const PORTS: u16 = 128;
/// Frames a second of each port, far more than the workers take.
const RATE: u32 = 40_000;
/// Stations behind each port.
const FLOWS: u16 = 32;
/// Sizes in turn, FCS counted.
const SIZES: [u16; 5] = [64, 128, 512, 1518, 9018];

/// A daemon with its directory. Dropping it ends the daemon.
pub(crate) struct Lab {
    directory: tempfile::TempDir,
    programs: PathBuf,
    daemon: Child,
}

impl Lab {
    pub(crate) fn start() -> Result<Lab> {
        let directory = tempfile::tempdir()?;
        let own = std::env::current_exe()?;
        let programs = own.parent().context("this program lies in no directory")?.to_owned();
        let log = std::fs::File::create(directory.path().join("log"))?;
        let daemon = Command::new(programs.join("heddled"))
            .arg("--socket")
            .arg(directory.path().join("heddled.sock"))
            .arg("--state-dir")
            .arg(directory.path().join("state"))
            .arg("--extension-dir")
            .arg(&programs)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .context("heddled beside this program")?;
        let lab = Lab { directory, programs, daemon };
        let deadline = Instant::now() + Duration::from_secs(20);
        while lab.ask("daemon status").is_err() {
            ensure!(Instant::now() < deadline, "heddled does not answer: {}", lab.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(lab)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    /// Runs `heddle` with a line split at blanks.
    pub(crate) fn run(&self, line: &str) -> Result<String> {
        let output = Command::new(self.programs.join("heddle"))
            .args(line.split_whitespace())
            .env("HEDDLE_SOCKET", self.directory.path().join("heddled.sock"))
            .output()?;
        if !output.status.success() {
            bail!("heddle {line}: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    /// The same with `--json`.
    pub(crate) fn ask(&self, line: &str) -> Result<Value> {
        Ok(serde_json::from_str(&self.run(&format!("{line} --json"))?)?)
    }

    /// Both switches with their ports and extensions.
    pub(crate) fn furnish(&self) -> Result<()> {
        for switch in SWITCHES {
            self.run(&format!("switch create {switch} --ageing 10"))?;
            for port in 0..PORTS {
                self.add_port(switch, port)?;
            }
            for extension in ["heddle_sflow", "heddle_passthrough", "heddle_test_hold_release"] {
                self.enable(switch, extension)?;
            }
        }
        Ok(())
    }

    /// Port n talks to its neighbour; every second pair is a VLAN of its own.
    pub(crate) fn add_port(&self, switch: &str, port: u16) -> Result<()> {
        let (neighbour, pair) = (port ^ 1, port / 2);
        let size = SIZES[usize::from(pair) % SIZES.len()];
        let vlan = if pair % 2 == 1 { format!("--vlan-mode access --vlan {}", 100 + pair) } else { String::new() };
        let source = format!("source:{RATE}:{size}:{FLOWS}:{port}:{neighbour}");
        self.run(&format!("port add {switch} p{port} --backend memory --device {source} --mtu 9000 {vlan}"))?;
        Ok(())
    }

    pub(crate) fn enable(&self, switch: &str, library: &str) -> Result<()> {
        let path = self.programs.join(format!("lib{library}.so"));
        // Nobody listens: what the agent sends is answered with ICMP, as at a collector that is down.
        let config =
            if library == "heddle_sflow" { "--config collector=127.0.0.1:9 --config sampling=1000" } else { "" };
        self.run(&format!("extension enable {switch} {} {config}", path.display()))?;
        Ok(())
    }

    /// Frames both switches took in.
    pub(crate) fn frames(&self) -> Result<u64> {
        let mut frames = 0;
        for switch in SWITCHES {
            let shown = self.ask(&format!("switch show {switch}"))?;
            frames += shown["law"]["rx"].as_u64().context("rx")?;
        }
        Ok(frames)
    }

    /// The processes: supervisor, then switch process.
    pub(crate) fn processes(&self) -> Result<[u64; 2]> {
        let status = self.ask("daemon status")?;
        ensure!(status["restarts"] == 0, "the switch process died: {}", self.log());
        Ok([self.daemon.id().into(), status["pid"].as_u64().context("pid")?])
    }

    /// Ends the traffic and demands that every frame is accounted for.
    pub(crate) fn rest(&self) -> Result<()> {
        for switch in SWITCHES {
            for port in 0..PORTS {
                self.run(&format!("port remove {switch} p{port}"))?;
            }
            let law = self.ask(&format!("switch show {switch}"))?["law"].clone();
            ensure!(law["balance"] == 0 && law["held"] == 0, "{switch} at rest: {law}");
        }
        println!("soak.balance 0 frames");
        Ok(())
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // SIGTERM, so that the supervisor takes its child along.
        let _ = Command::new("kill").arg(self.daemon.id().to_string()).status();
        let deadline = Instant::now() + Duration::from_secs(4);
        while Instant::now() < deadline && self.daemon.try_wait().is_ok_and(|status| status.is_none()) {
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}
