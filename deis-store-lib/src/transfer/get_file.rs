//! Fetching an object into a file, said piece by piece and then awaited.

use std::future::IntoFuture;
use std::path::{Path, PathBuf};

use super::arrive::{Arriving, arrive};
use crate::blocking::blocking;
use crate::disk::{NewFile, Root};
use crate::error::{At, Context as _, Error, ErrorKind, Result};
use crate::http::BoxFuture;
use crate::s3::op::ObjectInfo;
use crate::s3::{BucketName, Check, Checked, Client, ObjectKey};

/// A file is for its user alone, unless the caller says otherwise.
const MODE: u32 = 0o600;

/// An object that is to become a file: to be awaited.
#[derive(Debug)]
#[must_use = "nothing is fetched until it is awaited"]
pub struct GetFile<'a> {
    client: &'a Client,
    bucket: &'a BucketName,
    key: &'a ObjectKey,
    path: PathBuf,
    mode: u32,
    replaces: bool,
}

impl Client {
    /// Fetches an object into a file with the object's time, and says what was fetched and what its bytes were checked
    /// against.
    ///
    /// The file gets its name when all bytes are there and are what the object's `ETag` says; else it is an
    /// [`ErrorKind::Damaged`] and no file. A name that is taken is an [`ErrorKind::Occupied`], unless
    /// [`GetFile::replace`] says otherwise.
    ///
    /// ```no_run
    /// # use deis_store::s3::{BucketName, Client, ObjectKey};
    /// # async fn fetch(client: Client, bucket: BucketName, key: ObjectKey) -> deis_store::Result<()> {
    /// let (info, checked) = client.get_file(&bucket, &key, "/srv/image").mode(0o644).replace().await?;
    /// println!("{} bytes, checked: {checked}", info.total_bytes);
    /// # Ok(())
    /// # }
    /// ```
    pub fn get_file<'a>(
        &'a self,
        bucket: &'a BucketName,
        key: &'a ObjectKey,
        path: impl AsRef<Path>,
    ) -> GetFile<'a> {
        GetFile { client: self, bucket, key, path: path.as_ref().to_owned(), mode: MODE, replaces: false }
    }
}

impl GetFile<'_> {
    /// With this mode instead of 0600.
    pub fn mode(self, mode: u32) -> Self {
        Self { mode, ..self }
    }

    /// A regular file that has the name already is replaced when the object is there whole.
    pub fn replace(self) -> Self {
        Self { replaces: true, ..self }
    }

    async fn send(self) -> Result<(ObjectInfo, Checked)> {
        let Self { client, bucket, key, path, mode, replaces } = self;
        // A place that cannot take the file costs no request. The name is decided on when it is given.
        let (root, name) = blocking(move || place(&path, replaces)).await?;
        let download = client.get_listed(bucket, key).await?;
        let arrived = async {
            let info = download.info().clone();
            let modified = info.modified.known();
            let open = move || root.new_file(&[name]).map(NewFile::without_digest);
            let settle = move |new_file: NewFile| new_file.commit_as_named(mode, modified, replaces);
            let object = Arriving { client, bucket, key, info: &info };
            let ((), checked) = arrive(object, Some(download), Check::new(&info), open, settle).await?;
            Ok((info, checked))
        };
        arrived.await.at(At::Key, key).at(At::Bucket, bucket)
    }
}

/// The directory that the file goes into, and its name there.
fn place(path: &Path, replaces: bool) -> Result<(Root, String)> {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        return Err(Error::new(ErrorKind::Usage, "not a file's name").at(At::Path, path.display()));
    };
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let root = Root::open(parent)?;
    root.check_name_for_file(name, replaces)?;
    Ok((root, name.to_owned()))
}

impl<'a> IntoFuture for GetFile<'a> {
    type Output = Result<(ObjectInfo, Checked)>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send())
    }
}
