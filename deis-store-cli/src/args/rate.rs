//! A rate, as s3cmd reads it.

use std::num::NonZeroU64;

#[derive(Debug, clap::Args)]
pub(crate) struct Rate {
    /// Bytes a second at most; k and m are 1024 and 1024 times 1024. Counts more than `limitrate` of --s3cfg
    #[arg(long, value_name = "RATE", value_parser = bytes_per_second)]
    pub(crate) limit_rate: Option<NonZeroU64>,
}

/// A rate as s3cmd reads it: `500000`, `500k`, `1.5m`.
fn bytes_per_second(text: &str) -> Result<NonZeroU64, String> {
    let wrong = || "not a rate: a number of bytes, or one with k or m, such as 500k".to_owned();
    let lower = text.to_ascii_lowercase();
    let (number, unit) = match (lower.strip_suffix('k'), lower.strip_suffix('m')) {
        (Some(number), _) => (number, 1 << 10),
        (_, Some(number)) => (number, 1 << 20),
        _ => (lower.as_str(), 1),
    };
    let (whole, tenths) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(tenths) || tenths.len() > 6 {
        return Err(wrong());
    }
    let scale = 10_u64.pow(u32::try_from(tenths.len()).unwrap_or_default());
    let parse = |text: &str| text.parse::<u64>().ok();
    let rate = parse(whole).and_then(|whole| {
        let fraction = parse(tenths)?.checked_mul(unit)? / scale;
        whole.checked_mul(unit)?.checked_add(fraction)
    });
    rate.and_then(NonZeroU64::new).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_read_as_s3cmd_reads_it() {
        let rate = |text| bytes_per_second(text).map(NonZeroU64::get).ok();
        assert_eq!(rate("1000"), Some(1000));
        assert_eq!(rate("500k"), Some(512_000));
        assert_eq!(rate("2M"), Some(2 << 20));
        assert_eq!(rate("1.5m"), Some(3 << 19));
        for wrong in ["", "0", "k", "-1", "1g", "1.m", "99999999999999m", "0.0000001k"] {
            assert_eq!(rate(wrong), None, "{wrong}");
        }
    }
}
