//! A corpus as counts and a sample, on all cores.

use std::sync::{Mutex, mpsc};

use super::{Counts, Sample, TrainError, counts::CountScratch};
use crate::{
    corpus::{BadRow, CorpusDigest, Row, Rows},
    model::Settings,
};

/// The rows that a thread takes at once: enough that taking them costs nothing.
const ROWS_PER_BATCH: usize = 64;

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

/// What one thread collects.
#[derive(Default)]
struct Part {
    counts: Counts,
    sample: Sample,
    bad_rows: u64,
    /// The first bad row, and its number in the corpus.
    first_bad_row: Option<(u64, BadRow)>,
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
    let (sender, receiver) = mpsc::sync_channel::<(u64, Vec<Row>)>(threads * BATCHES_WAITING);
    let receiver = Mutex::new(receiver);
    let (read, parts) = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| scope.spawn(|| Part::collect(&receiver, settings, skip_bad_rows)))
            .collect();
        let read = send_rows(rows, &sender);
        drop(sender);
        let parts: Vec<Part> = workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect();
        (read, parts)
    });
    let collected = merge(parts);
    if let (false, Some(bad_row)) = (skip_bad_rows, &collected.first_bad_row) {
        return Err(TrainError::BadRow(bad_row.clone()));
    }
    read?;
    Ok(collected)
}

fn send_rows(rows: Rows, sender: &mpsc::SyncSender<(u64, Vec<Row>)>) -> Result<(), TrainError> {
    let mut batch = Vec::with_capacity(ROWS_PER_BATCH);
    let mut first = 0;
    for row in rows {
        batch.push(row?);
        if batch.len() == ROWS_PER_BATCH {
            let full = std::mem::replace(&mut batch, Vec::with_capacity(ROWS_PER_BATCH));
            if sender.send((first, full)).is_err() {
                return Ok(());
            }
            first += ROWS_PER_BATCH as u64;
        }
    }
    // Workers hang up on a bad row, which is then what the caller is told.
    sender.send((first, batch)).ok();
    Ok(())
}

impl Part {
    fn collect(
        receiver: &Mutex<mpsc::Receiver<(u64, Vec<Row>)>>,
        settings: &Settings,
        skip_bad_rows: bool,
    ) -> Part {
        let mut part = Part::default();
        let mut scratch = CountScratch::default();
        loop {
            let next = receiver.lock().expect("no thread panics with the lock").recv();
            let Ok((first, rows)) = next else { return part };
            // After a bad row the others are only drained, so that the reader does not wait.
            if part.first_bad_row.is_some() && !skip_bad_rows {
                continue;
            }
            for (number, row) in (first..).zip(rows) {
                part.add(number, &row, settings, &mut scratch);
            }
        }
    }

    fn add(&mut self, number: u64, row: &Row, settings: &Settings, scratch: &mut CountScratch) {
        match row.parse() {
            Ok(example) => {
                let digest = CorpusDigest::of(&example);
                self.counts.digest.merge(&digest);
                self.counts.add(&example, settings, scratch);
                self.sample.add(example, &digest);
            }
            Err(bad_row) => {
                self.bad_rows += 1;
                if self.first_bad_row.as_ref().is_none_or(|(first, _)| number < *first) {
                    self.first_bad_row = Some((number, bad_row));
                }
            }
        }
    }
}

fn merge(parts: Vec<Part>) -> Collected {
    let mut collected = Collected::default();
    let mut first_bad_row: Option<(u64, BadRow)> = None;
    for part in parts {
        if collected.counts.is_empty() {
            collected.counts = part.counts;
        } else {
            collected.counts.merge(&part.counts);
        }
        collected.sample.merge(part.sample);
        collected.bad_rows += part.bad_rows;
        let firsts = [first_bad_row, part.first_bad_row].into_iter().flatten();
        first_bad_row = firsts.min_by_key(|&(number, _)| number);
    }
    collected.sample.finish();
    collected.first_bad_row = first_bad_row.map(|(_, bad_row)| bad_row);
    collected
}
