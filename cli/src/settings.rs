//! The server's settings: flags, then the environment, then a file, then defaults; and `typhon config check`.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::Path;

use anyhow::{Context, bail};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches};
use typhon_service::{Config, SETTINGS, Setting};
use typhon_vm::Exit;

use crate::serve::{explain_misuse, named};

/// A command that takes every setting of the table.
pub fn command(name: &'static str, about: &'static str) -> clap::Command {
    // clap wants names that live as long as the process, and this runs once.
    let flags = SETTINGS.iter().map(|row| {
        Arg::new(row.name)
            .long(&*row.flag().leak())
            .env(&*row.env().leak())
            .default_value(row.default)
            .help(row.doc.trim())
    });
    let file = Arg::new("config").long("config").env("TYPHON_CONFIG").value_name("FILE").help(
        "File of settings, one `name = value` a line; # begins a comment. Flags and the environment come before it.",
    );
    clap::Command::new(name).about(about).arg(file).args(flags)
}

/// Where a setting comes from.
enum Origin {
    Flag,
    Environment,
    File,
    Default,
}

/// What was said, by whom, for each setting.
pub struct Said<'m> {
    matches: &'m ArgMatches,
    file: HashMap<&'static str, String>,
}

impl<'m> Said<'m> {
    pub fn new(matches: &'m ArgMatches) -> anyhow::Result<Said<'m>> {
        let file = match matches.get_one::<String>("config") {
            Some(path) => read(Path::new(path))?,
            None => HashMap::new(),
        };
        Ok(Said { matches, file })
    }

    pub fn config(&self) -> anyhow::Result<Config> {
        Ok(Config::from_source(|row| self.value(row).map(|(value, _)| value))?)
    }

    fn value(&self, row: &Setting) -> Option<(String, Origin)> {
        let given = self.matches.get_one::<String>(row.name).cloned()?;
        Some(match (self.matches.value_source(row.name), self.file.get(row.name)) {
            (Some(ValueSource::CommandLine), _) => (given, Origin::Flag),
            (Some(ValueSource::EnvVariable), _) => (given, Origin::Environment),
            (_, Some(value)) => (value.clone(), Origin::File),
            (_, None) => (given, Origin::Default),
        })
    }
}

fn read(path: &Path) -> anyhow::Result<HashMap<&'static str, String>> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    parse(&text).map_err(|problem| anyhow::anyhow!("{}:{problem}", path.display()))
}

fn parse(text: &str) -> Result<HashMap<&'static str, String>, String> {
    let mut settings = HashMap::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.split_once('#').map_or(line, |(before, _)| before).trim();
        if line.is_empty() {
            continue;
        }
        let Some((name, value)) = line.split_once('=') else {
            return Err(format!("{number}: expected name = value"));
        };
        let (name, value) = (name.trim().replace('-', "_"), value.trim().trim_matches('"'));
        let Some(row) = SETTINGS.iter().find(|row| row.name == name) else {
            return Err(format!("{number}: there is no setting {name:?}"));
        };
        if settings.insert(row.name, value.to_owned()).is_some() {
            return Err(format!("{number}: {name} is there twice"));
        }
    }
    Ok(settings)
}

/// `typhon config check`: every setting, its value and where it comes from; or what is wrong.
pub fn main(words: &[OsString]) -> anyhow::Result<Exit> {
    let about = "Show the settings that `typhon serve` would run with, and where each comes from.";
    let check = command("check", about);
    let all = clap::Command::new("typhon config").subcommand_required(true).subcommand(check);
    let matches = match all.try_get_matches_from(named("typhon config", words)) {
        Ok(matches) => matches,
        Err(error) => return Ok(explain_misuse(&error)),
    };
    let Some((_, matches)) = matches.subcommand() else { bail!("expected check") };
    let said = Said::new(matches)?;
    said.config()?;
    for row in SETTINGS {
        let Some((value, origin)) = said.value(row) else { continue };
        let origin = match origin {
            Origin::Flag => "flag",
            Origin::Environment => "environment",
            Origin::File => "file",
            Origin::Default => "default",
        };
        println!("{} = {value}  # {origin}", row.name);
    }
    Ok(Exit::Status(0))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_file_names_settings_and_its_mistakes_have_lines() {
        let good = parse("# ours\nqueue_depth = 7 # few\n\nwall-time-max=\"1m\"\n").expect("a good file");
        assert_eq!((good.len(), good["queue_depth"].as_str(), good["wall_time_max"].as_str()), (2, "7", "1m"));
        for (text, problem) in [
            ("\nqueue_depth", "2: expected name = value"),
            ("nonsense = 1", "1: there is no setting \"nonsense\""),
            ("log = a\nlog = b", "2: log is there twice"),
        ] {
            assert_eq!(parse(text).expect_err(text), problem);
        }
    }
}
