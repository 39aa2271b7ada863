//! Checks dry runs: they tell of each row what a real run would have done at one moment of the
//! story.

use bulk_domain::outcome::RowEffect;

use crate::check::{Outcome, Step, Told, deleted_of, histories, orders, rows_about};
use crate::people::PEOPLE;
use crate::rows::{Ids, Row};
use crate::run::Played;

/// Checks the dry runs of a customer, person by person. The other jobs are stored before the dry
/// run or after it, each whole.
pub fn check_dry_runs(played: &Played, ids: &Ids, outcomes: &[Outcome<'_>], has_earlier: bool) {
    let (dry_runs, effective): (Vec<&Outcome<'_>>, Vec<&Outcome<'_>>) =
        outcomes.iter().partition(|outcome| outcome.is_dry_run);
    for dry_run in dry_runs {
        for person in 0..PEOPLE.len() {
            if dry_run.left(person) || effective.iter().any(|outcome| outcome.left(person)) {
                // Abandoned rows may have been stored or not.
                continue;
            }
            let earliest = usize::from(has_earlier).min(effective.len());
            let deleted = deleted_of(played, person, &effective);
            let histories: Vec<Vec<Step<'_, '_>>> = orders(&effective, has_earlier)
                .iter()
                .flat_map(|order| histories(order, &deleted))
                .collect();
            let differences: Option<Vec<String>> = histories
                .iter()
                .flat_map(|steps| (earliest..=steps.len()).map(move |count| &steps[..count]))
                .map(|before| differs(ids, person, before, dry_run))
                .collect();
            if let Some(differences) = differences {
                panic!("person {person} in a dry run:\n{}", differences.join("\n"));
            }
        }
        // A patient of the earlier job may have been deleted before the dry run.
        let has_earlier = has_earlier && played.deleted.is_empty() && played.undone.is_empty();
        check_warnings_of_others(dry_run, &effective, has_earlier);
    }
}

/// Returns the difference between the rows of a dry run about a person and what the reference makes
/// of them after the other jobs, or `None` if there is none.
fn differs(
    ids: &Ids,
    person: usize,
    before: &[Step<'_, '_>],
    dry_run: &Outcome<'_>,
) -> Option<String> {
    let Told { mut reference, id_of } = match Told::of(ids, person, before, false) {
        Ok(told) => told,
        Err(difference) => return Some(difference),
    };
    rows_about(person, dry_run).find_map(|(row, result)| {
        let expected = reference.row(row, dry_run.age, ids);
        let id = id_of.get(&expected.patient).copied().unwrap_or_default();
        let is_same = (result.effect, &*result.id, result.replaced())
            == (Some(expected.effect), id, expected.warnings.clone());
        (!is_same).then(|| format!("{expected:?} of {id}, not {result:?}"))
    })
}

/// Checks which rows are warned that another patient has their external id.
fn check_warnings_of_others(dry_run: &Outcome<'_>, effective: &[&Outcome<'_>], has_earlier: bool) {
    let valid = |outcome: &Outcome<'_>| -> Vec<Row> {
        let rows = outcome.rows.iter().filter(|(row, _)| row.flaw.is_none());
        rows.map(|(row, _)| (*row).clone()).collect()
    };
    let stored: Vec<Row> = effective.iter().flat_map(|outcome| valid(outcome)).collect();
    let own = valid(dry_run);
    for (row, result) in dry_run.rows.iter().filter(|(_, result)| result.effect.is_some()) {
        let of_id = |other: &&Row| other.external_id == row.external_id;
        let is_created = result.effect == Some(RowEffect::Created);
        if result.is_warned_of_other() {
            assert!(is_created, "a row that would create no patient is warned of another");
            let others = stored.iter().filter(of_id).count() + own.iter().filter(of_id).count() - 1;
            assert!(row.external_id.is_some() && others > 0, "a row is warned of no patient");
        } else if let Some(earlier) = effective.first().filter(|_| has_earlier && is_created) {
            let keeps = |person: usize| {
                let mut rows = stored.iter().chain(&own).filter(|other| other.person == person);
                rows.all(|other| other.external_id.is_none() || of_id(&other))
            };
            let is_taken = row.external_id.is_some()
                && valid(earlier).iter().any(|other| of_id(&other) && keeps(other.person));
            assert!(!is_taken, "no warning of a patient of an earlier job");
        }
    }
}
