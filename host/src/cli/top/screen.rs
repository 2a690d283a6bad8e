//! Rates as text: tables of ports, stages, extensions and drops, cut to the terminal when there is one.

use super::rates::{ExtensionRates, PortRates, StageRates, SwitchRates};
use crate::cli::render::Column::{Number, Text};
use crate::cli::render::{plain, table};
use std::fmt::Write as _;

/// All switches.
pub(in crate::cli) fn text(switches: &[SwitchRates]) -> String {
    if switches.is_empty() {
        return "no switches\n".to_owned();
    }
    switches.iter().map(switch).collect::<Vec<_>>().join("\n")
}

/// The first lines that fit, each ended so that nothing of the picture before stays.
pub(in crate::cli) fn picture(text: &str, lines: usize) -> String {
    let mut picture = String::from("\x1b[H");
    for line in text.lines().take(lines.saturating_sub(1)) {
        let _ = write!(picture, "{line}\x1b[K\r\n");
    }
    picture.push_str("\x1b[J");
    picture
}

fn switch(rates: &SwitchRates) -> String {
    let mut text = format!("switch {}, over {:.1} s\n", plain(&rates.switch), rates.seconds);
    let mut ports: Vec<&PortRates> = rates.ports.iter().collect();
    ports.sort_by(|a, b| (b.rx_bps + b.tx_bps).total_cmp(&(a.rx_bps + a.tx_bps)));
    let columns = [
        Text("PORT"),
        Number("RX PPS"),
        Number("RX BPS"),
        Number("TX PPS"),
        Number("TX BPS"),
        Number("RX DROPS"),
        Number("TX DROPS"),
        Number("MISSED"),
    ];
    text.push_str(&table(&columns, ports.into_iter().map(port).collect(), "no ports"));
    let columns = [Text("LEG"), Text("STAGE"), Number("PPS"), Number("CYCLES/PACKET")];
    text.push_str(&table(&columns, rates.stages.iter().map(stage).collect(), "no stages"));
    if !rates.extensions.is_empty() {
        let columns = [
            Text("EXTENSION"),
            Number("PPS"),
            Number("DROPS"),
            Number("FAILURES"),
            Number("CYCLES/PACKET"),
            Text("COUNTERS"),
        ];
        text.push_str(&table(&columns, rates.extensions.iter().map(extension).collect(), ""));
    }
    if !rates.drops.is_empty() {
        let row = |drop: &super::rates::DropRate| vec![drop.reason.clone(), scaled(drop.pps)];
        text.push_str(&table(&[Text("DROP REASON"), Number("PPS")], rates.drops.iter().map(row).collect(), ""));
    }
    text
}

fn port(rates: &PortRates) -> Vec<String> {
    let figures = [
        rates.rx_pps,
        rates.rx_bps,
        rates.tx_pps,
        rates.tx_bps,
        rates.rx_dropped_pps,
        rates.tx_dropped_pps,
        rates.rx_missed_pps,
    ];
    std::iter::once(rates.port.clone()).chain(figures.map(scaled)).collect()
}

fn stage(rates: &StageRates) -> Vec<String> {
    vec![
        rates.leg.to_string(),
        rates.stage.clone(),
        rates.pps.map_or_else(|| "-".to_owned(), scaled),
        cycles(rates.cycles_per_packet),
    ]
}

fn extension(rates: &ExtensionRates) -> Vec<String> {
    let counters = rates.counters.iter().filter(|counter| counter.per_second > 0.0);
    let counters: Vec<String> =
        counters.map(|counter| format!("{} {}/s", counter.name, scaled(counter.per_second))).collect();
    vec![
        rates.id.clone(),
        scaled(rates.pps),
        scaled(rates.dropped_pps),
        scaled(rates.failures_per_second),
        cycles(rates.cycles_per_packet),
        if counters.is_empty() { "-".to_owned() } else { counters.join(", ") },
    ]
}

fn cycles(mean: Option<f64>) -> String {
    mean.map_or_else(|| "-".to_owned(), |mean| format!("{mean:.1}"))
}

/// A rate with three digits and a decimal prefix.
fn scaled(rate: f64) -> String {
    let prefixes = ["", "k", "M", "G", "T"];
    let mut rate = rate;
    for prefix in prefixes {
        if rate < 999.5 {
            let digits = if prefix.is_empty() || rate >= 99.95 { 0 } else { 1 };
            return format!("{rate:.digits$}{prefix}");
        }
        rate /= 1000.0;
    }
    format!("{rate:.0}P")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_three_digits() {
        let shown: Vec<String> =
            [0.0, 0.4, 7.0, 999.0, 1000.0, 1_234.0, 99_960.0, 812_345.0, 1.234e9, 9e12].map(scaled).into();
        assert_eq!(shown, ["0", "0", "7", "999", "1.0k", "1.2k", "100k", "812k", "1.2G", "9.0T"]);
    }

    #[test]
    fn a_picture_fits_the_terminal_and_wipes_the_one_before() {
        assert_eq!(picture("a\nb\nc\n", 3), "\x1b[Ha\x1b[K\r\nb\x1b[K\r\n\x1b[J");
    }
}
