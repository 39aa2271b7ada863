//! The columns of the import and their names: what every other part of the file's reading refers
//! to.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What a column of the import holds. In canonical order: the order in which the documentation
/// lists the columns, and in which errors name them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[allow(missing_docs)] // Each is named as its column.
pub enum Field {
    ExternalId,
    FirstName,
    LastName,
    Dob,
    Gender,
    AddressLine1,
    AddressLine2,
    City,
    State,
    Zip,
    Phone,
    Email,
    Ssn,
    DriversLicenceNo,
    DriversLicenceState,
    Cohort,
    FacilityId,
    HieOptOut,
}

impl Field {
    /// Every field, in canonical order.
    pub const ALL: [Self; 18] = [
        Self::ExternalId,
        Self::FirstName,
        Self::LastName,
        Self::Dob,
        Self::Gender,
        Self::AddressLine1,
        Self::AddressLine2,
        Self::City,
        Self::State,
        Self::Zip,
        Self::Phone,
        Self::Email,
        Self::Ssn,
        Self::DriversLicenceNo,
        Self::DriversLicenceState,
        Self::Cohort,
        Self::FacilityId,
        Self::HieOptOut,
    ];

    /// The canonical name of the column, without an index.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ExternalId => "externalId",
            Self::FirstName => "firstName",
            Self::LastName => "lastName",
            Self::Dob => "dob",
            Self::Gender => "gender",
            Self::AddressLine1 => "addressLine1",
            Self::AddressLine2 => "addressLine2",
            Self::City => "city",
            Self::State => "state",
            Self::Zip => "zip",
            Self::Phone => "phone",
            Self::Email => "email",
            Self::Ssn => "ssn",
            Self::DriversLicenceNo => "driversLicenceNo",
            Self::DriversLicenceState => "driversLicenceState",
            Self::Cohort => "cohort",
            Self::FacilityId => "facilityId",
            Self::HieOptOut => "hieOptOut",
        }
    }

    /// Whether there can be up to ten columns of it, told apart by an index.
    pub const fn is_grouped(self) -> bool {
        self.is_address() || matches!(self, Self::Phone | Self::Email | Self::Cohort)
    }

    /// Whether it is a part of an address.
    pub const fn is_address(self) -> bool {
        matches!(
            self,
            Self::AddressLine1 | Self::AddressLine2 | Self::City | Self::State | Self::Zip
        )
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The index of a grouped column, 1 to 10. A grouped column without an index comes before the
/// first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Slot(u8);

impl Slot {
    /// The lowest index of a group.
    pub const FIRST: Self = Self(1);
    /// The highest index of a group.
    pub const LAST: Self = Self(10);

    /// Returns the index with this number, if it is 1 to 10.
    pub fn new(number: u32) -> Option<Self> {
        let number = u8::try_from(number).ok()?;
        (Self::FIRST.0..=Self::LAST.0).contains(&number).then_some(Self(number))
    }

    /// Returns its number, 1 to 10.
    pub const fn get(self) -> u8 {
        self.0
    }

    /// Returns every index in order.
    pub fn all() -> impl Iterator<Item = Self> {
        (Self::FIRST.0..=Self::LAST.0).map(Self)
    }
}

/// The canonical name of a column, with the index if the file's header gave one: `zip`, `zip-2`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ColumnName {
    /// What the column holds.
    pub field: Field,
    /// Its index, if it was written with one.
    pub slot: Option<Slot>,
}

impl ColumnName {
    /// A name from its parts.
    pub const fn new(field: Field, slot: Option<Slot>) -> Self {
        Self { field, slot }
    }
}

impl fmt::Display for ColumnName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.slot {
            None => f.write_str(self.field.name()),
            Some(slot) => write!(f, "{}-{}", self.field, slot.0),
        }
    }
}

/// Text that is not a canonical column name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a column name")]
pub struct UnknownColumn;

impl FromStr for ColumnName {
    type Err = UnknownColumn;

    /// Reads what [`Display`](fmt::Display) writes, and nothing else.
    fn from_str(text: &str) -> Result<Self, UnknownColumn> {
        let (base, index) = match text.split_once('-') {
            Some((base, index)) => (base, Some(index)),
            None => (text, None),
        };
        let field =
            Field::ALL.into_iter().find(|field| field.name() == base).ok_or(UnknownColumn)?;
        let slot = match index {
            None => None,
            Some(index) => {
                let slot = index.parse().ok().and_then(Slot::new).ok_or(UnknownColumn)?;
                if !field.is_grouped() {
                    return Err(UnknownColumn);
                }
                Some(slot)
            }
        };
        let name = Self { field, slot };
        if name.to_string() == text { Ok(name) } else { Err(UnknownColumn) }
    }
}

impl Serialize for ColumnName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ColumnName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
