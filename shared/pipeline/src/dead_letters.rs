//! Dead letters: messages that were received as often as their queue allows. A chunk is tried once more, because its
//! earlier tries may all have died of something that is over; all other work is given up.

use crate::Error;
use crate::abandon::{Abandon, Abandoned};
use crate::import_rows::{ImportRows, Imported};
use crate::messages::{ChunkMessage, DeadLetter};
use crate::ports::{
    ChangeState, ChunkQueries, Clock, DeliveryLog, EndChunk, LoadDirectory, LoadJob, LoadPatients,
    LoadPeople, LoadQueries, OpenJobs, Randomness, ReadOutcomes, ReadPlan, ReadUpload, SendChunks,
    SendFinished, SendQueries, SendWebhook, StoreOutcomes, StorePatient, StorePeople, StoreQuery,
    StoreRoster, Watchlist,
};

/// Receives of a dead letter in which its chunk is tried. A chunk that makes its worker crash makes this function crash,
/// too, and the letter comes again: then its rows are failed untried.
const TRIED_RECEIVES: u32 = 2;

/// What became of a dead letter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LetterOutcome {
    /// The last try of a chunk succeeded.
    Imported(Imported),
    /// The last try of a chunk met a disturbance, so the chunk went back to its workers.
    PutBack,
    /// The work was given up.
    GivenUp(Abandoned),
}

/// The use case: a last try, and what gives up.
#[derive(Debug)]
pub struct DeadLetters<J, F, D, P, Q, K, W, S, C> {
    /// What gives up.
    pub abandon: Abandon<J, F, P, Q, K, W, C>,
    /// What tries a chunk.
    pub import: ImportRows<J, F, D, P, Q, K, C>,
    /// Where chunks go.
    pub chunks: S,
}

impl<J, F, D, P, Q, K, W, S, C> DeadLetters<J, F, D, P, Q, K, W, S, C>
where
    J: LoadJob + OpenJobs + EndChunk + ChunkQueries + ChangeState + Watchlist + DeliveryLog,
    F: ReadUpload + ReadPlan + StoreOutcomes + ReadOutcomes,
    D: LoadDirectory,
    P: LoadPeople + StorePeople + StoreRoster + LoadPatients + StorePatient + LoadQueries + StoreQuery,
    Q: SendFinished,
    K: SendQueries,
    W: SendWebhook,
    S: SendChunks,
    C: Clock + Randomness,
{
    /// Handles one dead letter, which was received `receives` times, this time included. Safe to repeat, concurrently
    /// and late.
    pub async fn run(&self, letter: &DeadLetter, receives: u32) -> Result<LetterOutcome, Error> {
        if let DeadLetter::Chunk(message) = letter
            && receives <= TRIED_RECEIVES
        {
            match Box::pin(self.import.run(message)).await {
                Ok(imported) => return Ok(LetterOutcome::Imported(imported)),
                Err(error) if error.is_transient() => return self.put_back(message).await,
                Err(_) => {}
            }
        }
        Ok(LetterOutcome::GivenUp(self.abandon.run(letter).await?))
    }

    async fn put_back(&self, message: &ChunkMessage) -> Result<LetterOutcome, Error> {
        if let Some(job) = self.import.jobs.load_job(message.job).await? {
            self.chunks.send_chunks(job.size(), &[*message]).await?;
        }
        Ok(LetterOutcome::PutBack)
    }
}
