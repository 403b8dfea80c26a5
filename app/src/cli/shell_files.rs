//! `vitrine shell-files`: completions and man pages, which a package brings along.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap_complete::Shell;

use super::output::print_line;

/// Write shell completions and man pages into a folder
#[derive(clap::Args)]
#[command(after_long_help = "\
Examples:
  vitrine shell-files build/
  cp build/completions/vitrine.bash ~/.local/share/bash-completion/completions/vitrine
  cp build/man/*.1 ~/.local/share/man/man1/")]
pub struct Args {
    /// The folder; completions/ and man/ are made in it
    folder: PathBuf,
}

/// Shells that are asked by name on Linux and macOS.
const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Zsh, Shell::Fish];

/// Writes the files that describe `program`.
pub fn run(args: &Args, program: &clap::Command) -> anyhow::Result<()> {
    let (completions, man) = (args.folder.join("completions"), args.folder.join("man"));
    for folder in [&completions, &man] {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    for shell in SHELLS {
        clap_complete::generate_to(shell, &mut program.clone(), "vitrine", &completions)
            .with_context(|| completions.display().to_string())?;
    }
    let pages = pages(program, &man)?;
    print_line(&format!(
        "completions for {} shells and {pages} man pages in {}",
        SHELLS.len(),
        args.folder.display()
    ));
    Ok(())
}

/// Writes a man page for the program and one for each command that a person calls; how many they are.
fn pages(program: &clap::Command, folder: &Path) -> anyhow::Result<usize> {
    let mut program = program.clone().disable_help_subcommand(true);
    program.build();
    let mut written = 0;
    let mut open = vec![program];
    while let Some(command) = open.pop() {
        open.extend(command.get_subcommands().filter(|inner| !inner.is_hide_set()).cloned());
        // `vitrine-submit-train.1`, as the page of a command of git is called.
        let name = command.get_bin_name().unwrap_or(command.get_name()).replace(' ', "-");
        let path = folder.join(format!("{name}.1"));
        let mut file = File::create(&path).with_context(|| path.display().to_string())?;
        // clap keeps names for as long as the program runs; there is one for each page.
        let page = clap_mangen::Man::new(command.name(&*name.leak()));
        page.render(&mut file).with_context(|| path.display().to_string())?;
        written += 1;
    }
    Ok(written)
}
