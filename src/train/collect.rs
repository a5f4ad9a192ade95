//! A corpus as counts and a sample, on all cores.

use std::sync::{Mutex, mpsc};

use super::{
    Counts, Sample, TrainError,
    tally::{Additions, NO_PANIC, Tally},
};
use crate::{
    corpus::{BadRow, CorpusDigest, Row, Rows},
    model::Settings,
};

/// The bytes of rows that a thread takes at once: enough that taking them costs nothing, and few
/// enough that all threads end at nearly the same time.
const BATCH_BYTES: usize = 128 * 1024;

/// The batches that wait for each thread: the reader is never far ahead, and memory stays bounded.
const BATCHES_WAITING: usize = 2;

/// What was collected from a corpus.
#[derive(Debug, Default)]
pub struct Collected {
    /// How much each feature counts.
    pub counts: Counts,
    /// The examples that are kept whole.
    pub sample: Sample,
    /// The number of rows that are no examples.
    pub bad_rows: u64,
    /// The first of them.
    pub first_bad_row: Option<BadRow>,
}

/// Rows that follow one another.
#[derive(Default)]
struct Batch {
    /// The number of the first one in the corpus.
    first: u64,
    rows: Vec<Row>,
    bytes: usize,
}

/// Reads the rows of a corpus, and counts their features.
///
/// A bad row ends the reading, unless `skip_bad_rows`.
pub fn collect(
    rows: Rows,
    settings: &Settings,
    skip_bad_rows: bool,
) -> Result<Collected, TrainError> {
    let threads = rayon::current_num_threads();
    let (sender, receiver) = mpsc::sync_channel(threads * BATCHES_WAITING);
    let shared = Shared {
        receiver: Mutex::new(receiver),
        sample: Mutex::default(),
        tally: Tally::default(),
    };
    let (read, parts) = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| scope.spawn(|| Part::collect(&shared, settings, skip_bad_rows)))
            .collect();
        let read = send_rows(rows, &sender);
        drop(sender);
        let parts: Vec<Part> = workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect();
        (read, parts)
    });
    let collected = shared.finish(parts);
    if let (false, Some(bad_row)) = (skip_bad_rows, &collected.first_bad_row) {
        return Err(TrainError::BadRow(bad_row.clone()));
    }
    read?;
    Ok(collected)
}

fn send_rows(rows: Rows, sender: &mpsc::SyncSender<Batch>) -> Result<(), TrainError> {
    let mut batch = Batch::default();
    for row in rows {
        let row = row?;
        batch.bytes += row.len();
        batch.rows.push(row);
        if BATCH_BYTES <= batch.bytes {
            let next = Batch { first: batch.first + batch.rows.len() as u64, ..Batch::default() };
            // Workers hang up on a bad row, which is then what the caller is told.
            if sender.send(std::mem::replace(&mut batch, next)).is_err() {
                return Ok(());
            }
        }
    }
    sender.send(batch).ok();
    Ok(())
}

/// What all threads collect together.
struct Shared {
    receiver: Mutex<mpsc::Receiver<Batch>>,
    sample: Mutex<Sample>,
    tally: Tally,
}

impl Shared {
    fn finish(self, parts: Vec<Part>) -> Collected {
        let mut digest = CorpusDigest::default();
        for part in &parts {
            digest.merge(&part.digest);
        }
        let bad_rows = parts.iter().map(|part| part.bad_rows).sum();
        let firsts = parts.into_iter().filter_map(|part| part.first_bad_row);
        let first_bad_row = firsts.min_by_key(|&(number, _)| number).map(|(_, bad_row)| bad_row);
        let sample = self.sample.into_inner().expect(NO_PANIC);
        Collected { counts: Counts::new(digest, self.tally), sample, bad_rows, first_bad_row }
    }
}

/// What one thread collects.
#[derive(Default)]
struct Part {
    digest: CorpusDigest,
    additions: Additions,
    bad_rows: u64,
    /// The first bad row, and its number in the corpus.
    first_bad_row: Option<(u64, BadRow)>,
}

impl Part {
    fn collect(shared: &Shared, settings: &Settings, skip_bad_rows: bool) -> Part {
        let mut part = Part::default();
        loop {
            let next = shared.receiver.lock().expect(NO_PANIC).recv();
            let Ok(batch) = next else { break };
            // After a bad row the others are only drained, so that the reader does not wait.
            if part.first_bad_row.is_none() || skip_bad_rows {
                part.add(batch, shared, settings);
            }
        }
        part.additions.fill(&shared.tally);
        part
    }

    fn add(&mut self, batch: Batch, shared: &Shared, settings: &Settings) {
        let mut examples = Vec::with_capacity(batch.rows.len());
        for (number, row) in (batch.first..).zip(batch.rows) {
            match row.parse() {
                Ok(example) => examples.push((CorpusDigest::of(&example), example)),
                Err(bad_row) => self.add_bad_row(number, bad_row),
            }
        }
        let mut ids = shared.tally.strata.lock().expect(NO_PANIC);
        let strata: Vec<u32> = examples.iter().map(|(_, example)| ids.add(example)).collect();
        drop(ids);
        for ((digest, example), stratum) in examples.iter().zip(strata) {
            self.digest.merge(digest);
            self.additions.add(example, stratum, settings, &shared.tally);
        }
        let mut sample = shared.sample.lock().expect(NO_PANIC);
        for (digest, example) in examples {
            sample.add(example, &digest);
        }
    }

    fn add_bad_row(&mut self, number: u64, bad_row: BadRow) {
        self.bad_rows += 1;
        if self.first_bad_row.as_ref().is_none_or(|&(first, _)| number < first) {
            self.first_bad_row = Some((number, bad_row));
        }
    }
}
