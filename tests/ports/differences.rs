//! Where an emulator differs from AWS, promise by promise, and the only place that excuses a broken
//! promise.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::path::Path;

use futures::FutureExt as _;

/// A behavior in which an emulator differs from AWS.
pub struct Difference {
    /// What the emulator does instead of what AWS documents.
    pub because: &'static str,
    /// The promises that the emulator breaks because of it, as in
    /// `queues::a_query_by_hand_arrives`. Each has a part of the text with which it fails, so that
    /// no other failure is taken for the difference.
    pub breaks: &'static [(&'static str, &'static str)],
}

/// Runs a promise, which has to fail if a difference breaks it, so that a difference cannot stay on
/// the list after the emulator has lost it.
pub async fn keep(promise: &str, differences: &[Difference], kept: impl Future<Output = ()>) {
    let broken = differences.iter().find_map(|Difference { because, breaks }| {
        let (_, fails_with) = breaks.iter().find(|(name, _)| *name == promise)?;
        Some((because, fails_with))
    });
    let Some((because, fails_with)) = broken else { return kept.await };
    let Err(panic) = AssertUnwindSafe(kept).catch_unwind().await else {
        panic!("{promise} is kept, so that this is no difference any more: {because}");
    };
    let text = text_of(&*panic);
    assert!(
        text.contains(fails_with),
        "{promise} fails, and not because of this: {because}. {text}"
    );
}

fn text_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or_default()
}

/// The emulators with their differences from AWS.
const ALL: [(&str, &[Difference]); 4] = [
    ("dynalite", crate::dynalite::DIFFERENCES),
    ("dynoxide", crate::dynoxide::DIFFERENCES),
    ("ministack", crate::local_stack::DIFFERENCES),
    ("moto", crate::moto::DIFFERENCES),
];

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

const SAMPLE: &[Difference] =
    &[Difference { because: "a sample", breaks: &[("file::broken", "left: 1")] }];

#[tokio::test]
async fn a_promise_that_a_difference_breaks_is_let_off() {
    keep("file::broken", SAMPLE, async { assert_eq!(1, 2) }).await;
}

#[tokio::test]
#[should_panic(expected = "no difference any more: a sample")]
async fn a_difference_that_breaks_nothing_any_more_fails() {
    keep("file::broken", SAMPLE, async {}).await;
}

#[tokio::test]
#[should_panic(expected = "not because of this: a sample. another reason")]
async fn a_promise_that_breaks_for_another_reason_fails() {
    keep("file::broken", SAMPLE, async { panic!("another reason") }).await;
}

#[tokio::test]
#[should_panic(expected = "left: 1")]
async fn a_promise_that_no_difference_breaks_is_to_be_kept() {
    keep("file::other", SAMPLE, async { assert_eq!(1, 2) }).await;
}

#[test]
fn every_difference_is_from_a_promise_that_there_is() {
    for (emulator, promise) in all() {
        let (file, name) = promise.split_once("::").unwrap();
        let contract = read(&format!("ports/contract/{file}.rs"));
        assert!(contract.contains(&format!("pub async fn {name}(")), "{emulator}: {promise}");
    }
}

#[test]
fn the_guide_lists_every_difference_and_no_other() {
    let guide = read("../infra/docs/local-stack.md");
    let mut listed: Vec<(&str, &str)> = Vec::new();
    for line in guide.lines().filter(|line| line.starts_with('|')) {
        let emulators = ALL.iter().map(|(emulator, _)| *emulator);
        let promises: Vec<&str> = line.split('`').filter(|span| span.contains("::")).collect();
        for emulator in emulators.filter(|emulator| line.contains(emulator)) {
            listed.extend(promises.iter().map(|promise| (emulator, *promise)));
        }
    }
    let mut differences: Vec<_> = all().collect();
    listed.sort_unstable();
    differences.sort_unstable();
    assert_eq!(listed, differences, "infra/docs/local-stack.md, and the lists of the emulators");
}

/// Returns each emulator with each promise that it breaks.
fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    ALL.into_iter().flat_map(|(emulator, differences)| {
        let promises = differences.iter().flat_map(|difference| difference.breaks);
        promises.map(move |(promise, _)| (emulator, *promise))
    })
}
