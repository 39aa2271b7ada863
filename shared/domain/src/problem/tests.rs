use std::collections::HashSet;
use std::fmt::Write as _;

use super::*;

#[test]
fn texts_are_unique_short_and_can_be_joined() {
    let texts: HashSet<_> = Problem::ALL.iter().map(|problem| problem.text()).collect();
    assert_eq!(texts.len(), Problem::ALL.len());
    for text in texts {
        assert!(text.len() <= 40, "{text}");
        assert!(!text.contains([';', ':', '"', '\n', '|']), "{text}");
    }
}

#[test]
fn problems_are_read_back_from_their_text() {
    for &problem in Problem::ALL {
        assert_eq!(problem.text().parse(), Ok(problem));
        for column in ["row", "dob", "zip-2"] {
            let text = format!("{column}: {problem}");
            let parsed: RowProblem = text.parse().unwrap();
            assert_eq!((parsed.to_string(), parsed.problem), (text, problem));
        }
    }
    let text = "row: not UTF-8; dob: no such day; zip-2: missing";
    let problems: RowProblems = text.parse().unwrap();
    assert_eq!(problems.to_string(), text);
    assert_eq!(problems.iter().count(), 3);
    assert_eq!(serde_json::to_string(&problems).unwrap(), format!("\"{text}\""));
    assert_eq!(serde_json::from_str::<RowProblems>(&format!("\"{text}\"")).unwrap(), problems);
}

#[test]
fn other_text_is_no_problem() {
    for text in [
        "",
        "dob",
        "dob: ",
        "dob: 1980-02-30",
        "Dob: missing",
        "nickname: missing",
        "dob: missing;",
    ] {
        assert_eq!(text.parse::<RowProblems>(), Err(UnknownCode), "{text:?}");
    }
}

/// The table in PROBLEMS.md.
fn table() -> String {
    let mut table = String::from("| problem | what it means | what to do |\n|---|---|---|\n");
    for problem in Problem::ALL {
        writeln!(table, "| `{}` | {} | {} |", problem.text(), problem.meaning(), problem.fix())
            .unwrap();
    }
    table
}

#[test]
fn the_documentation_lists_every_problem() {
    let documented = include_str!("../../PROBLEMS.md");
    let table = table();
    assert!(documented.contains(&table), "PROBLEMS.md should hold this table:\n\n{table}");
}
