//! The journal of an object list: what a run remembers of the objects whose bytes are safe, should it not come to the end.
//!
//! A line is appended after the bytes of its object were synced. The lines of one run are in the order of the keys; those of
//! the next run, which goes on, follow. Each line has a digest of its own: what does not fit it, and all behind, is cut off.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc::{self, error::TryRecvError};
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use super::list_line::{LONGEST_LINE_BYTES, ListLine};
use crate::disk::{AppendFile, Root, SEAL_BYTES, sealed, unsealed};
use crate::error::{Error, ErrorKind, Result, disk_error};
use crate::tree::MergeSorted;

/// For so long lines are gathered before the disk is synced: a run that is killed has this to do again.
const GATHERING: Duration = Duration::from_millis(500);
/// While a sync lasts, so many lines may wait.
const WAITING: usize = 8192;

/// Writes a journal, in a thread of its own.
#[derive(Debug)]
pub(crate) struct JournalWriter {
    lines: mpsc::Sender<Vec<u8>>,
    task: JoinHandle<Result<()>>,
}

impl JournalWriter {
    /// Appends to a file, when what was written below the root is synced.
    pub(super) fn new(mut file: AppendFile, root: Root, tasks: &TaskTracker) -> Self {
        let (lines, mut waiting) = mpsc::channel(WAITING);
        let task = tasks.spawn_blocking(move || {
            while let Some(batch) = gather(&mut waiting) {
                root.sync_filesystem()?;
                file.append(&batch)?;
            }
            Ok(())
        });
        Self { lines, task }
    }

    /// Remembers an object, whose file has its name.
    pub(crate) async fn add(&mut self, line: &ListLine) -> Result<()> {
        if self.lines.send(sealed_line(line)?).await.is_ok() {
            return Ok(());
        }
        // It has ended, and says why.
        (&mut self.task).await.map_err(ended).flatten()?;
        Err(Error::new(ErrorKind::Internal, "the journal ended before its time"))
    }

    /// Writes what is left.
    pub(crate) async fn finish(self) -> Result<()> {
        drop(self.lines);
        self.task.await.map_err(ended).flatten()
    }
}

/// The lines of a journal that its earlier runs have left, by key; of equal keys the newest line comes first.
pub(crate) type JournalLines = MergeSorted<ListLine, Segment>;

/// Reads what is in a journal, and cuts off what is torn.
pub(super) fn read(file: &mut AppendFile) -> Result<JournalLines> {
    let bytes = Arc::new(file.bytes()?);
    let (starts, end) = segments(&bytes)?;
    file.cut(end)?;
    let ends = starts.iter().skip(1).copied().chain([end]);
    let segments: Vec<_> =
        starts.iter().copied().zip(ends).map(|(start, end)| Segment::new(&bytes, start, end)).collect();
    Ok(MergeSorted::new(segments.into_iter().rev(), |one, other| one.key.cmp(&other.key)))
}

/// The lines of one run.
#[derive(Debug)]
pub(crate) struct Segment {
    lines: BufReader<Between>,
}

impl Segment {
    fn new(file: &Arc<File>, start: u64, end: u64) -> Self {
        Self { lines: BufReader::new(Between { file: Arc::clone(file), start, end }) }
    }

    /// The next line, and how many bytes it has; nothing at the end or where one is torn.
    fn read(&mut self) -> io::Result<Option<(ListLine, u64)>> {
        let mut text = Vec::new();
        (&mut self.lines).take(LONGEST_LINE_BYTES + SEAL_BYTES).read_until(b'\n', &mut text)?;
        let line = unsealed(&text).and_then(|json| serde_json::from_slice(json).ok());
        Ok(line.map(|line| (line, text.len() as u64)))
    }
}

impl Iterator for Segment {
    type Item = Result<ListLine>;

    fn next(&mut self) -> Option<Self::Item> {
        let failed = |error| disk_error("read", "the journal of an object list", error);
        self.read().map(|line| line.map(|(line, _)| line)).map_err(failed).transpose()
    }
}

/// Where each run's lines begin, and where the last good one ends.
fn segments(file: &Arc<File>) -> Result<(Vec<u64>, u64)> {
    let failed = |error| disk_error("read", "the journal of an object list", error);
    let mut lines = Segment::new(file, 0, u64::MAX);
    let (mut starts, mut end, mut last) = (Vec::new(), 0, None::<String>);
    while let Some((line, size_bytes)) = lines.read().map_err(failed)? {
        if last.is_none_or(|last| last >= line.key) {
            starts.push(end);
        }
        last = Some(line.key);
        end += size_bytes;
    }
    Ok((starts, end))
}

/// What has come within a while after the first line; nothing when there is no more to come.
fn gather(waiting: &mut mpsc::Receiver<Vec<u8>>) -> Option<Vec<u8>> {
    let mut batch = waiting.blocking_recv()?;
    let began = Instant::now();
    loop {
        match waiting.try_recv() {
            Ok(line) => batch.extend(line),
            Err(TryRecvError::Empty) if began.elapsed() < GATHERING => {
                std::thread::sleep(Duration::from_millis(10));
            }
            Err(_) => return Some(batch),
        }
    }
}

fn sealed_line(line: &ListLine) -> Result<Vec<u8>> {
    let text = serde_json::to_string(line)
        .map_err(|error| Error::new(ErrorKind::Internal, "a line that is no JSON").because(error))?;
    Ok(sealed(&text))
}

fn ended(error: tokio::task::JoinError) -> Error {
    Error::new(ErrorKind::Internal, "the journal ended before its time").because(error)
}

/// The bytes of a file between two places. Several are read side by side.
#[derive(Debug)]
struct Between {
    file: Arc<File>,
    start: u64,
    end: u64,
}

impl Read for Between {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.start).unwrap_or(usize::MAX).min(buffer.len());
        let count = self.file.read_at(&mut buffer[..left], self.start)?;
        self.start += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    async fn write(place: &Path, keys: &[&str], size_bytes: u64) {
        let root = Root::open(place).unwrap();
        let mut file = root.append_file("j").unwrap();
        drop(read(&mut file).unwrap());
        let mut journal = JournalWriter::new(file, root, &TaskTracker::new());
        for key in keys {
            journal
                .add(&ListLine::new(*key, size_bytes, "e", "2015-10-21T07:28:00Z".parse().unwrap()))
                .await
                .unwrap();
        }
        journal.finish().await.unwrap();
    }

    fn lines(place: &Path) -> Vec<(String, u64)> {
        let mut file = Root::open(place).unwrap().append_file("j").unwrap();
        read(&mut file).unwrap().map(|line| line.map(|line| (line.key, line.size_bytes)).unwrap()).collect()
    }

    fn own(lines: &[(&str, u64)]) -> Vec<(String, u64)> {
        lines.iter().map(|(key, size_bytes)| ((*key).to_owned(), *size_bytes)).collect()
    }

    #[tokio::test]
    async fn the_lines_of_all_runs_come_by_key_and_the_newest_of_equal_ones_first() {
        let place = tempfile::tempdir().unwrap();
        assert_eq!(lines(place.path()), []);
        write(place.path(), &["b", "d", "e"], 1).await;
        write(place.path(), &["a", "d"], 2).await;
        write(place.path(), &["f", "g"], 3).await;
        let expected = [("a", 2), ("b", 1), ("d", 2), ("d", 1), ("e", 1), ("f", 3), ("g", 3)];
        assert_eq!(lines(place.path()), own(&expected));
    }

    #[tokio::test]
    async fn what_is_torn_or_was_changed_is_cut_off_with_all_behind_it_and_the_journal_goes_on() {
        let place = tempfile::tempdir().unwrap();
        write(place.path(), &["a", "b"], 1).await;
        let path = place.path().join("j");
        let whole = std::fs::read(&path).unwrap();
        for length in whole.len() / 2 + 1..whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            assert_eq!(lines(place.path()), own(&[("a", 1)]), "{length}");
            assert_eq!(std::fs::metadata(&path).unwrap().len() * 2, whole.len() as u64);
        }
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(&path, &flipped).unwrap();
            let expected = if bit / 8 < whole.len() / 2 { vec![] } else { own(&[("a", 1)]) };
            assert_eq!(lines(place.path()), expected, "{bit}");
        }
        write(place.path(), &["c"], 3).await;
        assert_eq!(lines(place.path()), own(&[("a", 1), ("c", 3)]));
        std::fs::write(&path, [&whole[..], &[0; 4096]].concat()).unwrap();
        assert_eq!(lines(place.path()), own(&[("a", 1), ("b", 1)]));
    }
}
