//! Configurations of extensions, judged by what these publish, without a switch.

use std::path::PathBuf;
use std::sync::Arc;

use super::catalog::Catalog;
use super::live::Source;
use crate::control::model::{ExtensionConfig, ExtensionRef, Isolation};
use crate::loader::Library;
use crate::trust::Policy;

/// The keys of a configuration that an extension does not have, or values that are none, each with a sentence.
pub(super) fn objections(
    library: &Library,
    extension: &ExtensionRef,
    config: &ExtensionConfig,
) -> Vec<(String, String)> {
    let Some(settings) = library.settings() else { return Vec::new() };
    let wrong = |(key, value): (&str, &str)| {
        let error = settings.check(key, value).err()?;
        Some((key.to_owned(), format!("extension '{extension}': {error}")))
    };
    config.iter().filter_map(wrong).collect()
}

/// The same of an extension that is to run in a process of its own: its file is opened in a confined process that lives for
/// this question. Of others nothing is said, since their code would run here; nor of files that cannot be opened.
#[must_use]
pub fn judge_confined(
    (extension, config): (&ExtensionRef, &ExtensionConfig),
    directories: &[PathBuf],
    policy: &Policy,
) -> Vec<(String, String)> {
    if config.isolation() != Isolation::Process || config.iter().next().is_none() {
        return Vec::new();
    }
    // No file is opened here, so no copies are made.
    let catalog = Catalog::new(PathBuf::new());
    catalog.set_policy(policy.clone());
    let judged = catalog.judged(extension, directories, None);
    let library = judged.and_then(|judged| Source::Child(Arc::new(judged)).published());
    library.map_or_else(|_| Vec::new(), |library| objections(&library, extension, config))
}
