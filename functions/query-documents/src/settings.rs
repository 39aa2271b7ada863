//! The settings of the gateway, from the environment variables that template.yaml sets from its
//! parameters.

use std::str::FromStr;
use std::time::Duration;

use bulk_fhir::{
    Auth, ClientAuthentication, GatewayUrl, GatewayUrlError, Limits, PlainHttp, SearchMethod,
};

/// What a platform engineer can set for document queries.
#[derive(Debug)]
pub struct Settings {
    /// Where the gateway is, how the client authenticates, and its limits.
    pub gateway: bulk_fhir::Settings,
    /// Name or ARN of the gateway's secret. `None` if it wants no authentication.
    pub secret: Option<String>,
    /// The interval in which a customer may start one query. `None` means no limit.
    pub query_interval: Option<Duration>,
    /// The most bytes of a document's content.
    pub most_content_bytes: u64,
}

/// A setting that is missing or malformed. The function does not start with it.
#[derive(PartialEq, Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("environment variable {0} is missing or malformed")]
    Variable(&'static str),
    #[error("{0} {1}")]
    Url(&'static str, GatewayUrlError),
}

impl Settings {
    /// Reads the settings from the variables that `get` returns.
    ///
    /// # Errors
    ///
    /// The first variable that is missing or malformed.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, SettingsError> {
        let get =
            |name| get(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let required = |name| get(name).ok_or(SettingsError::Variable(name));
        let plain = match get("GATEWAY_ALLOW_LOOPBACK").as_deref() {
            Some("true") => PlainHttp::OnLoopback,
            _ => PlainHttp::Never,
        };
        let url = |name| {
            GatewayUrl::parse(&required(name)?, plain)
                .map_err(|problem| SettingsError::Url(name, problem))
        };
        let auth = match get("GATEWAY_AUTH").as_deref() {
            None | Some("none") => Auth::None,
            Some("bearer") => Auth::Bearer,
            Some("client-credentials") => Auth::ClientCredentials {
                token_url: url("GATEWAY_TOKEN_URL")?,
                client_id: required("GATEWAY_CLIENT_ID")?,
                scope: get("GATEWAY_SCOPE"),
                authentication: match get("GATEWAY_CLIENT_AUTHENTICATION").as_deref() {
                    None | Some("basic") => ClientAuthentication::Basic,
                    Some("body") => ClientAuthentication::Body,
                    Some(_) => {
                        return Err(SettingsError::Variable("GATEWAY_CLIENT_AUTHENTICATION"));
                    }
                },
            },
            Some(_) => return Err(SettingsError::Variable("GATEWAY_AUTH")),
        };
        let secret = match auth {
            Auth::None => None,
            _ => Some(required("GATEWAY_SECRET")?),
        };
        let search = match get("GATEWAY_SEARCH").as_deref() {
            None | Some("GET") => SearchMethod::Get,
            Some("POST") => SearchMethod::Post,
            Some(_) => return Err(SettingsError::Variable("GATEWAY_SEARCH")),
        };
        let limits = Limits {
            request_timeout: Duration::from_secs(number(&get, "GATEWAY_REQUEST_SECONDS", 15)?),
            search_timeout: Duration::from_secs(number(&get, "GATEWAY_SEARCH_SECONDS", 45)?),
            pages: number(&get, "GATEWAY_PAGES", 50)?,
            documents: number(&get, "GATEWAY_DOCUMENTS", 5000)?,
            answer_bytes: number::<usize>(&get, "GATEWAY_ANSWER_MEGABYTES", 8)? << 20,
            content_timeout: Duration::from_secs(number(&get, "GATEWAY_CONTENT_SECONDS", 120)?),
            ..Limits::default()
        };
        let content_hosts = get("GATEWAY_CONTENT_HOSTS").unwrap_or_default();
        let content_hosts = content_hosts.split(',').map(str::trim).filter(|host| !host.is_empty());
        Ok(Self {
            gateway: bulk_fhir::Settings {
                base: url("GATEWAY_URL")?,
                auth,
                search,
                limits,
                content_hosts: content_hosts.map(str::to_owned).collect(),
            },
            secret,
            query_interval: interval(number(&get, QUERIES_PER_SECOND, 0.0)?)?,
            most_content_bytes: number::<u64>(&get, "GATEWAY_CONTENT_MEGABYTES", 100)? << 20,
        })
    }
}

const QUERIES_PER_SECOND: &str = "QUERIES_PER_SECOND";

/// Returns the interval of so many queries a second; 0 means no limit.
fn interval(queries_per_second: f64) -> Result<Option<Duration>, SettingsError> {
    if queries_per_second == 0.0 {
        return Ok(None);
    }
    let interval = Duration::try_from_secs_f64(1.0 / queries_per_second);
    interval.map(Some).map_err(|_| SettingsError::Variable(QUERIES_PER_SECOND))
}

fn number<T: FromStr>(
    get: &impl Fn(&'static str) -> Option<String>,
    name: &'static str,
    default: T,
) -> Result<T, SettingsError> {
    match get(name) {
        None => Ok(default),
        Some(text) => text.parse().map_err(|_| SettingsError::Variable(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        Settings::read(|name| {
            let set = variables.iter().find(|(variable, _)| *variable == name);
            set.map(|(_, value)| (*value).to_owned())
        })
    }

    const URL: (&str, &str) = ("GATEWAY_URL", "https://ihe.example.com/fhir");

    #[test]
    fn a_url_is_enough() {
        let settings = read(&[URL, ("GATEWAY_AUTH", ""), ("QUERIES_PER_SECOND", "")]).unwrap();
        assert_eq!(settings.gateway.auth, Auth::None);
        assert_eq!(settings.gateway.limits, Limits::default());
        assert_eq!(settings.secret, None);
        assert_eq!(settings.most_content_bytes, 100 << 20);
    }

    #[test]
    fn plain_http_is_accepted_on_loopback_if_that_is_allowed() {
        let plain = ("GATEWAY_URL", "http://127.0.0.1:8080/fhir");
        let refused = SettingsError::Url("GATEWAY_URL", GatewayUrlError::NotHttps);
        assert_eq!(read(&[plain]).unwrap_err(), refused);
        assert!(read(&[plain, ("GATEWAY_ALLOW_LOOPBACK", "true")]).is_ok());
    }

    #[test]
    fn authentication_needs_a_secret() {
        let missing = SettingsError::Variable("GATEWAY_SECRET");
        assert_eq!(read(&[URL, ("GATEWAY_AUTH", "bearer")]).unwrap_err(), missing);
        let settings =
            read(&[URL, ("GATEWAY_AUTH", "bearer"), ("GATEWAY_SECRET", "name")]).unwrap();
        assert_eq!(
            (settings.gateway.auth, settings.secret.as_deref()),
            (Auth::Bearer, Some("name"))
        );
    }

    #[test]
    fn client_credentials_need_a_token_url_and_a_client_id() {
        let client = [URL, ("GATEWAY_AUTH", "client-credentials"), ("GATEWAY_SECRET", "name")];
        assert_eq!(read(&client).unwrap_err(), SettingsError::Variable("GATEWAY_TOKEN_URL"));
        let token_url = ("GATEWAY_TOKEN_URL", "https://login.example.com/token");
        let mut client = [&client[..], &[token_url, ("GATEWAY_CLIENT_ID", "bulk")]].concat();
        let Auth::ClientCredentials { scope, authentication, .. } =
            read(&client).unwrap().gateway.auth
        else {
            panic!()
        };
        assert_eq!((scope, authentication), (None, ClientAuthentication::Basic));
        client.push(("GATEWAY_CLIENT_AUTHENTICATION", "body"));
        assert!(read(&client).is_ok());
    }

    #[test]
    fn queries_a_second_are_an_interval_and_none_of_them_no_limit() {
        let interval =
            |rate| read(&[URL, (QUERIES_PER_SECOND, rate)]).map(|read| read.query_interval);
        assert_eq!(interval("4").unwrap(), Some(Duration::from_millis(250)));
        assert_eq!(interval("0.5").unwrap(), Some(Duration::from_secs(2)));
        assert_eq!(interval("0").unwrap(), None);
        for rate in ["-1", "NaN", "1e-30"] {
            assert_eq!(interval(rate).unwrap_err(), SettingsError::Variable(QUERIES_PER_SECOND));
        }
    }

    #[test]
    fn hosts_of_contents_are_separated_by_commas() {
        let hosts =
            |list| read(&[URL, ("GATEWAY_CONTENT_HOSTS", list)]).unwrap().gateway.content_hosts;
        assert_eq!(hosts("a.example, b.example:8443,"), ["a.example", "b.example:8443"]);
        assert_eq!(hosts(" "), Vec::<String>::new());
    }

    #[test]
    fn a_malformed_variable_is_named() {
        for name in ["GATEWAY_AUTH", "GATEWAY_SEARCH", "GATEWAY_PAGES", QUERIES_PER_SECOND] {
            assert_eq!(read(&[URL, (name, "much")]).unwrap_err(), SettingsError::Variable(name));
        }
    }
}
