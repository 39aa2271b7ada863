//! The people that are known under an identity: read in batches, written on the condition that the
//! version is the expected one.

use bulk_domain::identity::Identity;
use bulk_domain::ids::{CustomerId, RowNumber};
use bulk_domain::matching::{People, RowToMatch};
use bulk_pipeline::ports::{PatientStore, Write};

use crate::given;

/// Returns an identity that differs from those of all other numbers.
fn identity(customer: CustomerId, number: usize) -> Identity {
    let row = given::row("1 Main St");
    let last = format!("{}Nr{number}", "Núñez ".repeat(number % 7)).parse().unwrap();
    Identity::of(customer, &row.first_name, &last, row.dob, row.gender)
}

/// Returns this number of people, who share an identity and nothing else.
fn people(count: u32) -> People {
    let zips: Vec<_> =
        (0..count).map(|number| [format!("{:05}", 10_000 + number).parse().unwrap()]).collect();
    let rows: Vec<_> = (1..)
        .zip(&zips)
        .map(|(row, zips)| RowToMatch { number: RowNumber::new(row), zips })
        .collect();
    People::default().decide(given::job_id(), given::at(given::NOW), &rows, given::patient).people
}

async fn load(ports: &impl PatientStore, identity: Identity) -> Option<(People, u64)> {
    let mut found = ports.load_people(&[identity]).await.unwrap();
    assert!(found.len() <= 1);
    found.remove(&identity).map(|found| (found.value, found.version))
}

pub async fn people_are_stored_only_over_the_version_that_was_read(ports: &impl PatientStore) {
    let identity = identity(given::customer(), 1);
    let [first, second, other] = [1, 2, 9].map(people);
    assert_eq!(
        ports.store_people(&identity, &other, Some(1)).await.unwrap(),
        Write::Conflict,
        "nothing is stored"
    );
    assert_eq!(load(ports, identity).await, None);

    assert_eq!(ports.store_people(&identity, &first, None).await.unwrap(), Write::Done);
    let (_, one) = load(ports, identity).await.unwrap();
    assert_eq!(
        ports.store_people(&identity, &other, None).await.unwrap(),
        Write::Conflict,
        "a version is stored"
    );
    assert_eq!(load(ports, identity).await.unwrap(), (first, one));

    assert_eq!(ports.store_people(&identity, &second, Some(one)).await.unwrap(), Write::Done);
    assert_eq!(
        ports.store_people(&identity, &other, Some(one)).await.unwrap(),
        Write::Conflict,
        "the version has changed"
    );
    let (stored, two) = load(ports, identity).await.unwrap();
    assert_eq!(stored, second);
    assert!(two > one);
}

pub async fn of_many_writes_for_a_new_identity_one_takes_place(ports: &impl PatientStore) {
    let identity = identity(given::customer(), 1);
    let candidates: Vec<_> = (1..9).map(people).collect();
    let writes = candidates.iter().map(|people| ports.store_people(&identity, people, None));
    let writes = futures::future::try_join_all(writes).await.unwrap();
    let done: Vec<_> = (0..8).filter(|&index| writes[index] == Write::Done).collect();
    assert_eq!(done.len(), 1);
    assert_eq!(load(ports, identity).await.unwrap().0, candidates[done[0]]);
}

pub async fn of_hundreds_of_identities_the_known_ones_are_found(ports: &impl PatientStore) {
    let customer = given::customer();
    let asked: Vec<_> = (0..500).map(|number| identity(customer, number)).collect();
    let known: Vec<_> = asked.iter().step_by(2).map(|identity| (*identity, people(2))).collect();
    for (identity, people) in &known {
        assert_eq!(ports.store_people(identity, people, None).await.unwrap(), Write::Done);
    }
    let found = ports.load_people(&asked).await.unwrap();
    assert_eq!(found.len(), known.len());
    assert!(known.iter().all(|(identity, people)| found[identity].value == *people));
    assert_eq!(ports.load_people(&[]).await.unwrap().len(), 0);
}

pub async fn an_identity_that_is_asked_for_twice_is_found_once(ports: &impl PatientStore) {
    let identity = identity(given::customer(), 1);
    let _ = ports.store_people(&identity, &people(1), None).await.unwrap();
    assert_eq!(ports.load_people(&[identity, identity]).await.unwrap().len(), 1);
}

pub async fn more_people_than_an_item_holds_are_refused_for_good(ports: &impl PatientStore) {
    let identity = identity(given::customer(), 1);
    // Of ten thousand patients of one identity, the item keeps as many as fit into it.
    let many = people(10_000);
    assert!((1_800..10_000).contains(&many.people().len()), "{}", many.people().len());
    let mut json = serde_json::to_value(&many).unwrap();
    let list = json["people"].as_array_mut().unwrap();
    *list = [&list[..]; 4].concat();
    let too_many: People = serde_json::from_value(json).unwrap();
    assert!(serde_json::to_string(&too_many).unwrap().len() > 400 * 1024);
    let error = ports.store_people(&identity, &too_many, None).await.unwrap_err();
    assert!(!error.transient, "{error}");
    assert_eq!(load(ports, identity).await, None);
    assert_eq!(ports.store_people(&identity, &many, None).await.unwrap(), Write::Done);
    assert_eq!(load(ports, identity).await.unwrap().0, many);
}

contract!($ people:
    people_are_stored_only_over_the_version_that_was_read,
    of_many_writes_for_a_new_identity_one_takes_place,
    of_hundreds_of_identities_the_known_ones_are_found,
    an_identity_that_is_asked_for_twice_is_found_once,
    more_people_than_an_item_holds_are_refused_for_good,
);
