//! Whether a file is the object that a gateway lists. Pure.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;

use crate::disk::Metadata;
use crate::hash::{Sha256, lower_hex};
use crate::outcome::Outcome;
use crate::s3::Checked;
use crate::s3::etag::ETag;
use crate::s3::op::{ListedObject, ObjectInfo};
use crate::snapshot::{ListLine, timestamp};

/// A file that was read.
#[derive(Clone, Copy, Debug)]
pub(super) struct FileRead {
    pub(super) metadata: Metadata,
    /// Its bytes were not written later.
    pub(super) last_written: SystemTime,
    pub(super) md5: [u8; 16],
    pub(super) sha256: Option<Sha256>,
}

/// What a gateway says of a key.
#[derive(Clone, Debug)]
pub(super) enum Compared {
    /// It was not asked.
    NotAsked,
    /// It does not list it.
    NotListed,
    Listed(Box<Listed>),
}

/// A listed object.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    pub(super) object: ListedObject,
    /// What is stored with it, if that was asked for.
    pub(super) info: Option<ObjectInfo>,
}

/// The result of a comparison.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    /// The file is adopted with this line, which says nothing of its path.
    Adopted(Box<ListLine>),
    /// It is not what the object is and was when the file was written.
    Damaged(String),
}

/// Judges a file. `checked` is what the `ETag` of a listed object that is no MD5 says of its bytes: an error's text if it says that
/// they are others.
pub(super) fn judge(
    key: &str,
    file: &FileRead,
    compared: &Compared,
    checked: Option<Result<Checked, String>>,
) -> Judgement {
    let listed = match compared {
        Compared::NotAsked => return adopted(own(key, file, Outcome::not_compared())),
        Compared::NotListed => {
            let why = "it is not in the bucket any more: nothing is left to compare it with";
            return adopted(own(key, file, Outcome::Unverifiable(why.to_owned())));
        }
        Compared::Listed(listed) => listed,
    };
    let object = &listed.object;
    let checked = match ETag::parse(&object.etag) {
        _ if file.metadata.size_bytes != object.size_bytes => Err(format!(
            "it has {} bytes, and the object has {}",
            file.metadata.size_bytes, object.size_bytes
        )),
        ETag::Md5(md5) if md5 == file.md5 => Ok(Checked::Md5),
        ETag::Md5(_) => {
            Err(format!("it has MD5 {}, and the object's ETag is {}", lower_hex(&file.md5), object.etag))
        }
        _ => checked.unwrap_or(Ok(Checked::None)),
    };
    match checked {
        Ok(Checked::None) => {
            // Not by the object's ETag: the next backup fetches it.
            let outcome = Outcome::perhaps_another(&object.etag);
            adopted(with_info(own(key, file, outcome), listed.info.as_ref()))
        }
        Ok(checked) => {
            let modified = time_of(object).unwrap_or_else(|| time(file.metadata.modified));
            let line = ListLine {
                checked: Some(checked),
                sha256: file.sha256,
                ..ListLine::new(key, object.size_bytes, &object.etag, modified)
            };
            adopted(with_info(line, listed.info.as_ref()))
        }
        Err(differs) if is_written_since(object, file.last_written) => {
            let why = format!("the object was written anew since: {differs}");
            adopted(own(key, file, Outcome::Unverifiable(why)))
        }
        Err(differs) => Judgement::Damaged(format!(
            "the file is not the object, which was not written since the file was: {differs}"
        )),
    }
}

fn adopted(line: ListLine) -> Judgement {
    Judgement::Adopted(Box::new(line))
}

/// The line of a file for which no object speaks: its `ETag` is its own MD5, as that of an object with the same bytes would be.
fn own(key: &str, file: &FileRead, outcome: Outcome) -> ListLine {
    let Metadata { size_bytes, modified, .. } = file.metadata;
    ListLine {
        outcome,
        checked: Some(Checked::None),
        sha256: file.sha256,
        ..ListLine::new(key, size_bytes, lower_hex(&file.md5), time(modified))
    }
}

fn with_info(line: ListLine, info: Option<&ObjectInfo>) -> ListLine {
    let Some(info) = info.cloned() else { return line };
    ListLine { content_type: Some(info.content_type), headers: info.headers, meta: info.meta, ..line }
}

/// A file's time, as a list has it. One that no list can have is as good as none.
pub(super) fn time(modified: SystemTime) -> Timestamp {
    timestamp(modified).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn time_of(object: &ListedObject) -> Option<Timestamp> {
    object.modified.known().and_then(|modified| timestamp(modified).ok())
}

/// Whether an object was written later than this. s3cmd sets times in whole seconds. One of which no time is known may have been.
pub(super) fn is_written_since(object: &ListedObject, time: SystemTime) -> bool {
    let Some(modified) = object.modified.known() else { return true };
    let next_second = time.checked_add(Duration::from_secs(1));
    next_second.is_some_and(|next| modified >= next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::Kind;
    use crate::s3::ObjectKey;
    use crate::s3::op::ServerTime;

    const ABC: &str = "900150983cd24fb0d6963f7d28e17f72";
    const OTHER: &str = "d41d8cd98f00b204e9800998ecf8427e";

    fn at(text: &str) -> SystemTime {
        text.parse::<Timestamp>().unwrap().try_into().unwrap()
    }

    fn file(modified: &str) -> FileRead {
        let metadata = Metadata { kind: Kind::File, size_bytes: 3, modified: at(modified) };
        let ETag::Md5(md5) = ETag::parse(ABC) else { panic!() };
        FileRead { metadata, last_written: at(modified), md5, sha256: Some(Sha256::of(b"abc")) }
    }

    fn listed(etag: &str, size_bytes: u64, modified: &str) -> Compared {
        let (key, modified) = (ObjectKey::new("k").unwrap(), ServerTime::of_xml(modified));
        let object = ListedObject { key, size_bytes, etag: etag.to_owned(), modified };
        let info = ObjectInfo { content_type: "text/x".to_owned(), ..ObjectInfo::default() };
        Compared::Listed(Box::new(Listed { object, info: Some(info) }))
    }

    fn line(compared: &Compared, checked: Option<Result<Checked, String>>) -> ListLine {
        match judge("k", &file("2015-10-21T07:28:00Z"), compared, checked) {
            Judgement::Adopted(line) => *line,
            Judgement::Damaged(what) => panic!("{what}"),
        }
    }

    #[test]
    fn without_an_object_a_file_is_its_own_measure() {
        for (compared, asked) in [(Compared::NotAsked, false), (Compared::NotListed, true)] {
            let line = line(&compared, None);
            assert_eq!((line.etag.as_str(), line.size_bytes, &line.content_type), (ABC, 3, &None));
            assert_eq!(line.modified.to_string(), "2015-10-21T07:28:00Z");
            assert_eq!((line.outcome.is_not_compared(), line.checked), (!asked, Some(Checked::None)));
        }
    }

    #[test]
    fn a_file_that_is_the_object_has_its_time_and_what_is_stored_with_it() {
        let parts = format!("{OTHER}-2");
        for (etag, checked, expected) in
            [(ABC, None, Checked::Md5), (&parts, Some(Ok(Checked::Parts(2))), Checked::Parts(2))]
        {
            let line = line(&listed(etag, 3, "2014-01-01T00:00:00.250Z"), checked);
            assert_eq!((&line.outcome, line.checked), (&Outcome::Stored, Some(expected)));
            assert_eq!(
                (line.etag.as_str(), line.modified.to_string().as_str()),
                (etag, "2014-01-01T00:00:00.25Z")
            );
            assert_eq!(line.content_type.as_deref(), Some("text/x"));
        }
    }

    #[test]
    fn another_object_was_written_since_or_the_file_is_damaged() {
        for (etag, size_bytes, checked) in
            [(OTHER, 3, None), (ABC, 4, None), (&*format!("{OTHER}-1"), 3, Some(Err("differs".to_owned())))]
        {
            let since = line(&listed(etag, size_bytes, "2015-10-21T07:28:01.000Z"), checked.clone());
            assert!(since.outcome.why().unwrap().contains("written anew since"), "{since:?}");
            assert_eq!((since.etag.as_str(), since.content_type), (ABC, None));
            // Its second is the file's.
            for time in ["2015-10-21T07:28:00.999Z", "2014-01-01T00:00:00.000Z"] {
                let judged = judge(
                    "k",
                    &file("2015-10-21T07:28:00Z"),
                    &listed(etag, size_bytes, time),
                    checked.clone(),
                );
                assert!(matches!(judged, Judgement::Damaged(_)), "{judged:?}");
            }
        }
    }

    #[test]
    fn an_object_whose_etag_proves_nothing_is_fetched_by_the_next_backup() {
        for (etag, is_doubtful) in [("x", false), (&*format!("{OTHER}-2"), true)] {
            let line = line(&listed(etag, 3, "2014-01-01T00:00:00.250Z"), Some(Ok(Checked::None)));
            assert_eq!((line.etag.as_str(), line.outcome.is_doubtful()), (ABC, is_doubtful));
            assert!(matches!(line.outcome, Outcome::Unverifiable(_)));
        }
    }
}
