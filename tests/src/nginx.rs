//! An nginx in front of a gateway, with its files in a directory of the test's own.

use std::fs;
use std::path::Path;
use std::time::Duration;

use crate::error::{Context, Result};
use crate::process::{Goodbye, Server, program};
use crate::{http, port};

/// How an nginx passes requests on.
#[derive(Clone, Copy, Debug)]
pub struct Passing<'a> {
    /// `HOST:PORT` of the gateway; with a path behind it nginx normalizes the path of each request.
    pub to: &'a str,
    /// Directives of its section `http`, each with its semicolon.
    pub settings: &'a str,
}

/// The running server. It stops when dropped.
#[derive(Debug)]
pub struct Nginx {
    address: String,
    _server: Server,
}

impl Nginx {
    /// Starts one on a port of its own, with its files below `directory`.
    pub fn start(directory: &Path, passing: Passing<'_>) -> Result<Self> {
        let address = format!("127.0.0.1:{}", port::free()?);
        let own = directory.join(format!("nginx-{}", address.replace(':', "-")));
        fs::create_dir_all(&own).context("Make nginx' directory")?;
        let file = own.join("nginx.conf");
        fs::write(&file, configuration(&own, &address, passing)).context("Write nginx.conf")?;
        let mut command = program("nginx");
        command.arg("-c").arg(&file).arg("-e").arg(own.join("error.log"));
        let mut server = Server::start("nginx", command, &own.join("out"), Goodbye::Kill)?;
        server.wait_until(Duration::from_secs(20), || http::serves(&address))?;
        Ok(Self { address, _server: server })
    }

    /// `HOST:PORT`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// One process without a master, so that the kernel ends it with us.
fn configuration(own: &Path, address: &str, Passing { to, settings }: Passing<'_>) -> String {
    let own = own.display();
    format!(
        "daemon off;
master_process off;
pid {own}/pid;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {own}/body;
    proxy_temp_path {own}/proxy;
    fastcgi_temp_path {own}/fastcgi;
    uwsgi_temp_path {own}/uwsgi;
    scgi_temp_path {own}/scgi;
    {settings}
    server {{
        listen {address};
        location / {{ proxy_pass http://{to}; }}
    }}
}}
"
    )
}
