//! The address of the service and the API key: from options, the environment, or the configuration
//! file, in this order.

mod file;
mod secret;

use std::path::PathBuf;

use bulk_domain::ids::FacilityId;
use bulk_terminal::{Failure, Output};
use clap::Args;
use secrecy::SecretString;
use url::Url;

pub use file::Profile;

/// Environment variable with the API key itself. There is no option for the key, because other
/// users of a machine can see the arguments of commands, and shells store them.
const API_KEY: &str = "BULK_API_KEY";

/// Options that every command takes.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub struct Globals {
    /// Print JSON instead of text, one line for each result
    #[arg(long, global = true)]
    pub json: bool,
    /// Print results and errors only, no progress and no notes
    #[arg(long, short, global = true)]
    pub quiet: bool,
    /// Use this profile of the configuration file
    #[arg(long, global = true, value_name = "NAME", env = "BULK_PROFILE", hide_env_values = true)]
    profile: Option<String>,
    /// The configuration file [default: ~/.config/bulk/config.toml]
    #[arg(long, global = true, value_name = "FILE", env = "BULK_CONFIG", hide_env_values = true)]
    config: Option<PathBuf>,
    /// Address of the service, without /medical/v1
    #[arg(long, global = true, value_name = "URL", env = "BULK_URL", hide_env_values = true)]
    url: Option<String>,
    /// Read the API key from this file (or set `BULK_API_KEY`; a key is never an argument)
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "BULK_API_KEY_FILE",
        hide_env_values = true
    )]
    api_key_file: Option<PathBuf>,
}

/// The settings for calls of the API.
#[derive(Debug)]
pub struct Connection {
    /// Address of the service, without a slash at the end.
    pub url: Url,
    pub key: SecretString,
    /// Facility of the rows that name none, if the profile has one.
    pub facility: Option<FacilityId>,
}

impl Globals {
    /// Returns the chosen profile. It is empty if there is no configuration file.
    pub fn profile(&self, output: Output) -> anyhow::Result<Profile> {
        file::load(self.config.as_deref(), self.profile.as_deref(), output)
    }

    /// Returns address and key.
    ///
    /// # Errors
    ///
    /// One of them is missing or malformed, or other users can read the file with the key.
    pub fn connection(&self, output: Output) -> anyhow::Result<Connection> {
        let profile = self.profile(output)?;
        let url = self.url.clone().or(profile.url).ok_or_else(|| {
            Failure::new("the address of the service is not known")
                .next("set BULK_URL, give --url, or write a configuration file: see `bulk --help`")
        })?;
        let key = if let Some(path) = &self.api_key_file {
            secret::read_file(path, output)?
        } else if let Some(key) = std::env::var(API_KEY).ok().filter(|key| !key.trim().is_empty()) {
            SecretString::from(key.trim())
        } else if let Some(key) = profile.api_key {
            key
        } else if let Some(path) = &profile.api_key_file {
            secret::read_file(path, output)?
        } else {
            return Err(Failure::new("there is no API key")
                .next("set BULK_API_KEY, give --api-key-file, or put it into the configuration file: see `bulk --help`")
                .into());
        };
        Ok(Connection { url: service_url(&url)?, key, facility: profile.facility })
    }
}

/// Parses the address of the service. It has to be https, unless it is on this machine, because
/// every call sends the key.
fn service_url(text: &str) -> Result<Url, Failure> {
    let shape = "write it as https://host/stage, without /medical/v1";
    let text = text.trim().trim_end_matches('/');
    let text = text.strip_suffix("/medical/v1").unwrap_or(text);
    let url = Url::parse(text)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        .filter(|url| url.query().is_none() && url.fragment().is_none())
        .ok_or_else(|| Failure::new("the address of the service is not a URL").next(shape))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Failure::new("the address of the service has a user name in it").next(shape));
    }
    if url.scheme() == "http" && !is_loopback(&url) {
        return Err(Failure::new(
            "the address of the service is not https: the API key would travel readable",
        )
        .next(shape));
    }
    Ok(url)
}

/// Returns whether an address is on this machine.
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_end_as_people_copy_it() {
        for text in [
            "https://api.example.com/live",
            "https://api.example.com/live/",
            " https://api.example.com/live/medical/v1 ",
        ] {
            assert_eq!(service_url(text).unwrap().as_str(), "https://api.example.com/live");
        }
    }

    #[test]
    fn a_key_does_not_travel_readable() {
        for text in ["http://api.example.com", "http://10.0.0.1", "http://localhost.example.com"] {
            assert!(service_url(text).is_err(), "{text}");
        }
        for text in ["http://localhost:4566", "http://127.0.0.1:4566/x", "http://[::1]:80"] {
            assert!(service_url(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_without_repeating_it() {
        for text in [
            "",
            "api.example.com",
            "ftp://example.com",
            "https://me:canary@example.com",
            "https://x/?canary",
        ] {
            let error = service_url(text).unwrap_err();
            assert!(!format!("{error} {:?}", error.next_step()).contains("canary"), "{text}");
        }
    }
}
