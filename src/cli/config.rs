//! `newsdesk config`: what was typed, set and written down → the settings that hold, and where each comes from.
//!
//! Flags are stronger than `NEWSDESK_…` variables, those than the file of `--config`, and that than the
//! defaults. A setting is declared once, as a flag of `serve`: the file's values become the flags'
//! defaults, so they are checked by the same code, and a new flag can stand in the file at once.

use std::{
    ffi::OsString,
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, anyhow, bail};
use clap::{Arg, ArgMatches, Command, CommandFactory, FromArgMatches as _, parser::ValueSource};
use serde_json::{Map, json};
use toml::de::{DeTable, DeValue};

use super::{Args, BAD_USAGE, settings::Settings, terminal::tell};

/// The commands that have settings.
const COMMANDS: [&str; 2] = ["serve", "config"];

/// Flags that say what to do, not how to serve, so that no file can set them.
const ACTIONS: [&str; 3] = ["config", "check_config", "json"];

/// `newsdesk config`, as typed.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:
  newsdesk config                                       every setting, in the form of a configuration file
  newsdesk config --config newsdesk.toml --json
  NEWSDESK_REQUESTS_MAX=500 newsdesk config | grep -v default")]
pub(super) struct ConfigArgs {
    #[command(flatten)]
    settings: Settings,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// A setting, as it holds.
#[derive(Debug)]
pub(super) struct Setting {
    name: String,
    values: Vec<String>,
    /// The flag, variable or file that it comes from, or `default`.
    source: String,
}

/// What a configuration file says. The default one says nothing.
#[derive(Default)]
struct ConfigFile {
    path: PathBuf,
    values: Vec<(String, Vec<OsString>)>,
}

/// Parses the command line; ends the process if it asks for help or is wrong.
///
/// Returns the settings beside it if the command has some.
pub(super) fn parse() -> anyhow::Result<(Args, Vec<Setting>)> {
    let matches = Args::command().get_matches();
    let (name, typed) = matches.subcommand().expect("clap demands a subcommand");
    if !COMMANDS.contains(&name) {
        let args = Args::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
        return Ok((args, Vec::new()));
    }
    let command = Args::command();
    let sub = command.find_subcommand(name).expect("it was just parsed");
    let path = typed.get_one::<PathBuf>("config");
    let file = path.map(|path| ConfigFile::read(path, sub)).transpose()?.unwrap_or_default();
    let with_defaults = file.values.iter().fold(command.clone(), |command, (id, values)| {
        let values = values.clone();
        command.mut_subcommand(name, |sub| sub.mut_arg(id, |arg| arg.default_values(values)))
    });
    // The same words were parsed well a moment ago, so whatever is wrong now stands in the file.
    let wrong = |error| anyhow!("{}: {}", file.path.display(), first_paragraph(&error));
    let matches = with_defaults.try_get_matches().map_err(wrong)?;
    let args = Args::from_arg_matches(&matches).map_err(wrong)?;
    let (_, typed) = matches.subcommand().expect("it was parsed before");
    let settings = settings_of(sub).map(|arg| Setting::of(arg, typed, &file)).collect();
    Ok((args, settings))
}

/// Returns what clap says of a wrong value, without its advice on usage.
fn first_paragraph(error: &clap::Error) -> String {
    let text = error.to_string();
    let paragraph = text.split("\n\n").next().unwrap_or_default();
    paragraph.trim_start_matches("error: ").replace('\n', " ")
}

fn settings_of(command: &Command) -> impl Iterator<Item = &Arg> {
    let is_setting = |arg: &&Arg| {
        let id = arg.get_id().as_str();
        !ACTIONS.contains(&id) && id != "help" && id != "version"
    };
    command.get_arguments().filter(is_setting)
}

fn takes_many(arg: &Arg) -> bool {
    matches!(arg.get_action(), clap::ArgAction::Append)
}

impl ConfigFile {
    fn read(path: &Path, command: &Command) -> anyhow::Result<ConfigFile> {
        let text = fs::read_to_string(path)
            .with_context(|| format!("cannot read the configuration file {}", path.display()))?;
        let table =
            DeTable::parse(&text).with_context(|| format!("{} is not TOML", path.display()))?;
        let mut values = Vec::new();
        for (key, value) in table.get_ref() {
            let line = 1 + text[..key.span().start].matches('\n').count();
            let place = || format!("{}:{line}: `{}`", path.display(), key.get_ref());
            let known = settings_of(command).find(|arg| arg.get_id() == key.get_ref().as_ref());
            let Some(arg) = known else {
                bail!("{} is no setting; `newsdesk config` shows all that there are", place());
            };
            let of_key = strings(value.get_ref()).with_context(place)?;
            if of_key.len() != 1 && !takes_many(arg) {
                bail!("{} takes one value, not {}", place(), of_key.len());
            }
            values.push((arg.get_id().to_string(), of_key));
        }
        Ok(ConfigFile { path: path.to_owned(), values })
    }
}

fn strings(value: &DeValue<'_>) -> anyhow::Result<Vec<OsString>> {
    let one = |text: &str| Ok(vec![text.into()]);
    match value {
        DeValue::String(text) => one(text),
        DeValue::Integer(integer) if integer.radix() == 10 => one(integer.as_str()),
        DeValue::Float(float) => one(float.as_str()),
        DeValue::Boolean(is_on) => one(if *is_on { "true" } else { "false" }),
        DeValue::Array(values) => {
            let parts = values.iter().map(|value| strings(value.get_ref()));
            Ok(parts.collect::<anyhow::Result<Vec<_>>>()?.concat())
        }
        DeValue::Integer(_) | DeValue::Datetime(_) | DeValue::Table(_) => {
            bail!("a value is a text, a decimal number, true, false, or a list of texts")
        }
    }
}

impl ConfigArgs {
    pub(super) fn run(self, settings: Vec<Setting>) -> anyhow::Result<ExitCode> {
        if let Err(contradiction) = self.settings.check() {
            tell(format!("error: {contradiction}"));
            return Ok(ExitCode::from(BAD_USAGE));
        }
        let mut output = io::stdout();
        if self.json {
            let entry = |setting: Setting| {
                (setting.name, json!({"values": setting.values, "source": setting.source}))
            };
            let object: Map<_, _> = settings.into_iter().map(entry).collect();
            writeln!(output, "{}", serde_json::Value::Object(object))?;
        } else {
            let lines: String = settings.iter().map(Setting::line).collect();
            output.write_all(lines.as_bytes())?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Setting {
    fn of(arg: &Arg, matches: &ArgMatches, file: &ConfigFile) -> Setting {
        let name = arg.get_id().as_str();
        let values = matches.get_raw(name).into_iter().flatten();
        let in_file = file.values.iter().any(|(key, _)| key == name);
        let source = match matches.value_source(name) {
            Some(ValueSource::CommandLine) => format!("--{}", arg.get_long().unwrap_or(name)),
            Some(ValueSource::EnvVariable) => {
                arg.get_env().unwrap_or_default().to_string_lossy().into_owned()
            }
            _ if in_file => file.path.display().to_string(),
            _ => "default".to_owned(),
        };
        let values = values.map(|value| value.to_string_lossy().into_owned()).collect();
        Setting { name: name.to_owned(), values, source }
    }

    /// Returns the setting as a line of a configuration file; commented out if it has no value.
    fn line(&self) -> String {
        let Setting { name, values, source } = self;
        let quoted: Vec<String> = values.iter().map(|value| toml(value)).collect();
        let assignment = match quoted.as_slice() {
            [] => format!("# {name} ="),
            [one] => format!("{name} = {one}"),
            many => format!("{name} = [{}]", many.join(", ")),
        };
        format!("{assignment:<40} # {source}\n")
    }
}

fn toml(value: &str) -> String {
    let is_bare = value == "true" || value == "false" || value.parse::<i64>().is_ok();
    if is_bare { value.to_owned() } else { toml::Value::String(value.to_owned()).to_string() }
}

/// Returns the variables that look like settings of newsdesk and are none.
///
/// They are no error: Kubernetes itself sets `NEWSDESK_PORT` and more in every container beside a
/// service of the name.
pub(super) fn unknown_variables() -> Vec<String> {
    let command = Args::command();
    let args = command.get_subcommands().flat_map(Command::get_arguments);
    let known: Vec<&std::ffi::OsStr> = args.filter_map(Arg::get_env).collect();
    let set = std::env::vars_os().map(|(name, _)| name);
    let unknown = set.filter(|name| !known.contains(&name.as_os_str()));
    let names = unknown.map(|name| name.to_string_lossy().into_owned());
    let is_ours = |name: &String| {
        let rest = name.strip_prefix("NEWSDESK_");
        rest.is_some_and(|rest| !rest.starts_with("PORT") && !rest.starts_with("SERVICE_"))
    };
    names.filter(is_ours).collect()
}
