//! What `aws` takes for granted of DynamoDB: above all that it refuses a request which breaks a
//! rule, because a backend that keeps these promises fails a test if `aws` breaks a rule.
//!
//! The rules are from DynamoDB's API reference and developer guide,
//! <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/>.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, BatchStatementRequest, KeysAndAttributes};

use crate::emulator::Table;
use crate::services::code;

type Item = HashMap<String, AttributeValue>;

/// Bytes that an item may have, names and keys included: "400 KB" in `ServiceQuotas.html`, of 1,024
/// bytes as those of its capacity units.
const LARGEST_ITEM: usize = 400 * 1024;

fn s(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn n(value: i64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn key(pk: &str) -> Item {
    HashMap::from([("pk".to_owned(), s(pk)), ("sk".to_owned(), s("job"))])
}

fn with(mut item: Item, name: &str, value: AttributeValue) -> Item {
    item.insert(name.to_owned(), value);
    item
}

fn update(table: &Table, pk: &str) -> UpdateItemFluentBuilder {
    table.client.update_item().table_name(&table.name).set_key(Some(key(pk)))
}

async fn put(table: &Table, item: Item) -> Result<(), String> {
    let put = table.client.put_item().table_name(&table.name).set_item(Some(item));
    code(put.send().await)
}

/// Asserts that a request is refused as invalid, which `aws` turns into a permanent error.
#[track_caller]
fn assert_invalid(result: Result<(), String>, rule: &str) {
    assert_eq!(result.expect_err(rule), "ValidationException", "{rule}");
}

/// An update that makes an item too large is refused, too.
pub async fn an_item_over_400_kb_is_refused(table: &Table) {
    let filler = |bytes: usize| s(&"x".repeat(bytes));
    let nearly = with(key("nearly"), "filler", filler(LARGEST_ITEM - 100));
    assert_eq!(put(table, nearly).await, Ok(()));
    let over = with(key("over"), "filler", filler(LARGEST_ITEM));
    assert_invalid(put(table, over).await, "a put");
    let update = update(table, "nearly").update_expression("SET more = :more");
    let update = update.expression_attribute_values(":more", filler(200)).send().await;
    assert_invalid(code(update), "an update");
}

/// `API_BatchGetItem.html`: at most 100 items, and no key twice.
pub async fn a_batch_names_100_keys_at_most_and_none_twice(table: &Table) {
    let read = async |pks: Vec<String>| {
        let keys = pks.iter().map(|pk| key(pk)).collect();
        let keys = KeysAndAttributes::builder().set_keys(Some(keys)).build().unwrap();
        code(table.client.batch_get_item().request_items(&table.name, keys).send().await)
    };
    let numbered = |count: u32| (0..count).map(|number| number.to_string()).collect();
    assert_eq!(read(numbered(100)).await, Ok(()));
    assert_invalid(read(numbered(101)).await, "101 keys");
    assert_invalid(read(vec!["1".to_owned(), "1".to_owned()]).await, "a key twice");
}

/// Executes a statement for each key, which inserts an item. Returns the error code of each.
async fn insert(table: &Table, pks: &[&str]) -> Result<Vec<Option<String>>, String> {
    let statement = format!("INSERT INTO \"{}\" VALUE {{'pk': ?, 'sk': ?}}", table.name);
    let statements = pks.iter().map(|pk| {
        let request = BatchStatementRequest::builder().statement(&statement);
        request.parameters(s(pk)).parameters(s("job")).build().unwrap()
    });
    let batch = table.client.batch_execute_statement().set_statements(Some(statements.collect()));
    let answer = batch.send().await;
    let answers = answer.as_ref().map_or(&[][..], |answer| answer.responses());
    let codes = answers.iter().map(|answer| Some(answer.error()?.code()?.as_str().to_owned()));
    let codes = codes.collect();
    code(answer).map(|()| codes)
}

/// `ql-reference.insert.html`: an item with the same primary key is an error. Its code is from
/// `API_BatchStatementError.html`.
pub async fn a_statement_inserts_no_item_over_another(table: &Table) {
    let duplicate = Some("DuplicateItem".to_owned());
    assert_eq!(insert(table, &["1", "2"]).await, Ok(vec![None, None]));
    assert_eq!(insert(table, &["3", "2", "4"]).await, Ok(vec![None, duplicate, None]));
}

/// `API_BatchExecuteStatement.html`: at most 25 statements.
pub async fn a_batch_has_25_statements_at_most(table: &Table) {
    let numbers: Vec<String> = (0..26).map(|number| number.to_string()).collect();
    let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
    assert_invalid(insert(table, &numbers).await.map(drop), "26 statements");
    assert_eq!(insert(table, &numbers[..25]).await, Ok(vec![None; 25]));
}

/// DynamoDB's message about this is "Provided list of item keys contains duplicates".
pub async fn a_batch_inserts_no_key_twice(table: &Table) {
    assert_invalid(insert(table, &["1", "1"]).await.map(drop), "a key twice");
}

/// `HowItWorks.NamingRulesDataTypes.html`: sets have elements.
pub async fn an_empty_set_is_refused(table: &Table) {
    let item = with(key("set"), "pending", AttributeValue::Ns(Vec::new()));
    assert_invalid(put(table, item).await, "an empty set of numbers");
}

/// `HowItWorks.NamingRulesDataTypes.html`: other strings may be empty, those of keys not.
pub async fn an_empty_key_is_refused_and_another_empty_text_is_not(table: &Table) {
    assert_invalid(put(table, key("")).await, "a partition key");
    assert_invalid(put(table, with(key("1"), "customer", s(""))).await, "a key of an index");
    assert_eq!(put(table, with(key("1"), "reason", s(""))).await, Ok(()));
}

/// `GSI.html`: a key of an index has the type that the index defines, which is a number for `due`.
pub async fn a_key_of_an_index_has_its_type(table: &Table) {
    assert_invalid(put(table, with(key("1"), "due", s("12"))).await, "a put");
    let update = update(table, "1").update_expression("SET due = :due");
    let update = update.expression_attribute_values(":due", s("12")).send().await;
    assert_invalid(code(update), "an update");
}

/// `API_Query.html`: a filter expression does not allow key attributes.
pub async fn a_filter_does_not_name_a_key(table: &Table) {
    let query = table.client.query().table_name(&table.name).key_condition_expression("pk = :pk");
    let query = query.filter_expression("sk = :sk").expression_attribute_values(":pk", s("1"));
    assert_invalid(
        code(query.expression_attribute_values(":sk", s("job")).send().await),
        "a filter by sk",
    );
}

/// `Expressions.ExpressionAttributeNames.html`: names and values that are defined are used.
pub async fn what_an_expression_does_not_use_is_not_defined(table: &Table) {
    let set = || {
        let update = update(table, "1").update_expression("SET reason = :reason");
        update.expression_attribute_values(":reason", s("none"))
    };
    assert_eq!(code(set().send().await), Ok(()));
    let value = set().expression_attribute_values(":other", s("unused"));
    assert_invalid(code(value.send().await), "an unused value");
    let name = set().expression_attribute_names("#other", "unused");
    assert_invalid(code(name.send().await), "an unused name");
}

/// `ReservedWords.html`, which lists two names of the project's attributes: `status` and `minute`.
pub async fn a_reserved_word_is_not_a_name_in_an_expression(table: &Table) {
    for word in ["status", "minute", "columns", "rows"] {
        let update = update(table, "1").update_expression(format!("SET {word} = :value"));
        let update = update.expression_attribute_values(":value", n(1)).send().await;
        assert_invalid(code(update), word);
    }
}

/// `API_UpdateItem.html`: it cannot update primary key attributes.
pub async fn an_update_changes_no_key(table: &Table) {
    let update = update(table, "1").update_expression("SET sk = :value");
    let update = update.expression_attribute_values(":value", s("other")).send().await;
    assert_invalid(code(update), "an update of the sort key");
}

/// DynamoDB's message about this is "Two document paths overlap with each other".
pub async fn an_update_changes_nothing_twice(table: &Table) {
    let update = update(table, "1").update_expression("SET reason = :value, reason = :value");
    let update = update.expression_attribute_values(":value", s("x")).send().await;
    assert_invalid(code(update), "an attribute twice");
}

/// `Expressions.OperatorsAndFunctions.html`: `contains` of a set of numbers looks for a number.
pub async fn a_set_of_numbers_contains_no_text(table: &Table) {
    let item = with(key("1"), "pending", AttributeValue::Ns(vec!["7".to_owned()]));
    assert_eq!(put(table, item).await, Ok(()));
    for (value, found) in
        [(n(7), Ok(())), (s("7"), Err("ConditionalCheckFailedException".to_owned()))]
    {
        let update = update(table, "1").update_expression("SET reason = :value");
        let update = update.condition_expression("contains(pending, :value)");
        assert_eq!(code(update.expression_attribute_values(":value", value).send().await), found);
    }
}

contract!($ dynamodb:
    an_item_over_400_kb_is_refused,
    a_batch_names_100_keys_at_most_and_none_twice,
    a_statement_inserts_no_item_over_another,
    a_batch_has_25_statements_at_most,
    a_batch_inserts_no_key_twice,
    an_empty_set_is_refused,
    an_empty_key_is_refused_and_another_empty_text_is_not,
    a_key_of_an_index_has_its_type,
    a_filter_does_not_name_a_key,
    what_an_expression_does_not_use_is_not_defined,
    a_reserved_word_is_not_a_name_in_an_expression,
    an_update_changes_no_key,
    an_update_changes_nothing_twice,
    a_set_of_numbers_contains_no_text,
);
