//! Closed lists of codes about rows: what is wrong with a row, and what it is warned of.

/// Text that is not of the form that problems and warnings are written in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not a problem or a warning of a row")]
pub struct UnknownCode;

/// Defines a closed list of codes. Each has a text, which is the code itself, what it means, and
/// what to do about it. PROBLEMS.md has the same lists.
macro_rules! codes {
    (
        $(#[$about:meta])+
        $list:ident
        $($(#[$doc:meta])+ $name:ident: $text:literal, $meaning:literal, $fix:literal;)+
    ) => {
        $(#[$about])+
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum $list {
            $($(#[$doc])+ $name,)+
        }

        impl $list {
            /// All codes, in the order of the list.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Returns the code: a short lower-case phrase, unique and stable.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }

            /// Returns what it says about the cell or row, in one sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => $meaning),+ }
            }

            /// Returns what to do about it, in one sentence.
            pub const fn fix(self) -> &'static str {
                match self { $(Self::$name => $fix),+ }
            }
        }

        impl std::fmt::Display for $list {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.text())
            }
        }

        impl std::str::FromStr for $list {
            type Err = crate::codes::UnknownCode;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let code = Self::ALL.iter().copied().find(|code| code.text() == text);
                code.ok_or(crate::codes::UnknownCode)
            }
        }
    };
}

pub(crate) use codes;
