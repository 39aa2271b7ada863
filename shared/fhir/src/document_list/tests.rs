use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

const RESPECTED: &str = "https://h/fhir/DocumentReference?patient=p1&status=current";

fn document(id: &str) -> Value {
    json!({
        "resourceType": "DocumentReference",
        "id": id,
        "status": "current",
        "subject": {"reference": "Patient/p1"},
        "content": [{"attachment": {"contentType": "application/pdf", "url": format!("Binary/{id}")}}],
    })
}

fn with(mut document: Value, field: &str, value: Value) -> Value {
    document[field] = value;
    document
}

fn page(self_link: Option<&str>, resources: &[Value]) -> Value {
    let links = self_link.map(|url| json!({"relation": "self", "url": url}));
    let entries: Vec<_> = resources.iter().map(|resource| json!({"resource": resource})).collect();
    json!({
        "resourceType": "Bundle",
        "type": "searchset",
        "link": links.into_iter().collect::<Vec<_>>(),
        "entry": entries,
    })
}

fn collect(limit: usize, pages: &[Value]) -> Result<DocumentList, Fault> {
    let base = Url::parse("https://h/fhir/DocumentReference").unwrap();
    let patient = GatewayPatientId::new("p1").unwrap();
    let mut collector = Collector::new(&patient, limit);
    for page in pages {
        let body = page.to_string();
        assert!(collector.add(&SearchSet::read(body.as_bytes())?, &base)?.is_continue());
    }
    Ok(collector.into())
}

fn ids(list: &DocumentList) -> Vec<&str> {
    list.records.iter().map(|record| record.document.id.as_str()).collect()
}

#[test]
fn the_documents_of_all_pages_are_kept_in_order_and_once() {
    let pages = [
        page(Some(RESPECTED), &[document("b"), document("a")]),
        page(None, &[document("a"), document("c")]),
        page(None, &[]),
    ];
    let list = collect(10, &pages).unwrap();
    assert_eq!(ids(&list), ["b", "a", "c"]);
    assert_eq!((list.unreadable, list.incomplete), (0, false));
}

#[test]
fn only_current_documents_are_kept() {
    let documents = [
        document("a"),
        with(document("b"), "status", json!("superseded")),
        with(document("c"), "status", json!("entered-in-error")),
        with(document("d"), "status", Value::Null),
    ];
    assert_eq!(ids(&collect(10, &[page(Some(RESPECTED), &documents)]).unwrap()), ["a", "d"]);
}

#[test]
fn what_cannot_be_read_is_counted_and_spoils_no_other() {
    let mut page =
        page(Some(RESPECTED), &[document("a"), with(document("b"), "id", json!("")), json!([7])]);
    page["entry"].as_array_mut().unwrap().push(json!(7));
    page["entry"].as_array_mut().unwrap().push(json!({"resource": document("c")}));
    let list = collect(10, &[page]).unwrap();
    assert_eq!((ids(&list), list.unreadable), (vec!["a", "c"], 2));
}

#[test]
fn included_resources_and_outcomes_are_no_documents() {
    let mut page = page(
        Some(RESPECTED),
        &[
            document("a"),
            json!({"resourceType": "Patient", "id": "p1"}),
            json!({"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "incomplete"}]}),
        ],
    );
    page["entry"]
        .as_array_mut()
        .unwrap()
        .push(json!({"resource": document("b"), "search": {"mode": "include"}}));
    let list = collect(10, &[page]).unwrap();
    assert_eq!((ids(&list), list.unreadable, list.incomplete), (vec!["a"], 0, true));
}

#[test]
fn a_gateway_that_does_not_say_it_asked_for_the_patient_must_show_it_in_every_document() {
    let unproven = [None, Some("https://h/fhir/DocumentReference?status=current")];
    for self_link in unproven {
        assert_eq!(ids(&collect(10, &[page(self_link, &[document("a")])]).unwrap()), ["a"]);
        for subject in [
            json!({"reference": "Patient/p2"}),
            json!({"reference": "Patient/p10"}),
            json!({"reference": "Group/p1"}),
            json!({"display": "Dr. Canary"}),
            Value::Null,
        ] {
            let foreign = with(document("b"), "subject", subject);
            let pages = [page(self_link, &[document("a"), foreign.clone()])];
            assert_eq!(collect(10, &pages), Err(Fault::OtherPatient), "{foreign}");
            // One that says it did knows best, as when a record was merged into another.
            assert_eq!(ids(&collect(10, &[page(Some(RESPECTED), &[foreign])]).unwrap()), ["b"]);
        }
    }
}

#[test]
fn what_the_first_page_says_of_the_search_holds_for_all() {
    let silent = with(document("b"), "subject", Value::Null);
    let opaque = Some("https://h/fhir?page=2");
    let pages = [page(Some(RESPECTED), &[document("a")]), page(opaque, &[silent])];
    assert_eq!(ids(&collect(10, &pages).unwrap()), ["a", "b"]);
}

#[test]
fn more_documents_than_the_limit_are_a_fault() {
    let pages =
        [page(Some(RESPECTED), &[document("a"), document("b")]), page(None, &[document("b")])];
    assert_eq!(ids(&collect(2, &pages).unwrap()), ["a", "b"]);
    assert_eq!(collect(1, &pages), Err(Fault::TooManyDocuments));
}

#[test]
fn a_list_that_ends_before_all_that_were_counted_is_incomplete() {
    let counted =
        |total: Value, documents: &[Value]| with(page(Some(RESPECTED), documents), "total", total);
    let superseded = with(document("b"), "status", json!("superseded"));
    for (total, incomplete) in [
        (json!(3), true),
        (json!("3"), true),
        (json!(2), false),
        (json!(0), false),
        (Value::Null, false),
    ] {
        let pages = [counted(total.clone(), &[document("a"), superseded.clone()])];
        assert_eq!(collect(10, &pages).unwrap().incomplete, incomplete, "{total}");
    }
    // Later pages may count again, or not at all.
    let pages = [counted(json!(2), &[document("a")]), page(None, &[document("b")])];
    assert!(!collect(10, &pages).unwrap().incomplete);
    let pages = [
        counted(json!(2), &[document("a")]),
        counted(json!(3), &[document("b"), with(document("c"), "id", json!(""))]),
    ];
    assert!(!collect(10, &pages).unwrap().incomplete);
}

proptest! {
    /// A page with a few bytes changed, taken out or put in is read or refused, and all that is
    /// read of it is a document of this patient.
    #[test]
    fn a_damaged_page_is_read_or_refused(
        damage in prop::collection::vec((any::<prop::sample::Index>(), 0..3u8, any::<u8>()), 1..6),
        end in any::<prop::sample::Index>(),
        cut in any::<bool>(),
    ) {
        let mut body = page(None, &[document("a"), document("b")]).to_string().into_bytes();
        for (place, what, byte) in damage {
            let place = place.index(body.len());
            match what {
                0 => body[place] = byte,
                1 => body.insert(place, byte),
                _ => drop(body.remove(place)),
            }
        }
        if cut {
            body.truncate(end.index(body.len()));
        }
        let base = Url::parse("https://h/fhir/DocumentReference").unwrap();
        let patient = GatewayPatientId::new("p1").unwrap();
        let mut collector = Collector::new(&patient, 10);
        if let Ok(read) = SearchSet::read(&body) && collector.add(&read, &base).is_ok() {
            prop_assert!(DocumentList::from(collector).records.len() <= 2);
        }
    }
}
