//! What an API key may do: its scopes, its end, and the addresses that it may be used from.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// A part of the API that a key can be limited to. Each operation states the scopes that allow it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Create, read and cancel imports, with the links to their files.
    Import,
    /// Read patients and their documents, and start document queries.
    ReadPatients,
    /// Read and change webhook settings, and create facilities and cohorts.
    Settings,
    /// Delete patients, and undo imports.
    Delete,
}

impl Scope {
    /// Every scope, in the order of the guide.
    pub const ALL: [Self; 4] = [Self::Import, Self::ReadPatients, Self::Settings, Self::Delete];

    /// Returns the scope as operators write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Import => "import",
            Self::ReadPatients => "read-patients",
            Self::Settings => "settings",
            Self::Delete => "delete",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is not the name of a scope.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not one of import, read-patients, settings and delete")]
pub struct NotAScope;

impl FromStr for Scope {
    type Err = NotAScope;

    fn from_str(text: &str) -> Result<Self, NotAScope> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text).ok_or(NotAScope)
    }
}

/// A range of IP addresses in CIDR notation. A single address is a range of its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct AddressRange(IpNet);

/// The text is not a range of addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not an IP address, or a range of them such as 203.0.113.0/24")]
pub struct NotARange;

impl FromStr for AddressRange {
    type Err = NotARange;

    fn from_str(text: &str) -> Result<Self, NotARange> {
        let range = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        range.map(|range: IpNet| Self(range.trunc())).map_err(|_| NotARange)
    }
}

impl fmt::Display for AddressRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl TryFrom<String> for AddressRange {
    type Error = NotARange;

    fn try_from(text: String) -> Result<Self, NotARange> {
        text.parse()
    }
}

impl From<AddressRange> for String {
    fn from(range: AddressRange) -> Self {
        range.to_string()
    }
}

impl AddressRange {
    fn contains(self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

/// The rights of an API key. The default is all that its customer may do, from anywhere and for
/// ever.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct KeyRights {
    /// The scopes of the key. Empty: all, also those of later versions.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub scopes: BTreeSet<Scope>,
    /// The time from which the key is refused. None: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Timestamp>,
    /// The addresses that the key may be used from. Empty: all.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub addresses: BTreeSet<AddressRange>,
}

/// Why a call with a known key is refused.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Refusal {
    /// The end of the key has passed.
    #[error("The API key has expired")]
    Expired,
    /// The call is from an address outside of all ranges of the key.
    #[error("The API key may not be used from this address")]
    Address,
    /// The key has none of the scopes that allow the operation.
    #[error("The API key lacks the scope {}", .0.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(" or "))]
    Scope(&'static [Scope]),
}

impl KeyRights {
    /// Returns why the key does not allow a call of an operation that any of `scopes` allows, or
    /// `None` if it does.
    pub fn refusal(
        &self,
        scopes: &'static [Scope],
        now: Timestamp,
        source: Option<IpAddr>,
    ) -> Option<Refusal> {
        let is_allowed = |address| self.addresses.iter().any(|range| range.contains(address));
        if self.valid_until.is_some_and(|end| end <= now) {
            Some(Refusal::Expired)
        } else if !self.addresses.is_empty() && !source.is_some_and(is_allowed) {
            Some(Refusal::Address)
        } else if !self.scopes.is_empty() && !scopes.iter().any(|one| self.scopes.contains(one)) {
            Some(Refusal::Scope(scopes))
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const READ: &[Scope] = &[Scope::ReadPatients];

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn from(rights: &KeyRights, address: &str) -> Option<Refusal> {
        rights.refusal(READ, at(0), Some(address.parse().unwrap()))
    }

    #[test]
    fn a_key_without_limits_may_do_everything_from_anywhere() {
        for scope in [&[Scope::Import][..], READ, &[Scope::Settings], &[Scope::Delete]] {
            assert_eq!(KeyRights::default().refusal(scope, at(i64::MAX), None), None);
        }
    }

    #[test]
    fn a_scope_allows_the_operations_that_name_it() {
        let rights = KeyRights { scopes: [Scope::Import].into(), ..KeyRights::default() };
        assert_eq!(rights.refusal(&[Scope::Import, Scope::Settings], at(0), None), None);
        let refusal = rights.refusal(READ, at(0), None).unwrap();
        assert_eq!(refusal.to_string(), "The API key lacks the scope read-patients");
    }

    #[test]
    fn a_key_is_refused_from_its_end_on() {
        let rights = KeyRights { valid_until: Some(at(10)), ..KeyRights::default() };
        assert_eq!(rights.refusal(READ, at(9), None), None);
        assert_eq!(rights.refusal(READ, at(10), None), Some(Refusal::Expired));
    }

    #[test]
    fn a_key_with_ranges_is_refused_from_other_and_from_unknown_addresses() {
        let ranges = ["203.0.113.0/24", "198.51.100.7", "2001:db8::/32"];
        let addresses = ranges.iter().map(|range| range.parse().unwrap()).collect();
        let rights = KeyRights { addresses, ..KeyRights::default() };
        for allowed in ["203.0.113.9", "198.51.100.7", "2001:db8::1", "::ffff:203.0.113.9"] {
            assert_eq!(from(&rights, allowed), None, "{allowed}");
        }
        for other in ["203.0.114.1", "198.51.100.8", "2001:db9::1"] {
            assert_eq!(from(&rights, other), Some(Refusal::Address), "{other}");
        }
        assert_eq!(rights.refusal(READ, at(0), None), Some(Refusal::Address));
    }

    #[test]
    fn a_range_is_written_with_its_first_address() {
        for (text, written) in
            [("203.0.113.9/24", "203.0.113.0/24"), ("198.51.100.7", "198.51.100.7/32")]
        {
            assert_eq!(text.parse::<AddressRange>().unwrap().to_string(), written);
        }
        for text in ["", "203.0.113", "203.0.113.0/33", "clinic.example.com"] {
            assert_eq!(text.parse::<AddressRange>(), Err(NotARange));
        }
    }

    #[test]
    fn rights_are_read_as_they_were_written() {
        let rights = KeyRights {
            scopes: [Scope::Import, Scope::Delete].into(),
            valid_until: Some(at(1_800_000_000_000)),
            addresses: ["203.0.113.0/24".parse().unwrap()].into(),
        };
        let written = serde_json::json!({
            "scopes": ["import", "delete"],
            "validUntil": "2027-01-15T08:00:00.000Z",
            "addresses": ["203.0.113.0/24"],
        });
        assert_eq!(serde_json::to_value(&rights).unwrap(), written);
        assert_eq!(serde_json::from_value::<KeyRights>(written).unwrap(), rights);
        for scope in Scope::ALL {
            assert_eq!(serde_json::to_value(scope).unwrap(), scope.as_str());
        }
    }
}
