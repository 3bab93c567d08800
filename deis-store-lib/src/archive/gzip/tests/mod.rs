mod bounds;
mod damage;
mod fuzz;
mod places;
mod round_trips;

use std::io::{self, Write as _};
use std::pin::pin;

use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::*;

const MIB: usize = 1 << 20;

async fn whole(reader: impl AsyncRead) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    pin!(reader).read_to_end(&mut bytes).await?;
    Ok(bytes)
}

async fn zipped(plain: &[u8]) -> Vec<u8> {
    whole(compress(plain)).await.unwrap()
}

async fn unzipped(zipped: &[u8]) -> io::Result<Vec<u8>> {
    whole(decompress(zipped)).await
}

/// A member as other programs make it.
fn foreign(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::GzBuilder::new()
        .filename("logs.tar")
        .comment("by hand")
        .write(Vec::new(), flate2::Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

/// So many bytes of lines that compress as logs do. No place of them is like another.
fn lines(bytes: usize) -> Vec<u8> {
    let mut lines = Vec::with_capacity(bytes + 100);
    let mut random = fastrand::Rng::with_seed(15);
    while lines.len() < bytes {
        let (time, id) = (lines.len(), random.u64(..));
        writeln!(lines, "{time} shop[web.{}]: GET /api/orders request_id={id:x}", random.u8(1..5)).unwrap();
    }
    lines.truncate(bytes);
    lines
}

/// Bytes that do not compress.
fn noise(bytes: usize) -> Vec<u8> {
    let mut noise = vec![0; bytes];
    fastrand::Rng::with_seed(15).fill(&mut noise);
    noise
}
