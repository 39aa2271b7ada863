//! The story of one seed: its customers, their files, uploads and cancellations, and the
//! disturbances that they meet.

mod calls;

use std::time::Duration;

use bulk_domain::ids::{CohortId, CustomerId, FacilityId};
use bulk_domain::plan::ROWS_PER_CHUNK;
use bulk_domain::query::PATIENTS_PER_PART;
use bulk_domain::row::Directory;
use bulk_memory::Service;
use uuid::Uuid;

use crate::chance::Chance;
use crate::gateway::GatewayFaults;
use crate::header::Header;
use crate::rows::{Ids, Row};
use crate::writing::Writing;
pub use calls::CallKind;
use calls::{deletions, undos};

/// A file with the rows that it was written from.
#[derive(Clone, Debug)]
pub struct File {
    pub rows: Vec<Row>,
    pub writing: Writing,
    pub bytes: Vec<u8>,
}

impl File {
    /// Returns a file of a test that knows its rows.
    pub fn of_text(text: String) -> Self {
        Self { rows: Vec::new(), writing: Writing::PLAIN, bytes: text.into() }
    }

    /// Returns a file of our own header with one row.
    pub fn of_row(row: Row, ids: &Ids) -> Self {
        let rows = vec![row];
        let bytes = Writing::PLAIN.file(&rows, ids);
        Self { rows, writing: Writing::PLAIN, bytes }
    }

    fn random(chance: &Chance, ids: &Ids, most_rows: u64, header: Header) -> Self {
        let mut rows: Vec<Row> =
            (0..=chance.below(most_rows)).map(|_| Row::random(chance)).collect();
        if chance.once_in(10) {
            let row = chance.index(rows.len());
            rows[row] = Row::day_first(chance);
        }
        let writing = Writing::random(header, chance);
        let bytes = writing.file(&rows, ids);
        Self { rows, writing, bytes }
    }

    /// Returns a part of the reason for which the file cannot be imported by a job that was created
    /// with the mappings of a header, or `None` if it can be imported.
    pub fn failure(&self, told: Header) -> Option<String> {
        let dates = || self.rows.iter().filter_map(Row::first_numbers_of_dob);
        let is_day_first =
            dates().any(|(first, _)| first > 12) && !dates().any(|(_, second)| second > 12);
        let failure = self.writing.header.columns(told.mappings()).err();
        failure.or(is_day_first.then(|| "the day before the month".to_owned()))
    }
}

/// One import as its client makes it. The creation counts from the start of the story.
#[derive(Clone, Debug)]
pub struct Plan {
    pub customer: usize,
    pub dry_run: bool,
    /// The header of which the client gives the mappings.
    pub told: Header,
    pub created: Duration,
    /// The uploads of the file, some time after the creation. The event of an upload may be lost.
    pub uploads: Vec<Upload>,
    /// When the client cancels the job, after the creation.
    pub canceled: Option<Duration>,
    /// When the client reads the state of the job, after the creation.
    pub reads: Vec<Duration>,
}

#[derive(Clone, Debug)]
pub struct Upload {
    pub after: Duration,
    /// How long the upload takes. S3 checks the link at its beginning.
    pub takes: Duration,
    pub file: File,
    /// When S3's event arrives, after the upload. Two entries are the same event twice, and none is
    /// a lost event.
    pub events: Vec<Duration>,
}

#[derive(Clone, Debug)]
pub struct Customer {
    pub id: CustomerId,
    pub facilities: [FacilityId; 2],
    pub cohorts: [CohortId; 2],
    pub ids: Ids,
    /// The webhook URL that is set at first, and the one that may replace it.
    pub urls: [String; 2],
    /// How many webhook requests the customer's server answers with 500 before it accepts them.
    pub failing_answers: usize,
    /// Whether the customer wants webhooks about documents.
    pub patient_webhooks: bool,
}

impl Customer {
    fn new(chance: &Chance, number: u128) -> Self {
        let id = |kind: u128| Uuid::from_u128(number * 100 + kind);
        let (facilities, cohorts) = (
            [1, 2].map(|kind| FacilityId::new(id(kind))),
            [3, 4].map(|kind| CohortId::new(id(kind))),
        );
        let ids = Ids {
            facilities: facilities.map(|facility| facility.to_string()),
            cohorts: cohorts.map(|cohort| cohort.to_string()),
            job_of_another: id(9).to_string(),
        };
        let urls =
            ["first", "second"].map(|name| format!("https://customer-{number}.example/{name}"));
        let failing_answers = chance.pick(&[0, 0, 1, 3]);
        let (id, patient_webhooks) = (CustomerId::new(id(0)), chance.once_in(2));
        Self { id, facilities, cohorts, ids, urls, failing_answers, patient_webhooks }
    }

    pub fn directory(&self) -> Directory {
        Directory { facilities: self.facilities.into(), cohorts: self.cohorts.into() }
    }
}

/// Everything that a seed decides about the clients and about AWS.
#[derive(Clone, Debug)]
pub struct Story {
    pub customers: Vec<Customer>,
    /// A file that the first customer imports before the story begins.
    pub earlier: Option<File>,
    pub plans: Vec<Plan>,
    /// When a customer deletes one of its patients, counted from the start of the story.
    pub deletions: Vec<(usize, Duration)>,
    /// When a client undoes an import, counted from the start of the story. The import is named by
    /// its place in the order of creation, and the undo waits for its end.
    pub undos: Vec<(usize, Duration)>,
    /// When the first customer changes one of its patients by a call, counted from the start of the
    /// story, and how.
    pub call: Option<(Duration, CallKind)>,
    pub rows_per_chunk: u32,
    pub patients_per_part: usize,
    /// Whether some chunks fail, however often they are retried.
    pub is_poisoned: bool,
    /// The behaviour of the gateway; `None` if the service has no gateway.
    pub gateway: Option<GatewayFaults>,
    /// How long the document queries of a job may take.
    pub time_to_query: Duration,
    /// How often a message about document queries is received at most, if that is less than in
    /// template.yaml.
    pub query_receives: Option<u32>,
    /// When a customer sets its second webhook URL, counted from the start of the story.
    pub second_urls: Vec<(usize, Duration)>,
    /// The webhook URLs of which the server answers no ping with its value.
    pub without_pong: Vec<String>,
    /// The outages of AWS: the service (`None` means all), the beginning, counted from the start of
    /// the story, and the duration.
    pub outages: Vec<(Option<Service>, Duration, Duration)>,
}

impl Story {
    /// Returns whether document queries may be abandoned before they end by themselves.
    pub fn gives_queries_up(&self) -> bool {
        self.query_receives.is_some() || self.time_to_query < LONG_TIME_TO_QUERY
    }
}

/// A limit that is longer than any document query takes in a story.
const LONG_TIME_TO_QUERY: Duration = Duration::from_hours(12);

impl Story {
    pub fn random(chance: &Chance) -> Self {
        let customers: Vec<Customer> = (1..=1 + u128::from(chance.once_in(4)))
            .map(|number| Customer::new(chance, number))
            .collect();
        let most_rows = chance.pick(&[3, 12, 40]);
        let ids = &customers[0].ids;
        let earlier = chance.once_in(2).then(|| {
            let header = random_header(chance);
            let mut files = std::iter::repeat_with(|| File::random(chance, ids, 10, header));
            files.find(|file| file.failure(header).is_none()).unwrap()
        });
        let jobs = 1 + chance.below(2) + u64::from(customers.len() > 1);
        let mut plans: Vec<Plan> = (0..jobs)
            .map(|job| {
                // The last job belongs to the last customer.
                let customer = if job + 1 == jobs { customers.len() - 1 } else { 0 };
                Plan::random(chance, customer, &customers[customer].ids, most_rows)
            })
            .collect();
        // The same file is imported again, while an older job of the customer may be under way.
        let deletions = deletions(chance, customers.len());
        if let Some(file) = &earlier
            && (jobs > 1 || !deletions.is_empty())
            && chance.once_in(if deletions.is_empty() { 3 } else { 2 })
            && let Some(last) = plans.iter_mut().rfind(|plan| plan.customer == 0)
        {
            last.told = file.writing.header;
            for upload in &mut last.uploads {
                upload.file = file.clone();
            }
        }
        let most_per_chunk = chance.pick(&[8, 8, 8, 40]);
        let mut gateway = chance.once_in(2).then(|| GatewayFaults::random(chance));
        let time_to_query = match chance.below(5) {
            0 => Duration::from_secs(chance.below(2_400)),
            _ => LONG_TIME_TO_QUERY,
        };
        if time_to_query < LONG_TIME_TO_QUERY && chance.once_in(4) {
            gateway = gateway.map(GatewayFaults::too_slow);
        }
        let undos = undos(chance, plans.len() + usize::from(earlier.is_some()));
        Self {
            earlier,
            plans,
            deletions,
            undos,
            call: None,
            rows_per_chunk: u32::try_from(1 + chance.below(most_per_chunk)).unwrap(),
            patients_per_part: chance.pick(&[1, 3, PATIENTS_PER_PART]),
            is_poisoned: chance.once_in(6),
            gateway,
            time_to_query,
            query_receives: chance.once_in(6).then(|| u32::try_from(3 + chance.below(5)).unwrap()),
            outages: outages(chance),
            second_urls: second_urls(chance, customers.len()),
            without_pong: without_pong(chance, &customers),
            customers,
        }
    }

    /// Returns a story with one import of one file.
    pub fn of_file(chance: &Chance, file: File) -> Self {
        Self {
            customers: vec![Customer::new(chance, 1)],
            earlier: None,
            plans: vec![Plan::of_file(0, file)],
            deletions: Vec::new(),
            undos: Vec::new(),
            call: None,
            rows_per_chunk: ROWS_PER_CHUNK,
            patients_per_part: PATIENTS_PER_PART,
            is_poisoned: false,
            gateway: None,
            time_to_query: LONG_TIME_TO_QUERY,
            query_receives: None,
            second_urls: Vec::new(),
            without_pong: Vec::new(),
            outages: Vec::new(),
        }
    }

    /// Returns the sum of all outages, which is the longest time that AWS may be away.
    pub fn away(&self) -> Duration {
        self.outages.iter().map(|(.., duration)| *duration).sum()
    }
}

/// Returns the outages of a story: one or two in one story of three, each of a minute to two hours,
/// and else none.
fn outages(chance: &Chance) -> Vec<(Option<Service>, Duration, Duration)> {
    let count = if chance.once_in(3) { 1 + chance.below(2) } else { 0 };
    let longest = chance.pick(&[5, 30, 120]);
    let services = [
        None,
        Some(Service::DynamoDb),
        Some(Service::S3),
        Some(Service::Sqs),
        Some(Service::CloudWatchLogs),
    ];
    (0..count)
        .map(|_| {
            let duration =
                Duration::from_mins(1) + Duration::from_secs(chance.below((longest - 1) * 60 + 1));
            (chance.pick(&services), Duration::from_secs(chance.below(900)), duration)
        })
        .collect()
}

/// Returns the changes of webhook URLs in a story: one in one story of three, most of them while
/// the first jobs run.
fn second_urls(chance: &Chance, customers: usize) -> Vec<(usize, Duration)> {
    let longest = chance.pick(&[20_000, 60_000, 1_000_000]);
    let at = (chance.index(customers), Duration::from_millis(chance.below(longest)));
    chance.once_in(3).then_some(at).into_iter().collect()
}

/// Returns the URLs of which the server never answers a ping: one in eight of the first ones, and
/// every second one of those that may replace them.
fn without_pong(chance: &Chance, customers: &[Customer]) -> Vec<String> {
    let urls = customers.iter().flat_map(|customer| customer.urls.iter().zip([8, 2]));
    urls.filter(|(_, odds)| chance.once_in(*odds)).map(|(url, _)| url.clone()).collect()
}

fn random_header(chance: &Chance) -> Header {
    chance.pick(&[Header::Ours, Header::Ours, Header::Ours, Header::Theirs])
}

impl Plan {
    /// Returns the import of one file at the beginning of a story.
    pub fn of_file(customer: usize, file: File) -> Self {
        let told = file.writing.header;
        let upload = Upload {
            after: Duration::from_secs(1),
            takes: Duration::ZERO,
            file,
            events: vec![Duration::from_secs(1)],
        };
        Self {
            customer,
            dry_run: false,
            told,
            created: Duration::ZERO,
            uploads: vec![upload],
            canceled: None,
            reads: Vec::new(),
        }
    }

    fn random(chance: &Chance, customer: usize, ids: &Ids, most_rows: u64) -> Self {
        let seconds = |end: u64| Duration::from_millis(chance.below(end * 1000));
        let told = random_header(chance);
        let other = if told == Header::Ours { Header::Theirs } else { Header::Ours };
        let uploads = if chance.once_in(15) { 0 } else { 1 + u64::from(chance.once_in(5)) };
        let uploads = (0..uploads)
            .map(|_| {
                let events = match chance.below(10) {
                    0 => 0,
                    1 | 2 => 2,
                    _ => 1,
                };
                let header = if chance.once_in(12) { other } else { told };
                Upload {
                    after: if chance.once_in(8) { seconds(590) } else { seconds(10) },
                    // The longest upload ends within the hour in which the sweep looks for a file
                    // that had no event.
                    takes: match chance.below(12) {
                        0 => seconds(3_300),
                        1 => seconds(700),
                        _ => seconds(2),
                    },
                    file: File::random(chance, ids, most_rows, header),
                    events: (0..events)
                        .map(|_| if chance.once_in(6) { seconds(1_800) } else { seconds(3) })
                        .collect(),
                }
            })
            .collect();
        Self {
            customer,
            dry_run: chance.once_in(10),
            told,
            created: seconds(5),
            uploads,
            canceled: chance
                .once_in(6)
                .then(|| if chance.once_in(3) { seconds(1_500) } else { seconds(15) }),
            reads: (0..3).map(|_| seconds(1_500)).collect(),
        }
    }
}
