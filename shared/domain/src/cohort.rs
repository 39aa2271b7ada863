//! Cohorts: named sets of a customer's patients. A row names the cohorts of its patient.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::ids::CohortId;
use crate::label::Label;

/// A cohort: a named group of patients.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Cohort {
    /// The id of the cohort.
    pub id: CohortId,
    /// Name of the cohort.
    pub name: Label,
    /// A description for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Label>,
    /// Color in which your programs show the cohort.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(required))]
    pub color: CohortColor,
}

macro_rules! colors {
    ($($color:ident $name:literal),+ $(,)?) => {
        /// The color of a cohort.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[serde(rename_all = "lowercase")]
        #[expect(missing_docs, reason = "each is the color of its name")]
        pub enum CohortColor {
            $($color,)+
            #[default]
            White,
        }

        impl FromStr for CohortColor {
            type Err = NotAColor;

            fn from_str(text: &str) -> Result<Self, NotAColor> {
                match text.trim().to_ascii_lowercase().as_str() {
                    $($name => Ok(Self::$color),)+
                    "white" => Ok(Self::White),
                    _ => Err(NotAColor),
                }
            }
        }

        /// The text is not the name of a color.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub struct NotAColor;

        impl fmt::Display for NotAColor {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!("not one of ", $($name, ", ",)+ "white"))
            }
        }
    };
}

colors! {
    Red "red",
    Green "green",
    Blue "blue",
    Yellow "yellow",
    Purple "purple",
    Orange "orange",
    Pink "pink",
    Brown "brown",
    Gray "gray",
    Black "black",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_color_is_one_of_a_list_in_any_case() {
        assert_eq!(" Green".parse(), Ok(CohortColor::Green));
        assert_eq!(serde_json::to_string(&CohortColor::Green).unwrap(), "\"green\"");
        assert_eq!(CohortColor::default(), CohortColor::White);
        let refused = "teal".parse::<CohortColor>().unwrap_err().to_string();
        assert_eq!(
            refused,
            "not one of red, green, blue, yellow, purple, orange, pink, brown, gray, black, white"
        );
    }
}
