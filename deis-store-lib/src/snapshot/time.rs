//! The times of a snapshot: how they are made of the clock's, and how they are written.

/// A time as a snapshot has it; an error if it is outside of the years -9999 to 9999.
#[cfg(feature = "backup")]
pub(crate) fn timestamp(time: std::time::SystemTime) -> crate::Result<jiff::Timestamp> {
    use crate::error::{Error, ErrorKind};

    jiff::Timestamp::try_from(time)
        .map_err(|error| Error::new(ErrorKind::Usage, "the clock is out of all bounds").because(error))
}

/// Times as RFC 3339 in UTC with three decimals.
pub(super) mod milliseconds {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(in super::super) fn serialize<S: Serializer>(
        time: &Timestamp,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{time:.3}"))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Timestamp, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// The same where there may be none.
pub(super) mod maybe_milliseconds {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer};

    use super::milliseconds;

    #[expect(clippy::ref_option, reason = "serde gives the field as it is")]
    pub(in super::super) fn serialize<S: Serializer>(
        time: &Option<Timestamp>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => milliseconds::serialize(time, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        #[derive(Deserialize)]
        struct Written(#[serde(with = "milliseconds")] Timestamp);

        Ok(Option::<Written>::deserialize(deserializer)?.map(|Written(time)| time))
    }
}
