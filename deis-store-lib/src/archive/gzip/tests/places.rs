use super::*;
use crate::archive::gzip::places::Place;

/// What is compressed, read to its end, and where things are.
async fn with_places(plain: &[u8]) -> (Vec<u8>, Places) {
    let compressed = compress(plain);
    let places = compressed.places();
    (whole(compressed).await.unwrap(), places)
}

#[tokio::test]
async fn decompression_can_begin_at_a_place() {
    let plain = lines(3 * MIB + 5);
    let (zipped, places) = with_places(&plain).await;
    let wanted = [0, 1, MIB - 1, MIB, MIB + 1, 2 * MIB, 3 * MIB - 1, 3 * MIB, 3 * MIB + 4];
    for at in wanted {
        let place = places.place_of(at as u64).unwrap();
        let from = usize::try_from(place.member_at_bytes).unwrap();
        let within = usize::try_from(place.within_bytes).unwrap();
        assert!(within < MIB);
        assert!(unzipped(&zipped[from..]).await.unwrap()[within..] == plain[at..], "at {at}");
    }
}

#[tokio::test]
async fn there_is_no_place_where_nothing_is() {
    for bytes in [0, 1, MIB, MIB + 1] {
        let (_, places) = with_places(&lines(bytes)).await;
        for at in [bytes as u64, bytes as u64 + 1, 10 * MIB as u64, u64::MAX] {
            assert_eq!(places.place_of(at), None, "{at} of {bytes}");
        }
    }
}

#[tokio::test]
async fn a_place_is_known_when_its_member_is_there() {
    let plain = noise(40 * MIB);
    let mut compressed = compress(&plain[..]);
    let places = compressed.places();
    assert_eq!(places.place_of(0), None);
    compressed.read_u8().await.unwrap();
    assert_eq!(places.place_of(0), Some(Place { member_at_bytes: 0, within_bytes: 0 }));
    assert_eq!(places.place_of(39 * MIB as u64), None);
    whole(compressed).await.unwrap();
    assert!(places.place_of(39 * MIB as u64).is_some());
}

#[tokio::test]
async fn what_is_forgotten_is_gone_and_the_rest_stays_where_it_is() {
    let plain = noise(5 * MIB);
    let (_, places) = with_places(&plain).await;
    let (_, all) = with_places(&plain).await;
    let steps = [(0, 0), (MIB - 1, 0), (MIB, 1), (3 * MIB + 7, 3), (MIB, 3), (5 * MIB, 5), (9 * MIB, 5)];
    for (until, gone) in steps {
        places.forget_before(until as u64);
        for member in 0..5 {
            let at = (member * MIB + 9) as u64;
            let expected = all.place_of(at).filter(|_| member >= gone);
            assert_eq!(places.place_of(at), expected, "member {member} after {until}");
        }
    }
}

#[tokio::test]
async fn what_comes_after_all_was_forgotten_has_its_place() {
    let places = Places::default();
    for member in 0..1000 {
        places.add(MIB, 10);
        let at = (member * MIB + 3) as u64;
        assert_eq!(places.place_of(at), Some(Place { member_at_bytes: 10 * member as u64, within_bytes: 3 }));
        places.forget_before(at + MIB as u64);
        assert_eq!(places.place_of(at), None);
    }
}
