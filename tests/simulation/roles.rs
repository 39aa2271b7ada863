//! The calls that each function makes, compared with the calls that its role in template.yaml
//! allows.
//!
//! The recorder of `memory` notes every call of every story. A call that the role does not allow
//! would fail on AWS, and a call that the role allows in vain is a right that an attacker could
//! use.

use std::collections::{BTreeMap, BTreeSet};

use bulk_domain::job_size::JobSize;
use bulk_memory::{Call, Operation, QueueName, Resource};
use yaml_rust2::{Yaml, YamlLoader};

/// An action of IAM on a resource: `dynamodb:GetItem` on `Jobs`.
type Permission = (String, String);

/// The permissions for calls that no story of the usual number makes, or that the ports in memory
/// do not record, each with its reason.
const OTHER_CALLS: [(&str, &str, &str, &str); 31] = [
    (
        "QueryDocuments",
        "dynamodb:DeleteItem",
        "Jobs",
        "the last attempt of a document query meets a deleted patient",
    ),
    (
        "QueryDocuments",
        "secretsmanager:GetSecretValue",
        "GatewaySecretArn",
        "the function reads the secret itself",
    ),
    (
        "QueryDocuments",
        "s3:ListBucketVersions",
        "Files/documents",
        "a patient is opted out or deleted while a content is fetched",
    ),
    (
        "QueryDocuments",
        "s3:DeleteObjectVersion",
        "Files/documents",
        "a patient is opted out or deleted while a content is fetched",
    ),
    (
        "ImportRows",
        "s3:DeleteObjectVersion",
        "Files/documents",
        "a row opts out a patient with a copied document",
    ),
    (
        "Abandon",
        "s3:ListBucketVersions",
        "Files/documents",
        "the last attempt of a chunk opts out a patient with documents",
    ),
    (
        "Abandon",
        "s3:DeleteObjectVersion",
        "Files/documents",
        "the last attempt of a chunk opts out a patient with documents",
    ),
    (
        "FanOut",
        "dynamodb:PutItem",
        "Jobs",
        "a file arrives after the sweep stopped watching its job",
    ),
    (
        "Abandon",
        "sqs:SendMessage",
        "SmallJobChunks",
        "AWS is disturbed in the last attempt of a chunk",
    ),
    (
        "Abandon",
        "sqs:SendMessage",
        "MediumJobChunks",
        "AWS is disturbed in the last attempt of a chunk",
    ),
    (
        "Abandon",
        "sqs:SendMessage",
        "LargeJobChunks",
        "AWS is disturbed in the last attempt of a chunk",
    ),
    ("Abandon", "dynamodb:DeleteItem", "Jobs", "removes a job that fails from the open jobs"),
    (
        "Abandon",
        "dynamodb:PutItem",
        "Jobs",
        "a worker died between a chunk's outcomes and its query parts",
    ),
    (
        "Abandon",
        "sqs:SendMessage",
        "Queries",
        "a worker died between a chunk's outcomes and its query parts",
    ),
    (
        "Abandon",
        "s3:GetObject",
        "Files/outcomes",
        "a worker died after it stored the outcomes of a chunk",
    ),
    (
        "Abandon",
        "dynamodb:PutItem",
        "ExternalIds",
        "the last attempt of a chunk gives patients their external ids",
    ),
    (
        "Abandon",
        "dynamodb:PartiQLInsert",
        "ExternalIds",
        "the last attempt of a chunk gives patients their external ids",
    ),
    (
        "Abandon",
        "dynamodb:PartiQLInsert",
        "Patients",
        "the last attempt of a chunk creates patients",
    ),
    (
        "Abandon",
        "dynamodb:Query",
        "ExternalIds",
        "the last attempt of a chunk meets the external id of another patient",
    ),
    (
        "Abandon",
        "s3:ListBucketVersions",
        "Files/outcomes",
        "the last attempt of a chunk comes to a person with a patient that was just deleted",
    ),
    (
        "Abandon",
        "sqs:SendMessage",
        "UndoneChunks",
        "the last attempt to undo a chunk meets a disturbance of AWS",
    ),
    (
        "Abandon",
        "dynamodb:DeleteItem",
        "ExternalIds",
        "the last attempt to undo a chunk deletes patients with external ids",
    ),
    ("Abandon", "dynamodb:Query", "Patients", "abandons the document query of a deleted patient"),
    (
        "Abandon",
        "dynamodb:DeleteItem",
        "Patients",
        "abandons the document query of a deleted patient",
    ),
    (
        "Sweep",
        "s3:ListBucketVersions",
        "Files/documents",
        "abandons the document query of a deleted patient",
    ),
    (
        "Sweep",
        "s3:DeleteObjectVersion",
        "Files/documents",
        "abandons the document query of a deleted patient",
    ),
    ("Sweep", "dynamodb:Query", "Patients", "abandons the document query of a deleted patient"),
    (
        "Sweep",
        "dynamodb:DeleteItem",
        "Patients",
        "abandons the document query of a deleted patient",
    ),
    ("Abandon", "sqs:SendMessage", "Webhooks", "tells the customer about a job that fails"),
    (
        "Sweep",
        "dynamodb:PutItem",
        "Jobs",
        "a worker died between a chunk's outcomes and its query parts",
    ),
    (
        "Sweep",
        "s3:PutObject",
        "Files/outcomes",
        "fails the pending rows of a job past its six hours",
    ),
];

/// Checks that each function's role allows the calls that it makes and no others.
pub fn check(calls: &BTreeSet<Call>) {
    let text = include_str!("../../template.yaml");
    let template = YamlLoader::load_from_str(text).unwrap().remove(0);
    let mut made: BTreeMap<&str, BTreeSet<Permission>> = BTreeMap::new();
    for call in calls {
        made.entry(call.caller).or_default().extend(permissions(call));
    }
    assert_eq!(made.len(), 9, "each function makes calls: {:?}", made.keys());
    let mut differences = Vec::new();
    for (function, mut needed) in made {
        let resources = &template["Resources"];
        needed.extend(permissions_for_events(&resources[function]));
        for action in ["logs:CreateLogStream", "logs:PutLogEvents"] {
            needed.insert((action.to_owned(), format!("{function}Logs")));
        }
        let others = OTHER_CALLS.iter().filter(|(of, ..)| *of == function);
        needed.extend(
            others.map(|(_, action, resource, _)| ((*action).to_owned(), (*resource).to_owned())),
        );
        let role = format!("{function}Role");
        let mut allowed = allowed(&resources[role.as_str()]["Properties"]["Policies"]);
        allowed.extend(allowed_by_audit_policy(&resources["AuditPolicy"]["Properties"], &role));
        differences.extend(
            needed.difference(&allowed).map(|it| format!("{function} is not allowed {it:?}")),
        );
        differences
            .extend(allowed.difference(&needed).map(|it| format!("{function} never needs {it:?}")));
    }
    assert!(differences.is_empty(), "{differences:#?}");
}

/// Returns the permissions that a call needs.
fn permissions(call: &Call) -> Vec<Permission> {
    let actions: &[&str] = match call.operation {
        Operation::GetItem => &["dynamodb:GetItem"],
        Operation::BatchGetItem => &["dynamodb:BatchGetItem"],
        Operation::PutItem => &["dynamodb:PutItem"],
        Operation::UpdateItem => &["dynamodb:UpdateItem"],
        Operation::DeleteItem => &["dynamodb:DeleteItem"],
        // The only statement of a batch.
        Operation::BatchExecuteStatement => &["dynamodb:PartiQLInsert"],
        Operation::Query => &["dynamodb:Query"],
        // Every read of an upload names a version, at the latest if the upload is not the newest
        // one.
        Operation::GetObject if call.resource == Resource::UPLOADS => {
            &["s3:GetObject", "s3:GetObjectVersion"]
        }
        Operation::GetObject => &["s3:GetObject"],
        Operation::PutObject => &["s3:PutObject"],
        Operation::ListObjectVersions => &["s3:ListBucketVersions"],
        Operation::DeleteObjects => &["s3:DeleteObjectVersion"],
        Operation::SendMessage => &["sqs:SendMessage"],
        Operation::PutLogEvents => &["logs:PutLogEvents"],
        Operation::Post => &[],
    };
    // The size of the job chooses one of the three queues, at one place in the code. The stories
    // have small files only.
    let resources = match call.resource {
        Resource::Queue(QueueName::Chunks(_)) => {
            JobSize::ALL.map(QueueName::Chunks).map(Resource::Queue).to_vec()
        }
        resource => vec![resource],
    };
    let mut needed = Vec::new();
    for resource in resources {
        needed.extend(actions.iter().map(|action| ((*action).to_owned(), resource.to_string())));
    }
    needed
}

/// Returns what Lambda needs to invoke a function for messages, and what the function needs to
/// retry them.
fn permissions_for_events(function: &Yaml) -> BTreeSet<Permission> {
    let mut needed = BTreeSet::new();
    for event in
        function["Properties"]["Events"].as_hash().into_iter().flat_map(|events| events.values())
    {
        if event["Type"].as_str() != Some("SQS") {
            continue;
        }
        let queue = name_of(event["Properties"]["Queue"].as_str().unwrap());
        let mut actions = vec!["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"];
        if !queue.ends_with("DeadLetters") {
            actions.extend(["sqs:ChangeMessageVisibility", "sqs:SendMessage"]);
        }
        needed.extend(actions.into_iter().map(|action| (action.to_owned(), queue.clone())));
    }
    needed
}

/// Returns the permissions that a role grants.
fn allowed(policies: &Yaml) -> BTreeSet<Permission> {
    let policies = policies.as_vec().unwrap().iter();
    policies.flat_map(|policy| allowed_by(&policy["PolicyDocument"]["Statement"])).collect()
}

/// Returns the permissions of the policy that lets functions add events to the audit trail, if the
/// role has it.
fn allowed_by_audit_policy(policy: &Yaml, role: &str) -> BTreeSet<Permission> {
    let has_policy = texts(&policy["Roles"]).contains(&role);
    let allowed = has_policy.then(|| allowed_by(&policy["PolicyDocument"]["Statement"]));
    allowed.unwrap_or_default()
}

fn allowed_by(document: &Yaml) -> BTreeSet<Permission> {
    let mut allowed = BTreeSet::new();
    for statement in statements(document) {
        let mut names: Vec<String> =
            texts(&statement["Resource"]).into_iter().map(name_of).collect();
        let prefixes = &statement["Condition"]["StringLike"]["s3:prefix"];
        if !prefixes.is_badvalue() {
            let folders =
                || texts(prefixes).into_iter().map(|folder| folder.trim_end_matches("/*"));
            let in_folders = |name: &String| folders().map(|it| format!("{name}/{it}")).collect();
            names = names.iter().flat_map::<Vec<_>, _>(in_folders).collect();
        }
        for action in texts(&statement["Action"]) {
            allowed.extend(names.iter().map(|name| (action.to_owned(), name.clone())));
        }
    }
    allowed
}

/// Returns the statements of a policy, those under a condition of the template included.
fn statements(of: &Yaml) -> Vec<&Yaml> {
    let statements = of.as_vec().unwrap().iter();
    // `!If [condition, statement, !Ref AWS::NoValue]`
    statements.map(|statement| statement.as_vec().map_or(statement, |choice| &choice[1])).collect()
}

fn texts(value: &Yaml) -> Vec<&str> {
    match value.as_vec() {
        Some(list) => list.iter().map(|text| text.as_str().unwrap()).collect(),
        None => vec![value.as_str().unwrap()],
    }
}

/// Returns a resource as [`Resource`] writes it, from the forms in which the template names
/// resources: `Jobs.Arn`, `${Jobs.Arn}/index/watched`, `${Files.Arn}/uploads/*`,
/// `arn:…-files-…/uploads/*` and `arn:…:log-group:${AuditTrail}:log-stream:…`.
fn name_of(resource: &str) -> String {
    if let Some((_, group)) = resource.split_once(":log-group:${") {
        return group.split('}').next().unwrap_or_default().to_owned();
    }
    let resource = resource.replace("${", "").replace(".Arn}", "").replace(".Arn", "");
    let resource = resource.trim_end_matches("/*");
    match resource.split_once(":s3:::") {
        None => resource.to_owned(),
        Some((_, bucket)) => match bucket.split_once('/') {
            None => "Files".to_owned(),
            Some((_, folder)) => format!("Files/{folder}"),
        },
    }
}
