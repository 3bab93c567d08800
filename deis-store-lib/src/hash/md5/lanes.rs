//! Four MD5s at once: the blocks of four messages in the four lanes of the processor's vectors. Pure.
//!
//! A single MD5 waits for itself: each of its 64 steps needs the one before. Four that have nothing to do with each other
//! take little longer than one. It is written for lanes without naming any instruction: the compiler makes vectors of it.
//! The steps are those of RFC 1321, section 3.4.

/// How many messages.
pub(super) const LANES: usize = 4;

/// The four words of an MD5 that is under way.
pub(super) type Words = [u32; 4];

/// 64 bytes of a message.
pub(super) type Block = [u8; 64];

/// One word of each message.
type Lanes = [u32; LANES];

/// Goes on with four MD5s by as many blocks as the shortest of the messages has.
pub(super) fn compress(words: &mut [Words; LANES], messages: [&[Block]; LANES]) {
    let mut state: [Lanes; 4] = std::array::from_fn(|word| words.map(|words| words[word]));
    let [first, second, third, fourth] = messages;
    for (((first, second), third), fourth) in first.iter().zip(second).zip(third).zip(fourth) {
        state = after([first, second, third, fourth], state);
    }
    *words = std::array::from_fn(|lane| state.map(|word| word[lane]));
}

/// The states after one more block of each. Within a loop the compiler makes less of it, so it is kept apart.
#[inline(never)]
fn after(blocks: [&Block; LANES], before: [Lanes; 4]) -> [Lanes; 4] {
    let message: [Lanes; 16] = std::array::from_fn(|word| {
        blocks.map(|block| {
            let at = 4 * word;
            u32::from_le_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]])
        })
    });
    let [mut a, mut b, mut c, mut d] = before;
    // Written out, so that the compiler knows which word, which sine and by how many bits.
    macro_rules! steps {
        ($round:literal, $mix:expr, $($step:literal)*) => { $(
            let next = step::<$round, $step>([a, b, c, d], $mix, message[WORDS[$round]($step) % 16]);
            (a, d, c, b) = (d, c, b, next);
        )* };
    }
    macro_rules! round {
        ($round:literal, $mix:expr) => { steps!($round, $mix, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15); };
    }
    round!(0, |x, y, z| xor(z, and(x, xor(y, z))));
    round!(1, |x, y, z| or(and(x, z), and(y, not(z))));
    round!(2, |x, y, z| xor(xor(x, y), z));
    round!(3, |x, y, z| xor(y, or(x, not(z))));
    [add(before[0], a), add(before[1], b), add(before[2], c), add(before[3], d)]
}

#[inline]
fn step<const ROUND: usize, const STEP: usize>(
    [a, b, c, d]: [Lanes; 4],
    mix: impl Fn(Lanes, Lanes, Lanes) -> Lanes,
    word: Lanes,
) -> Lanes {
    let addend = add(word, [SINES[ROUND * 16 + STEP]; LANES]);
    let sum = add(add(a, mix(b, c, d)), addend);
    add(b, sum.map(|sum| sum.rotate_left(TURNS[ROUND][STEP % 4])))
}

// Each of these is one instruction where there are vectors. Larger pieces for each lane are not always seen to be the same.

#[inline]
fn each(a: Lanes, b: Lanes, operation: impl Fn(u32, u32) -> u32) -> Lanes {
    std::array::from_fn(|lane| operation(a[lane], b[lane]))
}

#[inline]
fn add(a: Lanes, b: Lanes) -> Lanes {
    each(a, b, u32::wrapping_add)
}

#[inline]
fn and(a: Lanes, b: Lanes) -> Lanes {
    each(a, b, |a, b| a & b)
}

#[inline]
fn or(a: Lanes, b: Lanes) -> Lanes {
    each(a, b, |a, b| a | b)
}

#[inline]
fn xor(a: Lanes, b: Lanes) -> Lanes {
    each(a, b, |a, b| a ^ b)
}

#[inline]
fn not(a: Lanes) -> Lanes {
    a.map(|a| !a)
}

/// Which word of the message a step takes, modulo 16, in each round.
const WORDS: [fn(usize) -> usize; 4] =
    [|step| step, |step| 5 * step + 1, |step| 3 * step + 5, |step| 7 * step];

/// By how many bits each of four steps turns, in each round.
const TURNS: [[u32; 4]; 4] = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];

/// The whole part of 2³² · |sin(i + 1)|.
const SINES: [u32; 64] = [
    0xd76a_a478,
    0xe8c7_b756,
    0x2420_70db,
    0xc1bd_ceee,
    0xf57c_0faf,
    0x4787_c62a,
    0xa830_4613,
    0xfd46_9501,
    0x6980_98d8,
    0x8b44_f7af,
    0xffff_5bb1,
    0x895c_d7be,
    0x6b90_1122,
    0xfd98_7193,
    0xa679_438e,
    0x49b4_0821,
    0xf61e_2562,
    0xc040_b340,
    0x265e_5a51,
    0xe9b6_c7aa,
    0xd62f_105d,
    0x0244_1453,
    0xd8a1_e681,
    0xe7d3_fbc8,
    0x21e1_cde6,
    0xc337_07d6,
    0xf4d5_0d87,
    0x455a_14ed,
    0xa9e3_e905,
    0xfcef_a3f8,
    0x676f_02d9,
    0x8d2a_4c8a,
    0xfffa_3942,
    0x8771_f681,
    0x6d9d_6122,
    0xfde5_380c,
    0xa4be_ea44,
    0x4bde_cfa9,
    0xf6bb_4b60,
    0xbebf_bc70,
    0x289b_7ec6,
    0xeaa1_27fa,
    0xd4ef_3085,
    0x0488_1d05,
    0xd9d4_d039,
    0xe6db_99e5,
    0x1fa2_7cf8,
    0xc4ac_5665,
    0xf429_2244,
    0x432a_ff97,
    0xab94_23a7,
    0xfc93_a039,
    0x655b_59c3,
    0x8f0c_cc92,
    0xffef_f47d,
    0x8584_5dd1,
    0x6fa8_7e4f,
    0xfe2c_e6e0,
    0xa301_4314,
    0x4e08_11a1,
    0xf753_7e82,
    0xbd3a_f235,
    0x2ad7_d2bb,
    0xeb86_d391,
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_lane_is_what_md5_makes_of_its_message_alone(
            words in any::<[Words; LANES]>(),
            blocks in prop::collection::vec(prop::collection::vec(any::<[u8; 32]>(), 0..8), LANES),
        ) {
            let messages: Vec<Vec<Block>> = blocks
                .iter()
                .map(|blocks| blocks.iter().map(|half| [half.as_slice(), half].concat().try_into().unwrap()).collect())
                .collect();
            let shortest = messages.iter().map(Vec::len).min().unwrap();
            let mut together = words;
            compress(&mut together, std::array::from_fn(|lane| messages[lane].as_slice()));
            for lane in 0..LANES {
                let mut alone = words[lane];
                md5::block_api::compress(&mut alone, &messages[lane][..shortest]);
                prop_assert_eq!(together[lane], alone);
            }
        }
    }
}
