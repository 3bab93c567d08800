use proptest::prelude::*;

use super::*;
use crate::archive::gzip::decompressed;

/// What may become of an archive on its way.
#[derive(Clone, Debug)]
enum Mutation {
    Flip(prop::sample::Index, u8),
    Cut(prop::sample::Index),
    Remove(prop::sample::Index, prop::sample::Index),
    Insert(prop::sample::Index, Vec<u8>),
}

impl Mutation {
    fn any() -> impl Strategy<Value = Self> {
        prop_oneof![
            (any::<prop::sample::Index>(), 1..=u8::MAX).prop_map(|(at, bits)| Self::Flip(at, bits)),
            any::<prop::sample::Index>().prop_map(Self::Cut),
            any::<(prop::sample::Index, prop::sample::Index)>().prop_map(|(a, b)| Self::Remove(a, b)),
            (any::<prop::sample::Index>(), prop::collection::vec(any::<u8>(), 0..40))
                .prop_map(|(at, bytes)| Self::Insert(at, bytes)),
        ]
    }

    fn apply(&self, bytes: &mut Vec<u8>) {
        let all = bytes.len() + 1;
        match self {
            Self::Flip(_, _) if bytes.is_empty() => {}
            Self::Flip(at, bits) => bytes[at.index(all - 1)] ^= bits,
            Self::Cut(at) => bytes.truncate(at.index(all)),
            Self::Remove(a, b) => {
                let (a, b) = (a.index(all), b.index(all));
                bytes.drain(a.min(b)..a.max(b));
            }
            Self::Insert(at, new) => drop(bytes.splice(at.index(all)..at.index(all), new.iter().copied())),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_archive_gives_an_error_or_whole_members(
        sizes in prop::collection::vec((0..2000usize, any::<bool>()), 1..5),
        mutations in prop::collection::vec(Mutation::any(), 1..4),
    ) {
        let mut archive = Vec::new();
        for (bytes, is_ours) in &sizes {
            let plain = lines(*bytes);
            let level = libdeflater::CompressionLvl::default();
            archive.extend(if *is_ours { member::deflate(&plain, level).unwrap() } else { foreign(&plain) });
        }
        for mutation in &mutations {
            mutation.apply(&mut archive);
        }
        if let Ok(mut read) = decompressed(&archive, u64::MAX) {
            // Members may be gone, or be there twice. Each is the beginning of the same text.
            while !read.is_empty() {
                let whole = sizes.iter().map(|(bytes, _)| lines(*bytes));
                let member = whole.filter(|plain| !plain.is_empty() && read.starts_with(plain)).max_by_key(Vec::len);
                prop_assert!(member.is_some(), "bytes that nobody has compressed");
                read.drain(..member.map_or(0, |plain| plain.len()));
            }
        }
    }

    #[test]
    fn no_bytes_make_it_panic(beginning in 0..21usize, bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let header = member::deflate(b"", libdeflater::CompressionLvl::default()).unwrap();
        let bytes = [&header[..beginning], &bytes].concat();
        // The checksum of 32 bits must be right by chance.
        prop_assert!(decompressed(&bytes, u64::MAX).is_err());
    }
}

#[test]
fn no_more_comes_than_is_asked_for() {
    let member = member::deflate(&vec![0; MIB], libdeflater::CompressionLvl::default()).unwrap();
    assert_eq!(decompressed(&member.repeat(50), 10_000_000).unwrap().len(), 10_000_000);
}
