//! The people of the stories, and the spellings of their names.

use crate::chance::Chance;

/// A person, with all spellings of the names. Spellings differ in nothing that is compared: case,
/// diacritics, and characters other than letters and digits.
pub struct Person {
    first: &'static [Spelling],
    last: &'static [Spelling],
    pub dob: &'static str,
    pub gender: &'static str,
}

/// One spelling of a name.
#[derive(PartialEq, Debug)]
pub struct Spelling {
    /// The name as a file has it.
    written: &'static str,
    /// The name as a patient has it.
    read: &'static str,
    /// The name as a patient has it if the file has it in capitals or in small letters.
    title: &'static str,
}

const fn spelling(name: &'static str) -> Spelling {
    Spelling { written: name, read: name, title: name }
}

const fn untitled(name: &'static str, title: &'static str) -> Spelling {
    Spelling { written: name, read: name, title }
}

/// Few people, so that many rows are about the same patient. The last two differ in one letter of
/// their names.
pub const PEOPLE: [Person; 6] = [
    Person {
        first: &[spelling("Zebedee,Ezra"), spelling("Zebedee Ezra"), spelling("Zebedee, Ezra")],
        last: &[
            spelling("O'Quillon"),
            spelling("O\u{2019}Quillon"),
            untitled("OQuillon", "Oquillon"),
            spelling("O Quillon"),
        ],
        dob: "1950-01-31",
        gender: "M",
    },
    Person {
        first: &[spelling("Ottoline")],
        last: &[
            spelling("Garcia-Lopez"),
            spelling("Garcia Lopez"),
            spelling("García-López"),
            Spelling {
                written: "Garci\u{301}a-Lo\u{301}pez",
                read: "García-López",
                title: "García-López",
            },
        ],
        dob: "1961-12-01",
        gender: "F",
    },
    Person {
        first: &[spelling("José"), spelling("Jose")],
        last: &[spelling("McHuckaby III"), untitled("Mchuckaby III", "McHuckaby III")],
        dob: "1972-02-29",
        gender: "O",
    },
    Person {
        first: &[spelling("Saoirse")],
        last: &[
            untitled("de la Cruz", "De La Cruz"),
            spelling("De La Cruz"),
            untitled("DelaCruz", "Delacruz"),
        ],
        dob: "1983-07-04",
        gender: "U",
    },
    Person {
        first: &[spelling("Ignatius")],
        last: &[spelling("Müller"), spelling("Muller")],
        dob: "1994-10-10",
        gender: "M",
    },
    Person {
        first: &[spelling("Ignatius")],
        last: &[spelling("Mueller")],
        dob: "1994-10-10",
        gender: "M",
    },
];

impl Person {
    /// Returns whether the day of birth can be no month.
    pub fn is_born_late_in_the_month(&self) -> bool {
        self.dob[8..].parse::<u8>().unwrap() > 12
    }

    pub fn first_name(&self, chance: &Chance) -> Name {
        Name::random(self.first, chance)
    }

    pub fn last_name(&self, chance: &Chance) -> Name {
        Name::random(self.last, chance)
    }
}

/// A name as a row has it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Name {
    spelling: &'static Spelling,
    case: Case,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Case {
    AsSpelled,
    Upper,
    Lower,
}

impl Name {
    fn random(spellings: &'static [Spelling], chance: &Chance) -> Self {
        let case = chance.pick(&[Case::AsSpelled, Case::AsSpelled, Case::Upper, Case::Lower]);
        Self { spelling: &spellings[chance.index(spellings.len())], case }
    }

    /// Returns the name in neither upper nor lower case alone.
    pub fn as_spelled(self) -> Self {
        Self { case: Case::AsSpelled, ..self }
    }

    /// Returns the name as the file has it.
    pub fn written(self) -> String {
        match self.case {
            Case::AsSpelled => self.spelling.written.to_owned(),
            Case::Upper => self.spelling.written.to_uppercase(),
            Case::Lower => self.spelling.written.to_lowercase(),
        }
    }

    /// Returns the name of a patient that had the name `stored` before the row. Capitals alone, and
    /// small letters alone, do not replace a name that differs in case only.
    pub fn replacing(self, stored: Option<&str>) -> String {
        let (read, is_in_one_case) = match self.case {
            Case::AsSpelled => (self.spelling.read, false),
            Case::Upper | Case::Lower => (self.spelling.title, true),
        };
        match stored {
            Some(stored) if is_in_one_case && stored.to_lowercase() == read.to_lowercase() => {
                stored.to_owned()
            }
            _ => read.to_owned(),
        }
    }
}

/// Returns what is compared of a name: its letters and digits, without case and diacritics.
fn compared(name: &str) -> String {
    let letter = |c: char| match c {
        'á' => Some('a'),
        'é' => Some('e'),
        'í' => Some('i'),
        'ó' => Some('o'),
        'ü' => Some('u'),
        c => c.is_alphanumeric().then_some(c),
    };
    name.to_lowercase().chars().filter_map(letter).collect()
}

/// Returns the index of the person with these names, date of birth and gender.
pub fn person(first: &str, last: &str, dob: &str, gender: &str) -> usize {
    let is = |person: &Person| {
        (person.dob, person.gender) == (dob, gender)
            && compared(person.first[0].written) == compared(first)
            && compared(person.last[0].written) == compared(last)
    };
    let found: Vec<usize> = (0..PEOPLE.len()).filter(|&index| is(&PEOPLE[index])).collect();
    let [person] = found[..] else { panic!("persons {found:?} are {first} {last}, {dob}") };
    person
}

/// Returns whether a text has a name of one of the people.
pub fn names_a_person(text: &str) -> bool {
    let mut names = PEOPLE.iter().flat_map(|person| person.first.iter().chain(person.last));
    names.any(|name| text.contains(name.written) || text.contains(name.title))
}

#[test]
fn every_spelling_is_the_name_of_one_person() {
    for (index, one) in PEOPLE.iter().enumerate() {
        for first in one.first {
            for last in one.last {
                assert_eq!(person(first.title, last.read, one.dob, one.gender), index);
            }
        }
    }
}
