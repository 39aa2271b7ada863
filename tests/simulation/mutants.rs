//! Checks that the simulation notices bugs: it switches on each bug of `bulk_domain::mutants`, and
//! plays stories until one fails.
//!
//! `make mutants SEEDS=15000` plants all bugs, and `MUTANT=LeaseIgnored` plants one. Without
//! `MUTANTS=all`, only the bugs are tried that few seeds notice.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::cast_precision_loss)]
// The modules are those of the simulation, which uses more of their items.
#![allow(dead_code)]

mod chance;
mod check;
mod check_audit;
mod check_calls;
mod check_copies;
mod check_downloads;
mod check_dry_runs;
mod check_external_ids;
mod check_queries;
mod check_undos;
mod gateway;
mod header;
mod people;
mod reference;
mod rows;
mod run;
mod story;
mod windows_1252;
mod writing;

use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};

use bulk_domain::mutants::{Bug, switch_on};

/// The number of seeds that are played for each bug, unless `SEEDS` is set.
const SEEDS: u64 = 200;

/// Every run plants the bugs that need at most this many seeds.
const FEW: u64 = 40;

/// Returns the number of seeds until one noticed the bug, or `None` if none did.
fn noticed_after(bug: Bug, seeds: u64) -> Option<u64> {
    // Some bugs need more seeds than most, because only a crash or a conflict at one place shows
    // them.
    let seeds = seeds.max(2 * bug.seeds());
    switch_on(Some(bug));
    let fails = |seed: &u64| {
        let played = catch_unwind(AssertUnwindSafe(|| {
            let mut played = run::play(*seed);
            check::check(&played);
            check::check_second_upload(&mut played);
            check_external_ids::check_repair(&played);
            let mut called = run::play_call(*seed);
            check_calls::check(&called);
            check_calls::check_row_after(&mut called);
        }));
        played.is_err()
    };
    let noticed = (0..seeds).find(fails).map(|seed| seed + 1);
    switch_on(None);
    noticed
}

#[test]
fn every_bug_is_noticed() {
    let text = |name| std::env::var(name).ok().filter(|text| !text.is_empty());
    let (wanted, all) = (text("MUTANT"), text("MUTANTS").is_some());
    let seeds = text("SEEDS").map_or(SEEDS, |seeds| seeds.parse().unwrap());
    let is_tried = |bug: &Bug| match &wanted {
        Some(name) => format!("{bug:?}") == *name,
        None => all || bug.seeds() <= FEW,
    };
    // A story is expected to fail here, so that its panic is not printed.
    let hook = take_hook();
    set_hook(Box::new(|_| {}));
    let tried: Vec<(Bug, Option<u64>)> = Bug::ALL
        .iter()
        .copied()
        .filter(is_tried)
        .map(|bug| {
            let noticed = noticed_after(bug, seeds);
            let after = noticed.map_or("NOT NOTICED".to_owned(), |seeds| format!("{seeds} seeds"));
            eprintln!("{after:>12}  {bug:?}: {}", bug.what());
            (bug, noticed)
        })
        .collect();
    set_hook(hook);
    assert!(!tried.is_empty(), "no such bug");
    let missed: Vec<Bug> =
        tried.iter().filter(|(_, noticed)| noticed.is_none()).map(|(bug, _)| *bug).collect();
    assert!(missed.is_empty(), "not noticed within {seeds} seeds: {missed:?}");
}
