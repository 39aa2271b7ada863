//! Simulates whole imports: the real use cases run over ports in memory, with injected faults
//! between them, and their outcomes are compared with those of a plain program that takes one row
//! after the other.
//!
//! `SEEDS=10000 cargo test -p tests --test simulation` plays more stories and `SEED=1234` plays
//! one. With `TRACE=1` it prints what each task does.
// A missing value fails the test.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::cast_precision_loss)]

mod api_calls;
mod chance;
mod check;
mod check_audit;
mod check_copies;
mod check_corrections;
mod check_dry_runs;
mod check_external_ids;
mod check_queries;
mod check_undos;
mod gateway;
mod header;
mod large;
mod people;
mod reference;
mod roles;
mod rows;
mod run;
mod story;
mod windows_1252;
mod writing;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

/// The number of stories that are played unless `SEEDS` or `SEED` is set.
const SEEDS: u64 = 300;

#[test]
fn every_correction_is_as_the_reference_says() {
    let seeds = match number("SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SEEDS").unwrap_or(SEEDS),
    };
    let mut corrected = 0;
    for seed in seeds.clone() {
        let played = catch_unwind(AssertUnwindSafe(|| {
            let mut played = run::play_correction(seed);
            check_corrections::check(&played);
            check_corrections::check_row_after(&mut played);
            check_external_ids::check_repair(&played);
            played
        }));
        let Ok(played) = played else {
            panic!(
                "Seed {seed} fails. Play it again: SEED={seed} cargo test -p tests --test simulation correction"
            );
        };
        corrected += u32::from(played.correction.is_some_and(|made| made.was_answered));
    }
    let played = seeds.end - seeds.start;
    eprintln!("{corrected} corrections in {played} stories: all as they should be.");
    assert!(played < SEEDS || u64::from(corrected) > played / 4, "{corrected} corrections only");
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.trim().parse().ok())
}

#[test]
fn every_story_ends_as_the_reference_says() {
    let seeds = match number("SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SEEDS").unwrap_or(SEEDS),
    };
    let (started, total) = (Instant::now(), seeds.end - seeds.start);
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    let mut calls = BTreeSet::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    for seed in seeds {
        let played = catch_unwind(AssertUnwindSafe(|| {
            let mut played = run::play(seed);
            check::check(&played);
            check::check_second_upload(&mut played);
            played
        }));
        let Ok(played) = played else {
            panic!(
                "Seed {seed} fails. Play it again: SEED={seed} cargo test -p tests --test simulation"
            );
        };
        for (what, count) in check::statistics(&played) {
            *seen.entry(what).or_default() += count;
        }
        runtime.block_on(api_calls::call_all(&played));
        check_external_ids::check_repair(&played);
        calls.extend(played.cloud.calls());
        if seed % 500 == 499 {
            eprintln!("{} of {total} stories, {:.0?}", seed + 1, started.elapsed());
        }
    }
    for (what, count) in seen {
        eprintln!("{count:>12} {what}");
    }
    // Fewer stories than usual may not make every call that the roles allow.
    if total >= SEEDS {
        roles::check(&calls);
    }
    eprintln!("{total} stories in {:.0?}: all as they should be.", started.elapsed());
}
