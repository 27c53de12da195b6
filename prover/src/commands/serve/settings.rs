//! Options of `serve` that stand in a file or the environment: the same names as on the command line, which wins; then the
//! environment, then the file.

use super::ServeArgs;
use crate::error::ProverError;
use crate::input;
use clap::{Arg, Args, Command};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Before the name of an option in the environment, in capitals.
const PREFIX: &str = "SPHERE_POW_SERVE_";
/// Names in the environment that others gave, and the option meant.
const OTHER_NAMES: [(&str, &str); 1] = [("SIGNER_PUBKEY", "signer-pubkey")];
/// Most bytes of the file.
const MAX_BYTES: usize = 1 << 16;

/// Further arguments, as the command line would have them: for each option of `serve` that `is_given` does not know, what
/// the environment says, else the file.
///
/// # Errors
/// [`ProverError::File`] and [`ProverError::Argument`], naming the option.
pub(in crate::commands) fn arguments(
    file: Option<&Path>,
    variable: impl Fn(&str) -> Option<String>,
    is_given: impl Fn(&str) -> bool,
) -> Result<Vec<String>, ProverError> {
    let command = ServeArgs::augment_args(Command::new("serve"));
    let options: Vec<&Arg> = command.get_arguments().filter(|arg| arg.get_long() != Some("config")).collect();
    let mut values = match file {
        Some(file) => of_file(file, &options)?,
        None => BTreeMap::new(),
    };
    for option in &options {
        let Some(long) = option.get_long() else { continue };
        let other = || OTHER_NAMES.iter().find(|(_, own)| *own == long).and_then(|(name, _)| variable(name));
        let Some(text) = variable(&name_of(long)).or_else(other) else { continue };
        let is_list = option.get_action().takes_values() && is_list(option);
        let list =
            if is_list { text.split(',').map(|part| part.trim().to_owned()).collect() } else { vec![text] };
        values.insert(long.to_owned(), list);
    }
    let mut arguments = Vec::new();
    for option in options {
        let Some(long) = option.get_long().filter(|_| !is_given(option.get_id().as_str())) else { continue };
        for value in values.remove(long).unwrap_or_default() {
            arguments.push(format!("--{long}={value}"));
        }
    }
    Ok(arguments)
}

/// An option's name in the environment.
fn name_of(long: &str) -> String {
    format!("{PREFIX}{}", long.replace('-', "_").to_uppercase())
}

/// The file that the environment names.
pub(in crate::commands) fn file_in_environment() -> Option<PathBuf> {
    std::env::var_os(name_of("config")).map(PathBuf::from)
}

/// Which of the environment's names look like options of `serve` and are none. They are no error: Kubernetes sets some, as
/// `SPHERE_POW_SERVE_PORT`, in every pod beside a service of that name.
pub(super) fn unknown(names: impl Iterator<Item = String>) -> Vec<String> {
    let command = ServeArgs::augment_args(Command::new("serve"));
    let known: Vec<String> = command.get_arguments().filter_map(|arg| arg.get_long().map(name_of)).collect();
    names.filter(|name| name.starts_with(PREFIX) && !known.contains(name)).collect()
}

fn is_list(option: &Arg) -> bool {
    matches!(option.get_action(), clap::ArgAction::Append)
}

/// What the file says, by option.
fn of_file(file: &Path, options: &[&Arg]) -> Result<BTreeMap<String, Vec<String>>, ProverError> {
    let wrong = |got: String, expected: &str| ProverError::Argument {
        what: "--config",
        got: format!("{}: {got}", input::name(file)),
        expected: expected.to_owned(),
    };
    let bytes = input::bytes(file, MAX_BYTES)?;
    let text = String::from_utf8(bytes).map_err(|error| wrong(error.to_string(), "UTF-8"))?;
    let table: toml::Table =
        text.parse().map_err(|error: toml::de::Error| wrong(error.message().to_owned(), "TOML"))?;
    let mut values = BTreeMap::new();
    for (name, value) in table {
        let long = name.replace('_', "-");
        let Some(option) = options.iter().find(|option| option.get_long() == Some(long.as_str())) else {
            return Err(wrong(name, "the name of an option of `sphere-pow serve`"));
        };
        let one = |value: toml::Value| match value {
            toml::Value::String(text) => Ok(text),
            toml::Value::Integer(number) => Ok(number.to_string()),
            toml::Value::Float(number) => Ok(number.to_string()),
            other => Err(wrong(format!("{name} is a {}", other.type_str()), "text or a number")),
        };
        let list = match value {
            toml::Value::Array(list) if is_list(option) => {
                list.into_iter().map(one).collect::<Result<_, _>>()?
            }
            value => vec![one(value)?],
        };
        values.insert(long, list);
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::{arguments, unknown};
    use std::path::Path;

    fn read(text: &str, environment: &[(&str, &str)], given: &[&str]) -> Result<Vec<String>, String> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("serve.toml");
        std::fs::write(&file, text).unwrap();
        let variable = |name: &str| {
            environment.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned())
        };
        let arguments = arguments(Some(&file), variable, |id| given.contains(&id));
        arguments.map_err(|error| error.to_string())
    }

    #[test]
    fn the_command_line_wins_over_the_environment_and_that_over_the_file() {
        let file = "listen = \"0.0.0.0:1\"\nstate_dir = \"/s\"\nsend-every = 2.5\nthreads = 3\ncallback = [\"a\", \"b:9\"]\n";
        let all = read(file, &[], &[]).unwrap();
        for argument in [
            "--listen=0.0.0.0:1",
            "--state-dir=/s",
            "--send-every=2.5",
            "--threads=3",
            "--callback=a",
            "--callback=b:9",
        ] {
            assert!(all.iter().any(|own| own == argument), "{argument}: {all:?}");
        }
        assert_eq!(all.len(), 6);
        let environment = [("SPHERE_POW_SERVE_LISTEN", "0.0.0.0:2"), ("SPHERE_POW_SERVE_CALLBACK", "c, d")];
        let all = read(file, &environment, &["state_dir", "send_every", "threads"]).unwrap();
        assert_eq!(all, ["--listen=0.0.0.0:2", "--callback=c", "--callback=d"]);
        let all = read(file, &environment, &["listen", "callbacks", "state_dir", "threads"]).unwrap();
        assert_eq!(all, ["--send-every=2.5"]);
    }

    #[test]
    fn names_in_the_environment_are_options_or_told() {
        let listed = [("SIGNER_PUBKEY", "02"), ("SPHERE_POW_SERVE_SIGNER_PUBKEY", "03")];
        assert_eq!(read("", &listed[..1], &[]).unwrap(), ["--signer-pubkey=02"]);
        assert_eq!(read("signer_pubkey = \"04\"", &listed, &[]).unwrap(), ["--signer-pubkey=03"]);
        let names = ["PATH", "SPHERE_POW_SERVE_LISTEN", "SPHERE_POW_SERVE_CONFIG", "SPHERE_POW_SERVE_LISEN"];
        assert_eq!(unknown(names.map(str::to_owned).into_iter()), ["SPHERE_POW_SERVE_LISEN"]);
    }

    #[test]
    fn what_is_no_option_is_named() {
        for (text, word) in [
            ("lisen = 1", "lisen"),
            ("listen = [1]", "listen"),
            ("listen", "TOML"),
            ("threads = {}", "threads"),
        ] {
            let error = read(text, &[], &[]).unwrap_err();
            assert!(error.contains(word), "{text}: {error}");
        }
        let missing = arguments(Some(Path::new("/nowhere/serve.toml")), |_| None, |_| false);
        assert_eq!(missing.unwrap_err().exit_code(), 2);
    }

    #[test]
    fn the_example_is_a_file_of_options() {
        let text = std::fs::read_to_string("packaging/serve.toml").unwrap();
        let all = read(&text, &[], &[]).unwrap();
        assert!(all.iter().any(|own| own.starts_with("--state-dir=")), "{all:?}");
    }
}
