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
mod check_calls;
mod check_copies;
mod check_downloads;
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

use bulk_domain::undo::KeptReason;

/// The number of stories that are played unless `SEEDS` or `SEED` is set.
const SEEDS: u64 = 300;

#[test]
fn every_call_counts_as_the_reference_says() {
    let seeds = match number("SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SEEDS").unwrap_or(SEEDS),
    };
    let (mut answered, mut seen) = (0, BTreeMap::<String, u64>::new());
    for seed in seeds.clone() {
        let played = catch_unwind(AssertUnwindSafe(|| {
            let mut played = run::play_call(seed);
            check_calls::check(&played);
            check_calls::check_row_after(&mut played);
            check_external_ids::check_repair(&played);
            played
        }));
        let Ok(played) = played else {
            panic!(
                "Seed {seed} fails. Play it again: SEED={seed} cargo test -p tests --test simulation call"
            );
        };
        for (what, count) in check_undos::statistics(&played) {
            *seen.entry(what).or_default() += count;
        }
        answered += u64::from(played.call.is_some_and(|made| made.was_answered));
    }
    for (what, count) in &seen {
        eprintln!("{count:>12} {what}");
    }
    let played = seeds.end - seeds.start;
    eprintln!("{answered} answered calls in {played} stories: all as they should be.");
    let kept = format!("patients of undone jobs kept: {}", KeptReason::ChangedByCall);
    let is_usual = played >= SEEDS;
    assert!(!is_usual || answered > played / 4, "{answered} answered calls only");
    assert!(!is_usual || seen.contains_key(&kept), "no undo met a patient that a call changed");
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
