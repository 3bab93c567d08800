//! A client of the given gateway.

use std::env::var;

use deis_store::http::{Timeouts, connect as transport};
use deis_store::run::Run;
use deis_store::s3::Client;
use deis_store::s3::client::ClientOptions;
use deis_store::secret::Credentials;
use deis_store::{Error, ErrorKind, Result};

/// A client with the library's own options. `in_flight` replaces the number of requests in flight, if given.
pub(crate) fn connect(url: &str, in_flight: Option<usize>) -> Result<Client> {
    let key = |name: &str| {
        var(name).map_err(|_| Error::new(ErrorKind::Usage, format!("{name} is not in the environment")))
    };
    let credentials = Credentials::new(key("AWS_ACCESS_KEY_ID")?, key("AWS_SECRET_ACCESS_KEY")?);
    let mut options = ClientOptions::default();
    options.in_flight = in_flight.unwrap_or(options.in_flight);
    Client::new(vec![transport(url, Timeouts::default())?], credentials, options, &Run::silent())
}
