//! The options for the types that files are stored as.

/// The types that files are stored as.
#[derive(Debug, clap::Args)]
pub(crate) struct Types {
    /// The type of all files, whatever their names say
    #[arg(long, short, value_name = "TYPE")]
    pub(crate) mime_type: Option<String>,
    /// Do not take the type of a file from its name: it is `default_mime_type` of --s3cfg, else binary/octet-stream
    #[arg(long)]
    pub(crate) no_guess_mime_type: bool,
}
