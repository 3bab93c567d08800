//! One JSON object whose report has lists of any length, written while they come about: the first straight away, the
//! others, which must stand after it, by way of files without a name.

use std::io::{self, Read as _, Seek as _, Write};

use serde_json::{Value, json};
use tempfile::SpooledTempFile;

use super::one_line::OneLine;
use crate::exit::Exit;

/// A list of at most this size is kept in memory until its turn.
const IN_MEMORY_BYTES: usize = 64 << 10;

pub(super) struct Lists {
    command: &'static str,
    first: &'static str,
    others: Vec<Later>,
    /// Whether the object has begun.
    begun: bool,
    any: bool,
    /// Of writing it; after an error nothing more is tried.
    written: io::Result<()>,
}

/// A list that waits for its turn.
struct Later {
    name: &'static str,
    spool: SpooledTempFile,
    whole_bytes: u64,
    written: io::Result<()>,
}

impl Lists {
    pub(super) fn new(command: &'static str, names: &[&'static str]) -> Self {
        let (first, others) = names.split_first().map_or(("", names), |(first, others)| (*first, others));
        let others = others.iter().map(|name| Later::new(name)).collect();
        Self { command, first, others, begun: false, any: false, written: Ok(()) }
    }

    pub(super) fn add(&mut self, list: &str, entry: &Value, out: &mut impl Write) {
        self.any = true;
        if let Some(later) = self.others.iter_mut().find(|later| later.name == list) {
            later.add(entry);
        } else if self.written.is_ok() {
            self.written = if self.begun {
                write!(out, ",{}", OneLine(entry))
            } else {
                self.begin(out).and_then(|()| write!(out, "{}", OneLine(entry)))
            };
        }
    }

    /// Whether any has an entry.
    pub(super) fn any(&self) -> bool {
        self.any
    }

    /// Ends the object, with what else the report has, or with an error. A report that could not be kept is no success.
    pub(super) fn finish(mut self, exit: Exit, rest: &Value, out: &mut impl Write) -> io::Result<()> {
        std::mem::replace(&mut self.written, Ok(()))?;
        if !self.begun {
            self.begin(out)?;
        }
        write!(out, "]")?;
        let mut kept = Ok(());
        for mut later in self.others {
            write!(out, ",{}:[", json!(later.name))?;
            later.spool.rewind()?;
            io::copy(&mut later.spool.take(later.whole_bytes), out)?;
            write!(out, "]")?;
            kept = kept.and(later.written);
        }
        for (name, value) in rest["report"].as_object().into_iter().flatten() {
            write!(out, ",{}:{}", json!(name), OneLine(value))?;
        }
        let exit = if kept.is_err() && exit == Exit::Done { Exit::Failed } else { exit };
        write!(out, "}},\"exit\":{}", exit.code())?;
        if let Some(error) = rest.get("error") {
            write!(out, ",\"error\":{}", OneLine(error))?;
        }
        out.write_all(b"}\n")?;
        out.flush().and(kept)
    }

    fn begin(&mut self, out: &mut impl Write) -> io::Result<()> {
        self.begun = true;
        let (command, first) = (json!(self.command), json!(self.first));
        write!(out, "{{\"schema\":1,\"command\":{command},\"report\":{{{first}:[")
    }
}

impl Later {
    fn new(name: &'static str) -> Self {
        Self { name, spool: SpooledTempFile::new(IN_MEMORY_BYTES), whole_bytes: 0, written: Ok(()) }
    }

    fn add(&mut self, entry: &Value) {
        if self.written.is_ok() {
            let comma = if self.whole_bytes > 0 { "," } else { "" };
            self.written = write!(self.spool, "{comma}{}", OneLine(entry));
            // Half an entry is none.
            self.whole_bytes = match &self.written {
                Ok(()) => self.spool.stream_position().unwrap_or(self.whole_bytes),
                Err(_) => self.whole_bytes,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(entries: &[(&str, Value)], rest: &Value) -> String {
        let (mut lists, mut out) = (Lists::new("s3", &["keys", "failed"]), Vec::new());
        for (list, entry) in entries {
            lists.add(list, entry, &mut out);
        }
        lists.finish(Exit::Incomplete, rest, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn it_is_one_object_on_one_line_whatever_came_and_in_which_order() {
        let big = "x".repeat(2 * IN_MEMORY_BYTES);
        for entries in [
            &[][..],
            &[("keys", json!(1))],
            &[("failed", json!("\n"))],
            &[
                ("keys", json!({ "a": 1 })),
                ("failed", json!(big)),
                ("keys", json!("]")),
                ("failed", json!(2)),
            ],
        ] {
            let of = |name| -> Vec<&Value> {
                entries.iter().filter(|(list, _)| *list == name).map(|(_, entry)| entry).collect()
            };
            let text = written(entries, &json!({ "report": { "bytes": 7 } }));
            let report = json!({ "keys": of("keys"), "failed": of("failed"), "bytes": 7 });
            let object = json!({ "schema": 1, "command": "s3", "exit": 3, "report": report });
            assert!(serde_json::from_str::<Value>(&text).unwrap() == object);
            assert_eq!(text.matches('\n').count(), 1);
        }
    }

    #[test]
    fn an_error_in_the_middle_stands_beside_what_was_done_before_it() {
        let text = written(&[("keys", json!("a"))], &json!({ "error": { "kind": "disk" } }));
        let report = json!({ "keys": ["a"], "failed": [] });
        let object =
            json!({ "schema": 1, "command": "s3", "exit": 3, "report": report, "error": { "kind": "disk" } });
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), object);
    }

    #[test]
    fn after_a_write_that_failed_nothing_more_is_tried() {
        struct Full(u32);
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                self.0 += 1;
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (mut lists, mut full) = (Lists::new("s3", &["keys"]), Full(0));
        (0..9).for_each(|number| lists.add("keys", &json!(number), &mut full));
        assert!(lists.finish(Exit::Done, &json!({}), &mut full).is_err());
        assert_eq!(full.0, 1);
    }
}
