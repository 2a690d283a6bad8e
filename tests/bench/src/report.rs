//! Figures: median, smallest and largest of their runs, as lines and as JSON.

use std::path::PathBuf;

use anyhow::{Context, Result};
use serde::Serialize;

/// One figure.
#[derive(Debug, Serialize)]
pub(crate) struct Figure {
    /// Name, dots between its parts.
    pub(crate) name: String,
    /// Median of the runs.
    pub(crate) value: f64,
    /// Unit.
    pub(crate) unit: &'static str,
    /// Smallest run.
    pub(crate) min: f64,
    /// Largest run.
    pub(crate) max: f64,
    /// Number of runs.
    pub(crate) runs: usize,
}

impl Figure {
    /// The figure of these runs.
    pub(crate) fn of(name: impl Into<String>, unit: &'static str, runs: &[f64]) -> Figure {
        let mut sorted = runs.to_vec();
        sorted.sort_by(f64::total_cmp);
        let round = |value: Option<&f64>| (value.copied().unwrap_or(0.0) * 1_000.0).round() / 1_000.0;
        Figure {
            name: name.into(),
            value: (median(&mut sorted) * 1_000.0).round() / 1_000.0,
            unit,
            min: round(sorted.first()),
            max: round(sorted.last()),
            runs: sorted.len(),
        }
    }

    /// `name value unit`, then the spread for the reader.
    pub(crate) fn line(&self) -> String {
        let digits = if self.value.fract() == 0.0 && self.runs == 1 { 0 } else { 1 };
        let Figure { name, value, unit, min, max, runs } = self;
        if *runs == 1 {
            return format!("{name} {value:.digits$} {unit}");
        }
        format!("{name} {value:.digits$} {unit}   [{min:.1} .. {max:.1}] of {runs}")
    }
}

/// The middle value; sorts.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

/// Where this program writes.
pub(crate) fn folder() -> Result<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target"), PathBuf::from);
    let folder = target.join("bench");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    Ok(folder)
}

/// Writes all figures; the path.
pub(crate) fn write(figures: &[Figure]) -> Result<PathBuf> {
    let path = folder()?.join("results.json");
    let text = serde_json::to_string_pretty(figures)? + "\n";
    std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}
