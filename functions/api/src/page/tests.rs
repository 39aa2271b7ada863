use super::*;

fn parse<P: Place>(
    count: Option<&str>,
    from_item: Option<&str>,
) -> Result<PageRequest<P>, ApiError> {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    let query = PageQuery { count: owned(count), from_item: owned(from_item), to_item: None };
    PageRequest::parse(&query)
}

#[test]
fn a_page_has_a_hundred_items_unless_another_number_up_to_500_is_asked_for() {
    let count = |text: &str| parse::<JobId>(Some(text), None).map(|page| page.count).ok();
    assert_eq!(parse::<JobId>(None, None).unwrap(), PageRequest::first(100));
    assert_eq!((count(""), count("1"), count(" 500 ")), (Some(100), Some(1), Some(500)));
    for text in ["0", "501", "-1", "1.5", "x"] {
        assert_eq!(count(text), None, "{text}");
    }
    assert!(parse::<JobId>(None, Some("x")).is_err());
}

#[test]
fn a_page_is_asked_for_by_its_first_or_by_its_last_item() {
    let id = "019b76da-a800-7000-8000-0000000000a1";
    let edge = |from: &str, to: &str| {
        let query = PageQuery {
            count: None,
            from_item: Some(from.to_owned()),
            to_item: Some(to.to_owned()),
        };
        PageRequest::<JobId>::parse(&query).map(|request| request.edge).map_err(|e| e.to_string())
    };
    assert_eq!(edge("", " "), Ok(Edge::First));
    assert_eq!(edge(id, ""), Ok(Edge::From(id.parse().unwrap())));
    assert_eq!(edge("", id), Ok(Edge::To(id.parse().unwrap())));
    assert_eq!(edge("", "x").unwrap_err(), "toItem must be taken from meta.prevPage");
    assert_eq!(edge(id, id).unwrap_err(), "fromItem and toItem cannot be given together");
}

#[test]
fn a_list_that_is_read_in_one_go_has_all_items_unless_fewer_are_asked_for() {
    assert_eq!(parse::<CohortId>(None, None).unwrap().count, 20_000);
    assert_eq!(parse::<CohortId>(Some("7"), None).unwrap().count, 7);
    let refused = parse::<CohortId>(Some("20001"), None).unwrap_err().to_string();
    assert_eq!(refused, "count must be a number from 1 to 20000");
}

#[test]
fn bytes_are_counted_as_of_a_string_of_json_in_json() {
    for item in ["", "plain", "Zoë \"李\" C:\\ \u{7}\n", "\\\"\\\""] {
        let body = serde_json::to_string(&[item, item]).unwrap();
        let without_quotes = serde_json::to_string(&body).unwrap().len() - 2;
        assert_eq!(2 * answer_bytes(&item), without_quotes - "[]".len() + 1, "{item}");
    }
}

#[test]
fn a_page_ends_before_the_item_that_does_not_fit_and_the_next_begins_with_it() {
    let fill = |count, bytes, items: &[&'static str]| {
        let mut page = PageBuilder::with_bytes(count, bytes);
        let rest = items.iter().position(|item| !page.add(*item));
        (page.items.len(), rest)
    };
    // "ab" is 2 bytes, its escaped quotes are 4 and the comma is 1.
    assert_eq!(fill(9, 14, &["ab", "cd", "ef"]), (2, Some(2)), "by bytes");
    assert_eq!(fill(2, 99, &["ab", "cd", "ef"]), (2, Some(2)), "by count");
    assert_eq!(fill(9, 99, &["ab", "cd", "ef"]), (3, None), "all of them");
    assert_eq!(fill(9, 6, &["ab", "cd"]), (1, Some(1)), "one that does not fit is alone");
    assert_eq!(fill(9, 6, &["", "ab", ""]), (1, Some(1)), "none is skipped for a smaller one");
}

#[test]
fn every_item_of_a_list_is_on_one_page_forth_and_back() {
    let list: Vec<String> = (0..200_u32).map(|number| format!("{number:0>60000}")).collect();
    let place = |item: &String| item.trim_start_matches('0').parse::<usize>().unwrap_or(0);
    let page = |request| {
        let page = Page::of(request, list.clone(), place);
        assert!(page.items.iter().map(answer_bytes).sum::<usize>() <= PAGE_BYTES);
        page
    };
    let mut read = page(PageRequest::first(500));
    let mut seen = read.items.clone();
    assert_eq!(read.previous, None);
    while let Some(next) = read.next {
        assert_eq!(read.items.last(), Some(&list[next - 1]));
        read = page(PageRequest::from(next, 500));
        assert_eq!(read.previous, Some(next - 1));
        seen.extend(read.items.clone());
    }
    assert_eq!(seen, list);
    let mut seen_back = read.items.clone();
    while let Some(previous) = read.previous {
        read = page(PageRequest::to(previous, 500));
        assert_eq!(read.next, Some(previous + 1));
        seen_back.splice(0..0, read.items.clone());
    }
    assert_eq!(seen_back, list);
}

#[test]
fn a_page_of_places_outside_of_the_list_is_empty() {
    let page = |request| Page::of(request, vec![5, 6, 7], |item| *item);
    let beyond = Page { items: Vec::new(), next: None, previous: Some(7) };
    assert_eq!(page(PageRequest::from(9, 2)), beyond);
    assert_eq!(
        page(PageRequest::to(1, 2)),
        Page { items: Vec::new(), next: Some(5), previous: None }
    );
    assert_eq!(page(PageRequest::to(6, 9)).items, [5, 6]);
}
