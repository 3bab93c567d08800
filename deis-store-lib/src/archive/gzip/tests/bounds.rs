use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use libdeflater::CompressionLvl;
use tokio::io::ReadBuf;

use super::*;
use crate::archive::gzip::work::at_once;

/// A reader that counts what is read of it.
struct Counted<R> {
    reader: R,
    count: Arc<AtomicUsize>,
}

impl<R: AsyncRead + Unpin> AsyncRead for Counted<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.reader).poll_read(context, buffer);
        self.count.fetch_add(buffer.filled().len() - before, Ordering::Relaxed);
        polled
    }
}

fn counted<R>(reader: R) -> (Counted<R>, Arc<AtomicUsize>) {
    let count = Arc::default();
    (Counted { reader, count: Arc::clone(&count) }, count)
}

#[tokio::test]
async fn compression_reads_a_few_members_ahead_and_no_further() {
    let most = (at_once() + 1) * MIB;
    let member_bytes = zipped(&vec![b'x'; MIB]).await.len();
    let (reader, read_bytes) = counted(tokio::io::repeat(b'x').take(20 * most as u64));
    let mut compressed = compress(reader);
    assert_eq!(read_bytes.load(Ordering::Relaxed), 0, "before anybody asks");
    for members in 1..10 {
        compressed.read_exact(&mut vec![0; member_bytes]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
        let ahead = read_bytes.load(Ordering::Relaxed);
        assert!(ahead <= most + members * MIB, "{ahead} bytes for {members} members");
    }
}

#[tokio::test]
async fn decompression_reads_a_few_members_ahead_and_no_further() {
    let ours = zipped(&noise(MIB)).await;
    let theirs = foreign(&noise(MIB));
    for member in [ours, theirs] {
        let most = (at_once() + 2) * member.len();
        let zipped = member.repeat(3 * (at_once() + 2));
        let (reader, read_bytes) = counted(&zipped[..]);
        let mut plain = decompress(reader);
        for members in 1..4 {
            plain.read_exact(&mut vec![0; MIB]).await.unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
            let ahead = read_bytes.load(Ordering::Relaxed);
            assert!(ahead <= most + members * member.len(), "{ahead} bytes for {members} members");
        }
    }
}

#[tokio::test]
async fn a_bomb_gives_as_little_at_a_time_as_anything_else() {
    // Each of its two members is a thousandth of what it becomes.
    let bomb = [foreign(&vec![0; 200 * MIB]), zipped(&vec![0; 200 * MIB]).await].concat();
    assert!(bomb.len() < 3 * MIB);
    let (reader, read_bytes) = counted(&bomb[..]);
    let mut plain = decompress(reader);
    plain.read_exact(&mut vec![0; MIB]).await.unwrap();
    assert!(read_bytes.load(Ordering::Relaxed) < bomb.len() / 2, "the rest waits until somebody wants it");
}

#[tokio::test]
async fn nothing_is_read_of_a_reader_that_was_dropped() {
    let (reader, read_bytes) = counted(tokio::io::repeat(b'x'));
    let mut compressed = compress(reader);
    compressed.read_u8().await.unwrap();
    drop(compressed);
    let before = read_bytes.load(Ordering::Relaxed);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(read_bytes.load(Ordering::Relaxed), before);
}

#[tokio::test]
async fn a_reader_s_error_comes_out_as_it_is_and_is_no_end() {
    for bytes in [0, 1000, MIB, 3 * MIB + 5] {
        let breaks = || {
            let broken = io::Error::new(io::ErrorKind::TimedOut, "the stream stands still");
            tokio_util::io::StreamReader::new(futures_util::stream::iter([
                Ok(io::Cursor::new(lines(bytes))),
                Err(broken),
            ]))
        };
        let mut compressed = compress(breaks());
        for _ in 0..2 {
            let mut sink = Vec::new();
            let error = compressed.read_to_end(&mut sink).await.unwrap_err();
            assert!(!error.to_string().is_empty());
        }
        let error = whole(compress(breaks())).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.to_string().as_str()),
            (io::ErrorKind::TimedOut, "the stream stands still")
        );

        let zipped = zipped(&lines(2 * MIB)).await;
        let broken = io::Error::new(io::ErrorKind::TimedOut, "the stream stands still");
        let beginning = zipped[..zipped.len() - 9].to_vec();
        let stream = futures_util::stream::iter([Ok(io::Cursor::new(beginning)), Err(broken)]);
        let error = whole(decompress(tokio_util::io::StreamReader::new(stream))).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}

/// The only thread for blocking work writes what we give, and so waits for us.
#[test]
fn threads_that_wait_for_us_do_not_hold_us_up() {
    let runtime = with_one_thread();
    let plain = lines(3 * MIB);
    let there_and_back = async {
        let (sender, mut receiver) = tokio::sync::mpsc::channel::<Vec<u8>>(1);
        let disk = tokio::task::spawn_blocking(move || {
            let mut written = Vec::new();
            while let Some(piece) = receiver.blocking_recv() {
                written.extend(piece);
            }
            written
        });
        let mut plain = decompress(compress(&plain[..]));
        loop {
            let mut piece = vec![0; MIB];
            let count = plain.read(&mut piece).await.unwrap();
            if count == 0 {
                break;
            }
            piece.truncate(count);
            sender.send(piece).await.unwrap();
        }
        drop(sender);
        disk.await.unwrap()
    };
    let back = runtime.block_on(async { tokio::time::timeout(Duration::from_mins(1), there_and_back).await });
    assert!(back.unwrap() == plain);
}

#[tokio::test]
async fn both_directions_can_go_to_another_thread() {
    fn is_send(_: &(impl Send + Unpin)) {}
    let compressed = compress(&b"x"[..]);
    is_send(&compressed);
    is_send(&decompress(compressed));
}

/// As long as the only thread is taken, each would wait for it.
#[test]
fn thousands_of_empty_members_need_no_threads() {
    let runtime = with_one_thread();
    let (done, is_done) = std::sync::mpsc::channel::<()>();
    runtime.block_on(async {
        let disk = tokio::task::spawn_blocking(move || is_done.recv());
        let began = std::time::Instant::now();
        for member in [member::deflate(b"", CompressionLvl::default()).unwrap(), foreign(b"")] {
            assert_eq!(unzipped(&member.repeat(5000)).await.unwrap(), b"");
        }
        assert!(began.elapsed() < Duration::from_mins(1), "{:?}", began.elapsed());
        drop(done);
        disk.await.unwrap().unwrap_err();
    });
}

fn with_one_thread() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().max_blocking_threads(1).build().unwrap()
}
