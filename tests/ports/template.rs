//! Tables, bucket and queues as template.yaml defines them, and creates them for each test.

use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::Duration;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, Projection,
    TableStatus,
};
use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use yaml_rust2::{Yaml, YamlLoader};

static TEMPLATE: LazyLock<Yaml> = LazyLock::new(|| {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../template.yaml");
    let text = std::fs::read_to_string(path).unwrap();
    YamlLoader::load_from_str(&text).unwrap().remove(0)
});

/// Returns the properties of a resource of template.yaml.
pub fn properties(resource: &str) -> &'static Yaml {
    let properties = &TEMPLATE["Resources"][resource]["Properties"];
    assert!(!properties.is_badvalue(), "template.yaml has no {resource}");
    properties
}

/// Returns the definition of a parameter of template.yaml.
pub fn parameter(name: &str) -> &'static Yaml {
    let parameter = &TEMPLATE["Parameters"][name];
    assert!(!parameter.is_badvalue(), "template.yaml has no parameter {name}");
    parameter
}

/// Creates a table like the one that the template calls `resource`.
pub async fn create_table(client: &aws_sdk_dynamodb::Client, resource: &str, name: &str) {
    let table = properties(resource);
    let definitions = list(&table["AttributeDefinitions"]).map(|attribute| {
        AttributeDefinition::builder()
            .attribute_name(text(&attribute["AttributeName"]))
            .attribute_type(text(&attribute["AttributeType"]).into())
            .build()
            .unwrap()
    });
    let indexes: Vec<_> = list(&table["GlobalSecondaryIndexes"]).map(index).collect();
    client
        .create_table()
        .table_name(name)
        .billing_mode(BillingMode::PayPerRequest)
        .set_attribute_definitions(Some(definitions.collect()))
        .set_key_schema(Some(keys(table)))
        .set_global_secondary_indexes(Some(indexes).filter(|indexes| !indexes.is_empty()))
        .send()
        .await
        .unwrap();
    // DynamoDB refuses items until it has created the table:
    // https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CreateTable.html
    while status(client, name).await != Some(TableStatus::Active) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn status(client: &aws_sdk_dynamodb::Client, name: &str) -> Option<TableStatus> {
    client.describe_table().table_name(name).send().await.unwrap().table?.table_status
}

fn keys(of: &'static Yaml) -> Vec<KeySchemaElement> {
    let key = |key: &Yaml| {
        KeySchemaElement::builder()
            .attribute_name(text(&key["AttributeName"]))
            .key_type(text(&key["KeyType"]).into())
            .build()
            .unwrap()
    };
    list(&of["KeySchema"]).map(key).collect()
}

fn index(index: &'static Yaml) -> GlobalSecondaryIndex {
    let projection = &index["Projection"];
    let attributes = list(&projection["NonKeyAttributes"]).map(|name| text(name).to_owned());
    GlobalSecondaryIndex::builder()
        .index_name(text(&index["IndexName"]))
        .set_key_schema(Some(keys(index)))
        .projection(
            Projection::builder()
                .projection_type(text(&projection["ProjectionType"]).into())
                .set_non_key_attributes(
                    Some(attributes.collect()).filter(|names: &Vec<_>| !names.is_empty()),
                )
                .build(),
        )
        .build()
        .unwrap()
}

/// Creates a bucket that keeps versions as the template's does.
pub async fn create_bucket(client: &aws_sdk_s3::Client, name: &str) {
    let status = BucketVersioningStatus::from(text(
        &properties("Files")["VersioningConfiguration"]["Status"],
    ));
    client.create_bucket().bucket(name).send().await.unwrap();
    client
        .put_bucket_versioning()
        .bucket(name)
        .versioning_configuration(VersioningConfiguration::builder().status(status).build())
        .send()
        .await
        .unwrap();
}

/// Creates a queue like the one that the template calls `resource`, but without dead letters, and
/// returns its URL.
pub async fn create_queue(client: &aws_sdk_sqs::Client, resource: &str, name: &str) -> String {
    let properties = properties(resource).as_hash().unwrap();
    // CloudFormation and SQS have the same names for the attributes of a queue.
    let attributes: HashMap<_, _> = properties
        .iter()
        .filter_map(|(name, value)| Some((text(name).into(), scalar(value)?)))
        .collect();
    let queue = client
        .create_queue()
        .queue_name(name)
        .set_attributes(Some(attributes))
        .send()
        .await
        .unwrap();
    queue.queue_url.unwrap()
}

fn scalar(value: &Yaml) -> Option<String> {
    match value {
        Yaml::String(text) => Some(text.clone()),
        Yaml::Integer(number) => Some(number.to_string()),
        Yaml::Boolean(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// Returns the items of a list, or none if there is no such list.
fn list(value: &'static Yaml) -> impl Iterator<Item = &'static Yaml> {
    value.as_vec().into_iter().flatten()
}

fn text(value: &Yaml) -> &str {
    value.as_str().unwrap()
}
