//! Persons: read in batches of any size, written on the condition that the version is the expected
//! one.

use bulk_domain::hash_key::Bucket;
use bulk_domain::ids::{CustomerId, PatientId};
use bulk_domain::person::Person;
use bulk_pipeline::ports::{PatientStore, Write};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use uuid::Uuid;

use crate::given;

/// Bytes of the largest item that DynamoDB takes, names and keys included.
const LARGEST_ITEM: usize = 400 * 1024;

async fn load(
    ports: &impl PatientStore,
    customer: CustomerId,
    bucket: Bucket,
) -> Option<(Person, u64)> {
    let mut found = ports.load_people(customer, &[bucket]).await.unwrap();
    assert!(found.len() <= 1);
    found.remove(&bucket).map(|found| (found.value, found.version))
}

async fn create(ports: &impl PatientStore, customer: CustomerId, person: &Person) -> Bucket {
    let bucket = given::bucket();
    assert_eq!(ports.store_person(customer, bucket, person, None).await.unwrap(), Write::Done);
    bucket
}

pub async fn a_person_is_loaded_as_it_was_stored_letter_by_letter(ports: &impl PatientStore) {
    let (customer, person) = (given::customer(), given::person("Straße des 17. Juni \u{1F600}"));
    let bucket = create(ports, customer, &person).await;
    assert_eq!(load(ports, customer, bucket).await.unwrap().0, person);
}

pub async fn a_person_is_stored_only_over_the_version_that_was_read(ports: &impl PatientStore) {
    let (customer, bucket) = (given::customer(), given::bucket());
    let [first, second, third, other] = ["1", "2", "3", "4"].map(given::person);
    assert_eq!(
        ports.store_person(customer, bucket, &other, Some(1)).await.unwrap(),
        Write::Conflict,
        "nothing is stored"
    );
    assert_eq!(load(ports, customer, bucket).await, None);

    assert_eq!(ports.store_person(customer, bucket, &first, None).await.unwrap(), Write::Done);
    let (_, one) = load(ports, customer, bucket).await.unwrap();
    assert_eq!(
        ports.store_person(customer, bucket, &other, None).await.unwrap(),
        Write::Conflict,
        "a version is stored"
    );
    assert_eq!(load(ports, customer, bucket).await.unwrap(), (first, one));

    assert_eq!(
        ports.store_person(customer, bucket, &second, Some(one)).await.unwrap(),
        Write::Done
    );
    let (_, two) = load(ports, customer, bucket).await.unwrap();
    assert!(two > one);
    for version in [None, Some(one), Some(two + 1), Some(0)] {
        let write = ports.store_person(customer, bucket, &other, version).await.unwrap();
        assert_eq!(write, Write::Conflict, "{version:?} over {two}");
    }
    assert_eq!(load(ports, customer, bucket).await.unwrap(), (second, two));

    assert_eq!(ports.store_person(customer, bucket, &third, Some(two)).await.unwrap(), Write::Done);
    assert_eq!(load(ports, customer, bucket).await.unwrap().0, third);
}

pub async fn a_person_without_patients_is_stored_with_what_it_remembers(ports: &impl PatientStore) {
    let (customer, bucket) = (given::customer(), given::bucket());
    let person = given::person_in(bucket, &["02110", "60601"]);
    assert_eq!(ports.store_person(customer, bucket, &person, None).await.unwrap(), Write::Done);
    let mut deleted = person.clone();
    for record in person.patients() {
        assert!(deleted.delete(record.patient.id, &given::HASH_KEY, None, given::at(given::NOW)));
    }
    assert!(deleted.forgotten_at().is_some());
    assert_eq!(ports.store_person(customer, bucket, &deleted, Some(1)).await.unwrap(), Write::Done);
    assert_eq!(load(ports, customer, bucket).await.unwrap(), (deleted, 2));
    assert_eq!(ports.store_person(customer, bucket, &person, None).await.unwrap(), Write::Conflict);
    assert_eq!(ports.store_person(customer, bucket, &person, Some(2)).await.unwrap(), Write::Done);
    assert_eq!(load(ports, customer, bucket).await.unwrap(), (person, 3));
}

pub async fn of_many_writes_over_one_version_one_takes_place(ports: &impl PatientStore) {
    let (customer, bucket) = (given::customer(), given::bucket());
    for version in [None, Some(1)] {
        let people: Vec<_> =
            (0..8).map(|n| given::person(&format!("{n} of {version:?}"))).collect();
        let writes =
            people.iter().map(|person| ports.store_person(customer, bucket, person, version));
        let writes = futures::future::try_join_all(writes).await.unwrap();
        let done: Vec<_> = (0..8).filter(|&index| writes[index] == Write::Done).collect();
        assert_eq!(done.len(), 1);
        assert_eq!(load(ports, customer, bucket).await.unwrap().0, people[done[0]]);
    }
}

pub async fn new_persons_are_inserted_and_stored_ones_stay(ports: &impl PatientStore) {
    let (customer, stored) = (given::customer(), given::person("stored"));
    let known = create(ports, customer, &stored).await;
    // What would end a text, a value or a statement if it was part of one.
    let texts = ["O'Hara \"?\" }", "\\ ; -- \n", "\u{1F600} 李"];
    let mut people: Vec<(Bucket, Person)> = (0..60)
        .map(|number| (given::bucket(), given::person(&format!("{number} {}", texts[number % 3]))))
        .collect();
    people.insert(30, (known, given::person("late")));
    let refs: Vec<(Bucket, &Person)> = people.iter().map(|(at, person)| (*at, person)).collect();
    let is_stored = ports.insert_people(customer, &refs).await.unwrap();
    assert_eq!(is_stored.len(), 61);
    for ((bucket, person), is_stored) in people.iter().zip(is_stored) {
        assert_eq!(is_stored, *bucket != known);
        let (found, version) = load(ports, customer, *bucket).await.unwrap();
        assert_eq!(&found, if is_stored { person } else { &stored });
        let write = ports.store_person(customer, *bucket, &stored, Some(version)).await.unwrap();
        assert_eq!(write, Write::Done, "versions begin as those of persons stored one by one");
    }
    assert_eq!(ports.insert_people(customer, &refs).await.unwrap(), [false; 61]);
    let other = given::customer();
    assert_eq!(ports.insert_people(other, &refs).await.unwrap(), [true; 61], "of another customer");
    assert!(ports.insert_people(customer, &[]).await.unwrap().is_empty());
}

pub async fn a_bucket_of_one_customer_is_none_of_another(ports: &impl PatientStore) {
    let (customer, other) = (given::customer(), given::customer());
    let (mine, theirs) = (given::person("1 Main St"), given::person("2 Oak Ave"));
    let bucket = create(ports, customer, &mine).await;
    assert_eq!(load(ports, other, bucket).await, None);
    assert_eq!(ports.store_person(other, bucket, &theirs, None).await.unwrap(), Write::Done);
    assert_eq!(load(ports, customer, bucket).await.unwrap().0, mine);
    assert_eq!(load(ports, other, bucket).await.unwrap().0, theirs);
}

pub async fn of_hundreds_those_that_exist_are_found(ports: &impl PatientStore) {
    let customer = given::customer();
    let (mut stored, mut asked) = (Vec::new(), Vec::new());
    for number in 0..250 {
        let person = given::person(&format!("{number} Main St"));
        let bucket = create(ports, customer, &person).await;
        asked.extend([given::bucket(), bucket]);
        stored.push((bucket, person));
    }
    let found = ports.load_people(customer, &asked).await.unwrap();
    assert_eq!(found.len(), stored.len());
    assert!(stored.iter().all(|(bucket, person)| found[bucket].value == *person));
}

pub async fn no_person_is_found_if_none_is_asked_for(ports: &impl PatientStore) {
    assert_eq!(ports.load_people(given::customer(), &[]).await.unwrap().len(), 0);
}

pub async fn a_bucket_that_is_asked_for_twice_is_found_once(ports: &impl PatientStore) {
    let customer = given::customer();
    let bucket = create(ports, customer, &given::person("1 Main St")).await;
    let asked = [bucket, given::bucket(), bucket];
    assert_eq!(ports.load_people(customer, &asked).await.unwrap().len(), 1);
}

pub async fn patients_are_found_by_their_ids_and_nothing_by_forged_ones(ports: &impl PatientStore) {
    let (customer, other) = (given::customer(), given::customer());
    let bucket = given::bucket();
    let person = given::person_in(bucket, &["02110", "60601"]);
    assert_eq!(ports.store_person(customer, bucket, &person, None).await.unwrap(), Write::Done);
    let ids: Vec<PatientId> = person.patients().map(|record| record.patient.id).collect();
    assert_eq!(ids.len(), 2);
    let forged = [
        bucket.patient(1),
        given::patient(),
        PatientId::new(Uuid::now_v7()),
        PatientId::new(Uuid::nil()),
    ];
    let asked = [&forged[..], &ids[..1], &ids[..]].concat();
    let found = ports.load_patients(customer, &asked).await.unwrap();
    assert_eq!(found.len(), 2);
    assert!(person.patients().all(|record| found[&record.patient.id] == *record));
    let first = ports.load_patients(customer, &ids[..1]).await.unwrap();
    assert_eq!(first.keys().collect::<Vec<_>>(), [&ids[0]]);
    assert!(ports.load_patients(other, &asked).await.unwrap().is_empty());
}

/// DynamoDB answers a batch with 16 MB at most, and returns the other keys as unprocessed.
pub async fn answers_of_more_than_16_mb_come_complete(ports: &impl PatientStore) {
    let customer = given::customer();
    let people: Vec<_> =
        (0..45).map(|_| (given::bucket(), given::person_of_bytes(390_000))).collect();
    let stores = stream::iter(&people)
        .map(|(bucket, person)| ports.store_person(customer, *bucket, person, None));
    let writes: Vec<Write> = stores.buffered(4).try_collect().await.unwrap();
    assert!(writes.iter().all(|write| *write == Write::Done));
    let asked: Vec<_> = people.iter().map(|(bucket, _)| *bucket).collect();
    let found = ports.load_people(customer, &asked).await.unwrap();
    assert_eq!(found.len(), people.len());
    assert!(people.iter().all(|(bucket, person)| found[bucket].value == *person));
}

pub async fn the_largest_person_that_rows_make_is_stored(ports: &impl PatientStore) {
    let (customer, person) = (given::customer(), given::person_of_5000_addresses());
    let bucket = create(ports, customer, &person).await;
    assert_eq!(load(ports, customer, bucket).await.unwrap().0, person);
}

pub async fn a_person_of_nearly_400_kb_is_stored_and_a_larger_one_refused_for_good(
    ports: &impl PatientStore,
) {
    let customer = given::customer();
    let large = given::person_of_bytes(LARGEST_ITEM - 200);
    let bucket = create(ports, customer, &large).await;
    assert_eq!(load(ports, customer, bucket).await.unwrap().0, large);

    let (bucket, too_large) = (given::bucket(), given::person_of_bytes(LARGEST_ITEM));
    let error = ports.store_person(customer, bucket, &too_large, None).await.unwrap_err();
    assert!(!error.transient && error.code.contains("ValidationException"), "{error}");
    assert_eq!(load(ports, customer, bucket).await, None);
}

pub async fn several_persons_are_stored_all_or_none(ports: &impl PatientStore) {
    let customer = given::customer();
    let [first, second, third, other] = ["1", "2", "3", "4"].map(given::person);
    let a = create(ports, customer, &first).await;
    let (b, c) = (given::bucket(), given::bucket());
    let all = [(a, other.clone(), Some(1)), (b, second.clone(), None), (c, third.clone(), None)];
    for wrong in 0..all.len() {
        let mut people = all.clone();
        people[wrong].2 = Some(7);
        assert_eq!(ports.store_people(customer, &people).await.unwrap(), Write::Conflict);
        assert_eq!(load(ports, customer, a).await, Some((first.clone(), 1)), "{wrong}");
        assert_eq!(load(ports, customer, b).await, None, "{wrong}");
        assert_eq!(load(ports, customer, c).await, None, "{wrong}");
    }
    assert_eq!(ports.store_people(customer, &all).await.unwrap(), Write::Done);
    assert_eq!(load(ports, customer, a).await, Some((other, 2)));
    assert_eq!(load(ports, customer, b).await, Some((second, 1)));
    assert_eq!(load(ports, customer, c).await, Some((third.clone(), 1)));
    assert_eq!(ports.store_people(customer, &all).await.unwrap(), Write::Conflict, "again");
    let one = [(c, first.clone(), Some(1))];
    assert_eq!(ports.store_people(customer, &one).await.unwrap(), Write::Done);
    assert_eq!(load(ports, customer, c).await, Some((first, 2)));
}

contract!($ people:
    a_person_is_loaded_as_it_was_stored_letter_by_letter,
    a_person_is_stored_only_over_the_version_that_was_read,
    a_person_without_patients_is_stored_with_what_it_remembers,
    of_many_writes_over_one_version_one_takes_place,
    new_persons_are_inserted_and_stored_ones_stay,
    a_bucket_of_one_customer_is_none_of_another,
    of_hundreds_those_that_exist_are_found,
    no_person_is_found_if_none_is_asked_for,
    a_bucket_that_is_asked_for_twice_is_found_once,
    patients_are_found_by_their_ids_and_nothing_by_forged_ones,
    answers_of_more_than_16_mb_come_complete,
    the_largest_person_that_rows_make_is_stored,
    a_person_of_nearly_400_kb_is_stored_and_a_larger_one_refused_for_good,
    several_persons_are_stored_all_or_none,
);
