//! A client as s3cmd's configuration says.

use bytes::Bytes;

use super::{Client, ClientOptions};
use crate::error::{At, Error, ErrorKind, Result};
use crate::http::{ConnectOptions, ProxyUrl, connect};
use crate::run::Run;
use crate::s3::s3cfg::S3Cfg;

impl Client {
    /// A client of the gateway that a `.s3cfg` names, with its keys, proxy, authorities and rate. A rate in
    /// `options` counts more.
    ///
    /// The file of authorities is read here, since the configuration names it by its path.
    pub fn from_s3cfg(configuration: &S3Cfg, mut options: ClientOptions, run: &Run) -> Result<Self> {
        let endpoint = configuration.endpoint.as_deref();
        let endpoint = endpoint.ok_or_else(|| Error::new(ErrorKind::Usage, "the file has no host_base"))?;
        let rate = options.bytes_per_second.or(configuration.bytes_per_second);
        let http = connect(endpoint, connect_options(configuration)?)?;
        options.bytes_per_second = rate;
        Self::new(vec![http], configuration.credentials.clone(), options, run)
    }
}

fn connect_options(configuration: &S3Cfg) -> Result<ConnectOptions> {
    let read = |path: &String| {
        read_regular(path).map(Bytes::from).map_err(|error| {
            let error = Error::new(ErrorKind::Usage, "cannot read the file of authorities").because(error);
            error.at(At::CaCertsFile, path)
        })
    };
    Ok(ConnectOptions {
        ca_file_pem: configuration.ca_certs_file.as_ref().map(read).transpose()?,
        check_certificate: configuration.check_certificate,
        proxy: configuration.proxy.as_deref().map(ProxyUrl::new).transpose()?,
        ..ConnectOptions::default()
    })
}

/// A file's bytes, if it is one that ends.
fn read_regular(path: &str) -> std::io::Result<Vec<u8>> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, "it is no regular file"));
    }
    std::fs::read(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_made_as_the_file_says_and_what_it_lacks_is_named() {
        let text = "access_key = AK\nsecret_key = SK\n";
        let client = |more: &str| {
            let configuration = S3Cfg::parse(&format!("{text}{more}")).unwrap();
            Client::from_s3cfg(&configuration, ClientOptions::default(), &Run::silent())
        };
        let made = client("host_base = gateway:8888\nuse_https = no\nlimitrate = 50k\n").unwrap();
        assert_eq!(made.endpoints()[0].url(), "http://gateway:8888");
        assert_eq!(made.0.options.bytes_per_second.map(u64::from), Some(51_200));
        assert_eq!(client("").unwrap_err().to_string(), "the file has no host_base");
        let error = client("host_base = gateway\nca_certs_file = /no/such/file\n").unwrap_err();
        assert_eq!(error.place().get(At::CaCertsFile), Some("/no/such/file"));
    }
}
