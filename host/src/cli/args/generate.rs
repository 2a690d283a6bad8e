//! `heddle completions`, `heddle man` and `heddle schema`: what is generated from the command's own definitions.

use clap::{Args, ValueEnum};
use std::path::PathBuf;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Shell {
    Bash,
    Zsh,
    Fish,
}

#[derive(Debug, Clone, Args)]
#[command(after_help = "\
To have them in every new shell:
  bash: echo 'source <(heddle completions bash)' >> ~/.bashrc
  zsh: echo 'source <(heddle completions zsh)' >> ~/.zshrc
  fish: echo 'heddle completions fish | source' >> ~/.config/fish/config.fish

Examples:
  heddle completions bash
  heddle completions zsh
  heddle completions fish")]
pub(in crate::cli) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(in crate::cli) shell: Shell,
}

#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  heddle man --dir man")]
pub(in crate::cli) struct ManArgs {
    /// Where to write them; made when it is missing
    #[arg(long, value_name = "DIR")]
    pub(in crate::cli) dir: PathBuf,
}
