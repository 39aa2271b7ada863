//! Dead letters: messages that were received as often as their queue allows. A chunk, of an import
//! or an undo, is attempted once more, because the cause of its earlier failures may be over. All
//! other work is abandoned.

use crate::abandon::{AbandonOutcome, abandon};
use crate::import_rows::{ImportOutcome, import_rows};
use crate::messages::{ChunkMessage, DeadLetter};
use crate::ports::Ports;
use crate::ports::prelude::*;
use crate::undo_chunk::{UndoChunkOutcome, undo_chunk};
use crate::{DirectoryCache, Error};

/// The last receive count with which the chunk of a dead letter is attempted. A chunk that makes
/// its worker crash makes this function crash, too. The letter is then received again until its
/// count is higher, and its rows fail without another attempt.
const ATTEMPTED_RECEIVES: u32 = 2;

/// The outcome of a dead letter.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LetterOutcome {
    /// The last attempt of a chunk succeeded.
    Imported(ImportOutcome),
    /// The last attempt to undo a chunk succeeded.
    Undone(UndoChunkOutcome),
    /// The last attempt of a chunk met a transient error, so that the chunk was sent to its workers
    /// again.
    SentAgain,
    /// The work was abandoned.
    Abandoned(AbandonOutcome),
}

/// Handles a dead letter with this receive count. Safe to repeat, concurrently and late.
pub async fn handle_dead_letter<P: Ports>(
    ports: &P,
    directories: &DirectoryCache,
    letter: &DeadLetter,
    receive_count: u32,
) -> Result<LetterOutcome, Error> {
    if let DeadLetter::Chunk(message) = letter
        && receive_count <= ATTEMPTED_RECEIVES
    {
        match Box::pin(import_rows(ports, directories, message)).await {
            Ok(imported) => return Ok(LetterOutcome::Imported(imported)),
            Err(error) if error.is_transient() => return send_again(ports, message).await,
            Err(_) => {}
        }
    }
    if let DeadLetter::Undo(message) = letter
        && receive_count <= ATTEMPTED_RECEIVES
    {
        match Box::pin(undo_chunk(ports, message)).await {
            Ok(undone) => return Ok(LetterOutcome::Undone(undone)),
            Err(error) if error.is_transient() => {
                ports.queues().send_undo(&[*message]).await?;
                return Ok(LetterOutcome::SentAgain);
            }
            Err(_) => {}
        }
    }
    Ok(LetterOutcome::Abandoned(abandon(ports, letter).await?))
}

async fn send_again<P: Ports>(ports: &P, message: &ChunkMessage) -> Result<LetterOutcome, Error> {
    if let Some(job) = ports.jobs().load_job(message.job).await? {
        ports.queues().send_chunks(job.size(), &[*message]).await?;
    }
    Ok(LetterOutcome::SentAgain)
}
