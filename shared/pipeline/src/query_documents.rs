//! A few patients: ask the gateway who they are there, and what documents it has about them.
//!
//! A failed query never fails its row. What the gateway cannot answer now is asked again later, by the queue:
//! no function waits. A patient has one query at a time; who asks meanwhile joins it and comes again for its
//! outcome. The order of the steps makes a repeated delivery harmless: a request that was served stays served,
//! and documents are stored beside the old ones before the query says that it found them.

use std::time::Duration;

use domain::document::Demographics;
use domain::gateway_care::{Breaker, Leave, Slots};
use domain::ids::{CustomerId, PatientId};
use domain::mutants::{Bug, has};
use domain::query::{
    PatientQuery, QueryOutcome, QueryRequestId, QueryTally, QueryTry, StoredDocuments, Turn,
};
use futures::future::join_all;

use crate::Error;
use crate::chunk_queries::{end_part, give_up};
use crate::messages::{QueryAsker, QueryMessage};
use crate::ports::{
    AskGateway, ChunkQueries, Clock, GatewayAnswer, GatewayCare, GatewayFailure, LoadPatients, LoadQueries,
    PortResult, Randomness, SendFinished, StoreDocuments, StoreQuery, Versioned, Write,
};

/// When to look again at a query of somebody else.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// When to ask again after a failure of which the gateway does not say how long it lasts; it doubles with every
/// delivery of the message.
const FIRST_PAUSE: Duration = Duration::from_secs(5);

/// Conflicting writes to one query after which the message is left to a later delivery.
const WRITE_ATTEMPTS: u32 = 10;

/// The longest such pause.
const LONGEST_PAUSE: Duration = Duration::from_mins(10);

/// What came of a message about queries.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Queried {
    /// All of its queries have ended; how those did that ended now.
    Ended(QueryTally),
    /// Some have to be tried again after a while.
    Again {
        /// How long to wait.
        after: Duration,
        /// Why, for the log.
        cause: String,
    },
}

/// The use case with its ports.
#[derive(Debug)]
pub struct QueryDocuments<J, P, G, Q, W> {
    /// The jobs, and what may be asked of the gateway.
    pub jobs: J,
    /// Patients, their queries and documents.
    pub patients: P,
    /// The gateway.
    pub gateway: G,
    /// Where finished jobs go.
    pub finished: Q,
    /// Time and ids.
    pub world: W,
    /// Queries a second that a customer may start; 0 for as many as it likes.
    pub rate: f64,
}

/// A try to find one patient's documents.
#[derive(Clone, Copy)]
struct Try {
    customer: CustomerId,
    patient: PatientId,
    id: QueryTry,
}

/// What came of one patient.
enum Patient {
    /// Its query has ended.
    Ended(QueryOutcome),
    /// Somebody else is at it, or was quicker.
    Wait,
    /// The gateway could not say, this time.
    Failed(GatewayFailure),
}

impl<J, P, G, Q, W> QueryDocuments<J, P, G, Q, W>
where
    J: ChunkQueries + GatewayCare,
    P: LoadPatients + LoadQueries + StoreQuery + StoreDocuments,
    G: AskGateway,
    Q: SendFinished,
    W: Clock + Randomness,
{
    /// Handles one message; `delivery` counts from 1. Safe to repeat, concurrently and late.
    pub async fn run(&self, message: &QueryMessage, delivery: u32) -> Result<Queried, Error> {
        if let QueryAsker::Part(part) = message.asker
            && !self.jobs.open_parts_of(part.job, part.chunk).await?.contains(&part.part)
        {
            if has(Bug::GivenUpQueryLeft) {
                end_part(&self.jobs, &self.finished, part, QueryTally::default()).await?;
                return Ok(Queried::Ended(QueryTally::default()));
            }
            return self.ended_before(message).await;
        }
        let known = self.patients.load_queries(message.customer, &message.patients).await?;
        let (request, now) = (message.asker.request(), self.world.now());
        let turns: Vec<(Try, Option<u64>, Turn)> = message
            .patients
            .iter()
            .map(|patient| {
                let query = known.get(patient);
                let this = QueryTry::new(self.world.new_id());
                let turn = PatientQuery::turn(query.map(|query| &query.value), request, this, now);
                let this = Try { customer: message.customer, patient: *patient, id: this };
                (this, query.map(|query| query.version), turn)
            })
            .collect();
        let starts = turns.iter().filter(|(.., turn)| matches!(turn, Turn::Start(_))).count();
        if starts > 0
            && let Some(after) =
                self.leave(message.customer, u32::try_from(starts).unwrap_or(u32::MAX)).await?
        {
            // With many waiting, not all of them look again when there is room for a few.
            let after = after.max(pause_after(request, delivery));
            return Ok(Queried::Again { after, cause: "it is not our turn at the gateway".to_owned() });
        }
        let patients = turns.into_iter().map(|(this, version, turn)| self.patient(this, version, turn));
        // All of them, also if one cannot be stored: a query that is dropped half-way is nobody's for minutes.
        let patients = join_all(patients).await.into_iter().collect::<Result<Vec<Patient>, Error>>()?;
        self.note_health(&patients).await?;
        let again = patients.iter().filter_map(|patient| match patient {
            Patient::Ended(_) => None,
            Patient::Wait => Some((LOOK_AGAIN, "another query of the patient is running")),
            Patient::Failed(failure) => Some((
                failure.retry_after.unwrap_or_else(|| pause_after(request, delivery)),
                failure.cause.as_str(),
            )),
        });
        if let Some((after, cause)) = again.max_by_key(|(after, _)| *after) {
            return Ok(Queried::Again { after, cause: cause.to_owned() });
        }
        let tally = QueryTally::of(patients.iter().filter_map(|patient| match patient {
            Patient::Ended(outcome) => Some(*outcome),
            Patient::Wait | Patient::Failed(_) => None,
        }));
        if let QueryAsker::Part(part) = message.asker {
            end_part(&self.jobs, &self.finished, part, tally).await?;
        }
        Ok(Queried::Ended(tally))
    }

    /// A part that has ended. Whoever ended it may have died before saying so, and if it was given up, whoever was
    /// at a query of it may have died, too: nobody else would end that one.
    async fn ended_before(&self, message: &QueryMessage) -> Result<Queried, Error> {
        let Self { jobs, patients, finished, world, .. } = self;
        let given_up = give_up(jobs, patients, finished, world, message).await?;
        Ok(match given_up.busy_until {
            None => Queried::Ended(QueryTally::default()),
            Some(until) => {
                let left = until.as_millis().saturating_sub(world.now().as_millis());
                let after = Duration::from_millis(u64::try_from(left).unwrap_or(0)).max(LOOK_AGAIN);
                Queried::Again { after, cause: "somebody may be at a query that was given up".to_owned() }
            }
        })
    }

    /// Whether so many queries may start now; if not, when to ask again.
    async fn leave(&self, customer: CustomerId, queries: u32) -> PortResult<Option<Duration>> {
        let now = self.world.now();
        let breaker = self.jobs.load_breaker().await?;
        match breaker.as_ref().map_or(Leave::Call, |breaker| breaker.value.leave(now)) {
            Leave::Call => {}
            Leave::Wait(after) => return Ok(Some(after)),
            Leave::Probe(probing) => {
                let version = breaker.map(|breaker| breaker.version);
                if self.jobs.store_breaker(probing, version).await? == Write::Conflict {
                    return Ok(Some(LOOK_AGAIN));
                }
            }
        }
        if self.rate <= 0.0 {
            return Ok(None);
        }
        let slots = self.jobs.load_slots(customer).await?;
        let (known, version) = (slots.as_ref().map(|slots| slots.value), slots.map(|slots| slots.version));
        match Slots::take(known, queries, self.rate, now) {
            Err(after) => Ok(Some(after)),
            Ok(taken) => match self.jobs.store_slots(customer, taken, version).await? {
                Write::Done => Ok(None),
                Write::Conflict => Ok(Some(Duration::from_secs(1))),
            },
        }
    }

    async fn patient(&self, this: Try, version: Option<u64>, turn: Turn) -> Result<Patient, Error> {
        let mut query = match turn {
            Turn::Served(outcome) => return Ok(Patient::Ended(outcome)),
            Turn::Wait => return Ok(Patient::Wait),
            Turn::Join(joined) => {
                // If it conflicts, whoever comes again joins then.
                let _ = self.patients.store_query(this.customer, this.patient, &joined, version).await?;
                return Ok(Patient::Wait);
            }
            Turn::Start(query) => Versioned { value: query, version: version.unwrap_or(0) + 1 },
        };
        if self.patients.store_query(this.customer, this.patient, &query.value, version).await?
            == Write::Conflict
        {
            // Perhaps with ourselves: the answer to a first attempt was lost.
            match self.ours(this).await? {
                Some(ours) => query = ours,
                None => return Ok(Patient::Wait),
            }
        }
        let ended = self.ask(this, query).await;
        if ended.is_err() {
            // The message comes again, and would find a query that nobody is at until the lease ends. If this
            // fails as well, that is what happens.
            let _ = self.give_back(this).await;
        }
        ended
    }

    /// The query, if it is this try's.
    async fn ours(&self, this: Try) -> PortResult<Option<Versioned<PatientQuery>>> {
        let query = self.patients.load_queries(this.customer, &[this.patient]).await?.remove(&this.patient);
        Ok(query.filter(|query| query.value.is_leased_to(this.id)))
    }

    async fn give_back(&self, this: Try) -> PortResult<()> {
        for _ in 0..WRITE_ATTEMPTS {
            let Some(ours) = self.ours(this).await? else { break };
            let given_back = ours.value.given_back();
            let write =
                self.patients.store_query(this.customer, this.patient, &given_back, Some(ours.version));
            if write.await? == Write::Done {
                break;
            }
        }
        Ok(())
    }

    /// Asks the gateway about a patient whose query is ours, and notes what it says.
    async fn ask(&self, this: Try, query: Versioned<PatientQuery>) -> Result<Patient, Error> {
        if has(Bug::OldDocumentsDroppedEarly) {
            self.patients.drop_documents_before(this.customer, this.patient, this.id).await?;
        }
        let conclusion = if query.value.is_exhausted() {
            Conclusion::Ended(QueryOutcome::Failed, None)
        } else {
            self.answer(this).await?
        };
        self.conclude(this, query, conclusion).await
    }

    async fn answer(&self, this: Try) -> Result<Conclusion, Error> {
        let record = self.patients.load_patients(this.customer, &[this.patient]).await?.remove(&this.patient);
        let Some(patient) = record.map(|record| record.value.patient) else {
            return Ok(Conclusion::Ended(QueryOutcome::NotKnown, None));
        };
        if patient.hie_opt_out && !has(Bug::OptedOutAsked) {
            return Ok(Conclusion::Ended(QueryOutcome::OptedOut, None));
        }
        Ok(match self.gateway.ask(&Demographics::from(&patient)).await {
            Ok(GatewayAnswer::Documents(documents)) => {
                let Try { customer, patient, id } = this;
                let stored = self.patients.store_documents(customer, patient, id, &documents).await?;
                let count = u32::try_from(documents.len()).unwrap_or(u32::MAX);
                Conclusion::Ended(QueryOutcome::Documents(count), Some(stored))
            }
            Ok(GatewayAnswer::NotKnown) => Conclusion::Ended(QueryOutcome::NotKnown, None),
            Ok(GatewayAnswer::Ambiguous) => Conclusion::Ended(QueryOutcome::Ambiguous, None),
            Err(failure) if failure.transient => Conclusion::Failed(failure),
            Err(_) => Conclusion::Ended(QueryOutcome::Failed, None),
        })
    }

    /// Stores what came of a query. Others may have joined it meanwhile; somebody who thought us dead may even
    /// have taken it over, and then theirs counts.
    async fn conclude(
        &self,
        this: Try,
        mut query: Versioned<PatientQuery>,
        conclusion: Conclusion,
    ) -> Result<Patient, Error> {
        let Try { customer, patient, id } = this;
        for _ in 0..WRITE_ATTEMPTS {
            let after = match &conclusion {
                Conclusion::Ended(outcome, stored) => query.value.clone().ended(*outcome, *stored),
                Conclusion::Failed(_) => query.value.clone().failed_once(),
            };
            if self.patients.store_query(customer, patient, &after, Some(query.version)).await? == Write::Done
            {
                if after.outcome.is_some_and(QueryOutcome::is_success) {
                    let new = || QueryTry::new(self.world.new_id());
                    let first_kept = if has(Bug::NewDocumentsDropped) { new() } else { id };
                    self.patients.drop_documents_before(customer, patient, first_kept).await?;
                }
                return Ok(match (after.outcome, conclusion) {
                    (None, Conclusion::Failed(failure)) => Patient::Failed(failure),
                    (outcome, _) => outcome.map_or(Patient::Wait, Patient::Ended),
                });
            }
            match self.ours(this).await? {
                // Somebody joined.
                Some(ours) => query = ours,
                None => return Ok(Patient::Wait),
            }
        }
        Err(Error::Contended { attempts: WRITE_ATTEMPTS })
    }

    /// Tells the breaker how the gateway did: one success is enough to show that it is there.
    async fn note_health(&self, patients: &[Patient]) -> PortResult<()> {
        let has_failed = patients.iter().any(|patient| matches!(patient, Patient::Failed(_)));
        let has_answered = patients.iter().any(|patient| {
            matches!(
                patient,
                Patient::Ended(QueryOutcome::Documents(_) | QueryOutcome::NotKnown | QueryOutcome::Ambiguous)
            )
        });
        if !has_failed && !has_answered {
            return Ok(());
        }
        let known = self.jobs.load_breaker().await?;
        let (breaker, version): (Breaker, Option<u64>) =
            known.map_or((Breaker::default(), None), |known| (known.value, Some(known.version)));
        let after = if has_answered {
            breaker.after_success()
        } else {
            Some(breaker.after_failure(self.world.now()))
        };
        if let Some(after) = after {
            // Of two who say so at the same time one is enough.
            let _ = self.jobs.store_breaker(after, version).await?;
        }
        Ok(())
    }
}

/// What the gateway had to say.
enum Conclusion {
    /// An answer, with the documents that were found.
    Ended(QueryOutcome, Option<StoredDocuments>),
    /// Nothing, for now.
    Failed(GatewayFailure),
}

/// The pause after so many deliveries, longer or shorter by up to a half: what failed at the same time does not
/// come again at the same time.
fn pause_after(request: QueryRequestId, delivery: u32) -> Duration {
    let pause = FIRST_PAUSE.saturating_mul(1 << delivery.saturating_sub(1).min(10)).min(LONGEST_PAUSE);
    let jitter = request.as_uuid().as_bytes()[15].wrapping_add(delivery.to_le_bytes()[0].wrapping_mul(97));
    pause / 2 + pause * u32::from(jitter) / 255
}
