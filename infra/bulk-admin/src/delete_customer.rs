//! `bulk-admin customer delete`: deletes a customer with everything that the service holds of it.

use std::io::{BufRead as _, IsTerminal as _};
use std::time::Duration;

use bulk_aws::{
    Connection, CustomerTables, Directory, ExternalIds, Jobs, LONGEST_RUN, Objects, Patients,
    Place, System,
};
use bulk_domain::ids::CustomerId;
use bulk_domain::time::Timestamp;
use bulk_pipeline::ports::prelude::*;
use bulk_terminal::{Failure, Output, one_line};
use indicatif::HumanCount;
use serde_json::{Map, Value, json};

use crate::bar::Bar;
use crate::commands::ResourceArguments;
use crate::failed;

/// The places in the order in which they are emptied, each with its name for the operator.
const PLACES: [(Place, &str); 6] = [
    (Place::Keys, "keys"),
    (Place::Jobs, "jobs"),
    (Place::Patients, "patients"),
    (Place::ExternalIds, "externalIds"),
    (Place::Objects, "objects"),
    (Place::Directory, "directory"),
];

/// Deletes a customer, after its name was given or typed. What is left of a customer that is not in
/// the directory any more, for example after a table was restored, is deleted in the same way.
///
/// Runs of functions that began before may still write. So the customer itself is deleted by a run
/// that begins when they have ended, and that deletes what they left.
pub async fn delete_customer(
    connection: &Connection,
    directory: Directory,
    customer: CustomerId,
    name: Option<String>,
    names: ResourceArguments,
    output: Output,
) -> anyhow::Result<()> {
    let customers = directory.list_customers().await.map_err(failed)?;
    let known = customers.into_iter().find(|known| known.id == customer);
    let known = known.map_or_else(
        || {
            output.note("the directory has no such customer; its name is its id now");
            customer.to_string()
        },
        |known| known.name,
    );
    confirm(&known, name, output)?;
    let dynamodb = connection.dynamodb();
    let tables = CustomerTables {
        directory,
        // Nothing is stored here, so that the retention of deliveries does not matter.
        jobs: Jobs::new(dynamodb.clone(), names.jobs_table, Duration::ZERO),
        patients: Patients::new(dynamodb.clone(), names.patients_table),
        external_ids: ExternalIds::new(dynamodb, names.external_ids_table),
    };
    let objects = Objects::new(connection.s3(), names.files_bucket);
    let now = System::default().now();
    let began = tables.begin_deletion(customer, now).await.map_err(failed)?;
    let mut deleted = Map::new();
    for (place, name) in PLACES {
        let bar = Bar::new(name, output);
        let told = |count| bar.tell(count);
        let count = match place {
            Place::Objects => objects.delete_customer(customer, told).await,
            _ => tables.delete(customer, place, told).await,
        };
        let count = count.map_err(failed)?;
        bar.end();
        if !output.json {
            output.line(format_args!("  {name:<12} {:>12}", HumanCount(count).to_string()))?;
        }
        deleted.insert(name.to_owned(), json!(count));
    }
    let again_after = began.map(|began| began.plus(LONGEST_RUN)).filter(|end| now < *end);
    if again_after.is_none() {
        tables.end_deletion(customer).await.map_err(failed)?;
    }
    report(customer, &Value::Object(deleted), again_after, output)
}

fn report(
    customer: CustomerId,
    deleted: &Value,
    again_after: Option<Timestamp>,
    output: Output,
) -> anyhow::Result<()> {
    if output.json {
        output.value(&json!({
            "customer": customer, "deleted": deleted, "complete": again_after.is_none(),
            "runAgainAfter": again_after,
        }))?;
        return Ok(());
    }
    match again_after {
        None => output.line(format_args!("Customer {customer} is deleted."))?,
        Some(time) => output.line(format_args!(
            "Everything is deleted but the customer's name. Functions that had begun may still \
             write: run this command again after {time}."
        ))?,
    }
    Ok(())
}

/// Compares the name that the operator gives with that of the customer.
fn confirm(known: &str, given: Option<String>, output: Output) -> anyhow::Result<()> {
    let given = match given {
        Some(given) => given,
        None if std::io::stdin().is_terminal() => {
            output.warn(format_args!(
                "this deletes all patients, jobs, files and keys of \"{}\", and cannot be undone",
                one_line(known)
            ));
            output.note("type the name of the customer to delete it:");
            let mut line = String::new();
            std::io::stdin().lock().read_line(&mut line)?;
            line.trim().to_owned()
        }
        None => {
            return Err(Failure::new("the deletion is not confirmed")
                .next("give the name of the customer with --name")
                .into());
        }
    };
    if given == known {
        return Ok(());
    }
    Err(Failure::new("the customer has another name; nothing was deleted")
        .next("bulk-admin customer list shows the names")
        .into())
}
