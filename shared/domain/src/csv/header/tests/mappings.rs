//! Mappings: what the customer says that a column means.

use super::*;

#[test]
fn the_customers_word_wins_over_the_table() {
    let header = "firstName,lastName,Birth Day,dob,gender,addressLine1,city,state,zip,Contact";
    let columns = mapped(header.as_bytes(), &["dob: birth day", "phone:Contact"]).unwrap();
    assert_eq!(columns.find(Field::Dob, None), Some(2));
    assert_eq!(columns.find(Field::Phone, None), Some(9));
    assert_eq!(columns.report()[3], HeaderCell { header: "dob".into(), column: None });
    // The same letters do, where no cell has the very text.
    assert_eq!(
        mapped(header.as_bytes(), &["dob:BIRTH_DAY"]).unwrap().find(Field::Dob, None),
        Some(2)
    );
    assert_eq!(
        mapped(header.as_bytes(), &["dob:Born On"]).unwrap_err().to_string(),
        "no cell of the header is \"Born On\", which the import was told to take for dob"
    );
    assert!(matches!(
        mapped(format!("{header},contact").as_bytes(), &["phone:Contact"]),
        Err(FileError::DuplicateColumn { first: 10, second: 11, .. })
    ));
}

#[test]
fn a_mapping_is_a_column_and_the_text_of_a_header_cell() {
    for (text, written) in [
        ("dob:Birth Date", "dob:Birth Date"),
        ("ZIP_2: Zip of the  office ", "zip-2:Zip of the office"),
        ("phone:a:b", "phone:a:b"),
    ] {
        let mapping: ColumnMapping = text.parse().unwrap();
        assert_eq!(mapping.to_string(), written);
        let json = serde_json::to_string(&mapping).unwrap();
        assert_eq!(serde_json::from_str::<ColumnMapping>(&json).unwrap(), mapping);
    }
    for text in ["dob", "dob:", "dob: ", ""] {
        assert_eq!(text.parse::<ColumnMapping>(), Err(NotAMapping::Form), "{text}");
    }
    for text in ["birthday:x", "nickname:x", ":x", "zip-11:x"] {
        assert_eq!(text.parse::<ColumnMapping>(), Err(NotAMapping::UnknownColumn), "{text}");
    }
    for text in [format!("dob:{}", "x".repeat(256)), "dob:a\u{1}".to_owned()] {
        assert_eq!(text.parse::<ColumnMapping>(), Err(NotAMapping::Header), "{text}");
    }
}

fn bad_mappings(texts: &[&str]) -> String {
    ColumnMappings::parse(texts.iter().copied()).unwrap_err().to_string()
}

#[test]
fn mappings_that_contradict_one_another_are_named_by_their_numbers() {
    assert_eq!(
        bad_mappings(&["dob:Born", "birth date:Born"]),
        "column 2 does not begin with a column of the import, such as dob or zip-2"
    );
    assert_eq!(
        bad_mappings(&["zip:A", "dob:Born", "DOB:Birth Day"]),
        "column 2 and column 3 are both about dob"
    );
    assert_eq!(
        bad_mappings(&["zip:A", "phone:a"]),
        "column 1 and column 2 name the same header cell"
    );
    let long: Vec<String> = Slot::all()
        .map(|slot| format!("city-{}:{}{}", slot.get(), slot.get(), "é".repeat(253)))
        .collect();
    let more: Vec<String> =
        long.iter().map(|text| text.replace("city", "zip").replace('é', "ü")).collect();
    let texts: Vec<&str> = long.iter().chain(&more).map(String::as_str).collect();
    assert_eq!(bad_mappings(&texts), "the columns are longer than 8192 bytes together");
}

#[test]
fn mappings_are_the_same_in_any_order() {
    let read = |texts: &[&str]| ColumnMappings::parse(texts.iter().copied()).unwrap();
    assert_eq!(read(&["dob:Born", "zip:Area"]), read(&["zip:Area", "dob:Born"]));
    for other in [&["dob:Born"][..], &["dob:Born", "zip:Code"], &["zip:Born", "dob:Area"]] {
        assert_ne!(read(&["dob:Born", "zip:Area"]), read(other));
    }
}

#[test]
fn no_mapping_takes_the_header_cell_of_another() {
    // Both mean the cell by its letters, and the second one means no cell.
    let header = "firstName,lastName,Birth Day,gender,addressLine1,city,state,zip";
    assert_eq!(
        mapped(header.as_bytes(), &["dob:Birth Day", "externalId:birth_day"]),
        Err(FileError::MappedHeaderMissing {
            column: ColumnName::new(Field::ExternalId, None),
            header: "birth_day".into(),
        })
    );
    let both = format!("{header},birth_day");
    let columns = mapped(both.as_bytes(), &["externalId:birth_day", "dob:Birth Day"]).unwrap();
    assert_eq!(columns.find(Field::ExternalId, None), Some(8));
    assert_eq!(columns.find(Field::Dob, None), Some(2));
}
