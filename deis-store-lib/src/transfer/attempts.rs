//! Several attempts at an object that is listed and not given, given otherwise, or not what its `ETag` says.

use std::time::Duration;

use super::breaker::CircuitBreaker;
use crate::error::{Error, ErrorKind, Result};
use crate::outcome::Outcome;
use crate::s3::op::ListedObject;
use crate::s3::{BucketName, Client};

/// After so many attempts an object is given up.
const ATTEMPTS: u32 = 3;

/// An index that lags behind its objects has caught up after this.
const BETWEEN_ATTEMPTS: Duration = Duration::from_secs(1);

/// The attempts at the objects of a bucket.
#[derive(Debug)]
pub(crate) struct Attempts<'a> {
    client: &'a Client,
    bucket: &'a BucketName,
    breaker: CircuitBreaker,
}

/// An attempt at an object.
#[derive(Debug)]
pub(crate) struct Attempt {
    /// As it is listed; the last time, if it was replaced meanwhile.
    pub(crate) listed: ListedObject,
    number: u32,
}

/// An object that was given up.
#[derive(Debug)]
pub(crate) struct GivenUp {
    pub(crate) outcome: Outcome,
    /// Whether its bytes were not what its `ETag` says, or it has none any more though it is listed.
    pub(crate) damaged: bool,
}

impl Attempt {
    /// The first attempt at an object.
    pub(crate) fn first(listed: ListedObject) -> Self {
        Self { listed, number: 1 }
    }
}

impl<'a> Attempts<'a> {
    pub(crate) fn new(client: &'a Client, bucket: &'a BucketName) -> Self {
        Self { client, bucket, breaker: CircuitBreaker::default() }
    }

    /// An object has come.
    pub(crate) fn succeeded(&self) {
        self.breaker.succeeded();
    }

    /// After an attempt that failed: nothing, if there is to be another one; or what becomes of the object. An error
    /// befalls all.
    pub(crate) async fn after(&self, attempt: &mut Attempt, error: Error) -> Result<Option<GivenUp>> {
        let given_up = |outcome, damaged| Ok(Some(GivenUp { outcome, damaged }));
        match error.kind() {
            // That a listed object is gone or another one is believed only if the listing says so too.
            ErrorKind::NotFound | ErrorKind::Changed => {
                match self.client.listed_now(self.bucket, &attempt.listed.key).await? {
                    None => return given_up(Outcome::Vanished, false),
                    Some(now) => attempt.listed = now,
                }
            }
            ErrorKind::Damaged => {}
            _ => return given_up(self.breaker.outcome(error)?, false),
        }
        if attempt.number == ATTEMPTS {
            return given_up(Outcome::Failed(error.what()), error.kind() != ErrorKind::Changed);
        }
        attempt.number += 1;
        self.client.sleep(BETWEEN_ATTEMPTS).await?;
        Ok(None)
    }
}
