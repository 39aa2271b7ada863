//! The configuration file: profiles, each with the address of a service and an API key.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bulk_domain::ids::FacilityId;
use bulk_terminal::{Failure, Output};
use etcetera::BaseStrategy as _;
use secrecy::SecretString;
use serde::Deserialize;

use crate::config::secret;

/// Length of the longest name that is taken for the name of a setting: keys are longer.
const LONGEST_SETTING: usize = 20;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfigFile {
    /// Name of the profile that is used unless an option names another.
    default_profile: Option<String>,
    #[serde(default)]
    profile: BTreeMap<String, Profile>,
}

/// A service and the API key of one of its customers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Profile {
    /// Address of the service, without `/medical/v1`.
    pub url: Option<String>,
    pub api_key: Option<SecretString>,
    /// The file with the API key, relative to the configuration file.
    pub api_key_file: Option<PathBuf>,
    /// Facility of the rows that name none.
    pub facility: Option<FacilityId>,
}

/// Reads a profile: the named one, the default, or the only one. The file is `explicit` or the one
/// in the usual place.
///
/// # Errors
///
/// The explicit file does not exist, a file is malformed or readable by others, or there is no such
/// profile.
pub fn load(
    explicit: Option<&Path>,
    name: Option<&str>,
    output: Output,
) -> anyhow::Result<Profile> {
    let path = match explicit {
        Some(path) => path.to_owned(),
        None => match usual_place() {
            Some(path) if path.exists() => path,
            other => return none_there(name, other.as_deref()),
        },
    };
    let shown = path.display();
    let unreadable =
        |error| Failure::new(format!("the configuration file {shown} cannot be read: {error}"));
    let text = std::fs::read_to_string(&path).map_err(unreadable)?;
    let file = parse(&text).map_err(|(line, problem)| {
        Failure::new(format!("the configuration file {shown} is wrong in line {line}: {problem}"))
    })?;
    if file.profile.values().any(|profile| profile.api_key.is_some()) {
        secret::check_permissions(&path, &std::fs::metadata(&path).map_err(unreadable)?, output)?;
    }
    let mut profile = choose(file, name).map_err(|(message, known)| {
        Failure::new(format!("the configuration file {shown} {message}"))
            .next(format!("choose one with --profile or BULK_PROFILE: {}", known.join(", ")))
    })?;
    if let (Some(key_file), Some(folder)) = (&mut profile.api_key_file, path.parent()) {
        *key_file = folder.join(&*key_file);
    }
    Ok(profile)
}

fn usual_place() -> Option<PathBuf> {
    let folders = etcetera::choose_base_strategy().ok()?;
    Some(folders.config_dir().join("bulk").join("config.toml"))
}

fn none_there(name: Option<&str>, path: Option<&Path>) -> anyhow::Result<Profile> {
    match name {
        None => Ok(Profile::default()),
        Some(name) => {
            let place = path.map_or_else(String::new, |path| format!(" at {}", path.display()));
            Err(Failure::new(format!(
                "there is no profile {name}: there is no configuration file{place}"
            ))
            .into())
        }
    }
}

/// Parses the file. An error holds the number of the line and the problem, and no value of the
/// line, which may be a key.
fn parse(text: &str) -> Result<ConfigFile, (usize, String)> {
    toml::from_str(text).map_err(|error| {
        let start = error.span().map_or(0, |span| span.start);
        let line = text.bytes().take(start).filter(|byte| *byte == b'\n').count() + 1;
        (line, without_values(error.message()))
    })
}

/// Removes the values from a message of the parser, which quotes them: `invalid type: string
/// "value", expected a map`. A name stays if it can be the name of a setting with a typing error.
fn without_values(message: &str) -> String {
    let is_name = |text: &str| {
        text.len() <= LONGEST_SETTING && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'_'))
    };
    let quoted = |part: &str, mark: char| part.matches(mark).count() >= 2;
    if let Some((problem, expected)) = message.split_once(", expected ") {
        let problem = match problem.split_once('`') {
            Some((before, name)) if is_name(name.trim_end_matches('`')) => {
                format!("{before}`{}`", name.trim_end_matches('`'))
            }
            _ => problem.split([':', '`']).next().unwrap_or_default().trim_end().to_owned(),
        };
        return format!("{problem}, expected {expected}");
    }
    if quoted(message, '"') || quoted(message, '`') {
        return "a setting is wrong".to_owned();
    }
    message.to_owned()
}

fn choose(file: ConfigFile, name: Option<&str>) -> Result<Profile, (String, Vec<String>)> {
    let mut profiles = file.profile;
    let known: Vec<String> = profiles.keys().cloned().collect();
    let wanted = match (name.map(str::to_owned).or(file.default_profile), known.as_slice()) {
        (Some(name), _) => name,
        (None, []) => return Ok(Profile::default()),
        (None, [only]) => only.clone(),
        (None, _) => return Err(("has several profiles and no default_profile".to_owned(), known)),
    };
    profiles.remove(&wanted).ok_or_else(|| (format!("has no profile {wanted}"), known))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(text: &str, name: Option<&str>) -> Result<Option<String>, String> {
        choose(parse(text).unwrap(), name)
            .map(|profile| profile.url)
            .map_err(|(message, _)| message)
    }

    const TWO: &str = "[profile.a]\nurl = 'https://a'\n[profile.b]\nurl = 'https://b'\n";

    #[test]
    fn the_named_profile_is_used_then_the_default_then_the_only_one() {
        let with_default = format!("default_profile = 'b'\n{TWO}");
        assert_eq!(chosen(&with_default, Some("a")), Ok(Some("https://a".into())));
        assert_eq!(chosen(&with_default, None), Ok(Some("https://b".into())));
        assert_eq!(chosen("[profile.a]\nurl = 'https://a'", None), Ok(Some("https://a".into())));
        assert_eq!(chosen(TWO, None), Err("has several profiles and no default_profile".into()));
        assert_eq!(chosen(TWO, Some("c")), Err("has no profile c".into()));
    }

    #[test]
    fn an_error_in_the_file_names_the_line_and_never_shows_it() {
        let broken = "[profile.a]\nurl = 'https://a'\napi_key = 'canary-key\n";
        let (line, problem) = parse(broken).unwrap_err();
        assert_eq!(line, 3);
        assert!(!problem.contains("canary"), "{problem}");
    }

    #[test]
    fn an_error_never_shows_a_value_that_stands_in_the_wrong_place() {
        for broken in [
            "profile = 'canary-key'\n",
            "[profile]\na = 'canary-key'\n",
            "[profile.a]\ncanary-key = ''\n",
            "[profile.a]\n'Canary Key' = ''\n",
            "[profile.a]\nfacility = 'canary-key'\n",
            "[profile.a]\nurl = ['canary-key']\n",
            "[profile.a]\napi_key = canary-key\n",
            "[profile.a]\napi_key = 'x'\napi_key = 'canary-key'\n",
            "canary-key\n",
            "default_profile = 3\n[canary-key]\n",
        ] {
            let (_, problem) = parse(broken).unwrap_err();
            assert!(!problem.to_lowercase().contains("canary"), "{broken}: {problem}");
            assert!(problem.len() > 8, "{broken}: {problem}");
        }
    }

    #[test]
    fn a_mistyped_setting_is_refused() {
        let (line, problem) = parse("[profile.a]\nurll = 'https://a'\n").unwrap_err();
        assert_eq!(line, 2);
        assert!(problem.contains("unknown field `urll`"), "{problem}");
    }

    #[test]
    fn a_secret_does_not_show_itself() {
        let file = parse("[profile.a]\napi_key = 'canary-key'\n").unwrap();
        assert!(!format!("{file:?}").contains("canary"));
    }
}
