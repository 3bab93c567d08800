//! The tables of a dump of a whole database cluster, to be compared with those of another dump. Pure.
//!
//! A table is a number of rows and a sum of their digests, so that the order of rows means nothing and memory holds no row. What is
//! not rows (roles, schemas, indexes) is not compared.

use std::collections::BTreeMap;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// A line that is longer is no command of a dump; a row may be of any length.
const LONGEST_COMMAND_BYTES: usize = 1 << 20;
/// The most tables that are named in each list of a comparison.
const MOST_NAMED: usize = 100;

/// The tables of a dump, read as its bytes come by.
#[derive(Debug, Default)]
pub(super) struct Tables {
    found: BTreeMap<String, Rows>,
    database: String,
    /// The schema of names that have none: older releases say it once, and then only the tables' names.
    schema: String,
    /// The table whose rows come by.
    current: Option<(String, Rows)>,
    /// The digest of the row so far, and the bytes of a line that is no row.
    row: Sha256,
    line: Vec<u8>,
    line_bytes: u64,
}

/// The rows of a table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Rows {
    count: u64,
    sum: u128,
}

/// How the tables of a database that came back differ from those of the dump.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TablesCompared {
    /// How many have the same rows.
    pub equal: u64,
    /// How many have other rows.
    pub differ: u64,
    /// How many of the dump are not in the database.
    pub missing: u64,
    /// How many of the database are not in the dump.
    pub added: u64,
    /// Those that are not equal, by `DATABASE.SCHEMA.TABLE`: the first 100.
    pub named: Vec<TableDiffers>,
}

/// A table that is not the same in both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TableDiffers {
    /// `DATABASE.SCHEMA.TABLE`.
    pub table: String,
    /// Its rows in the dump, if it is there.
    pub rows_in_dump: Option<u64>,
    /// Its rows in the database, if it is there.
    pub rows_in_database: Option<u64>,
}

impl Tables {
    /// Reads the next bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (text, ends) = piece.strip_suffix(b"\n").map_or((piece, false), |text| (text, true));
            self.line_bytes += text.len() as u64;
            let room = LONGEST_COMMAND_BYTES - self.line.len();
            // Of a row, enough is kept to know the line that ends them.
            let kept = if self.current.is_some() { 3_usize.saturating_sub(self.line.len()) } else { room };
            self.line.extend_from_slice(text.get(..kept.min(text.len())).unwrap_or_default());
            if self.current.is_some() {
                self.row.update(text);
            }
            if ends {
                self.end_line();
            }
        }
    }

    /// The tables of a dump that was read to its end.
    pub(super) fn compared_with(&self, database: &Self) -> TablesCompared {
        let mut compared = TablesCompared::default();
        let name = |compared: &mut TablesCompared, table: &str, dump: Option<&Rows>, found: Option<&Rows>| {
            if compared.named.len() < MOST_NAMED {
                let count = |rows: Option<&Rows>| rows.map(|rows| rows.count);
                let (rows_in_dump, rows_in_database) = (count(dump), count(found));
                compared.named.push(TableDiffers { table: table.to_owned(), rows_in_dump, rows_in_database });
            }
        };
        // Those that are missing come first: each of them may be a loss.
        for (table, rows) in self.found.iter().filter(|(table, _)| !database.found.contains_key(*table)) {
            compared.missing += 1;
            name(&mut compared, table, Some(rows), None);
        }
        for (table, rows) in &self.found {
            match database.found.get(table) {
                Some(found) if found == rows => compared.equal += 1,
                Some(found) => {
                    compared.differ += 1;
                    name(&mut compared, table, Some(rows), Some(found));
                }
                None => {}
            }
        }
        for (table, rows) in database.found.iter().filter(|(table, _)| !self.found.contains_key(*table)) {
            compared.added += 1;
            name(&mut compared, table, None, Some(rows));
        }
        compared
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let bytes = std::mem::take(&mut self.line_bytes);
        match self.current.take() {
            Some((table, rows)) if bytes == 2 && line == b"\\." => {
                self.found.insert(table, rows);
            }
            Some((table, Rows { count, sum })) => {
                let digest = self.row.finalize_reset();
                let mut first = [0; 16];
                first.copy_from_slice(&digest[..16]);
                let sum = sum.wrapping_add(u128::from_be_bytes(first));
                self.current = Some((table, Rows { count: count + 1, sum }));
            }
            None => self.command(&String::from_utf8_lossy(&line)),
        }
    }

    fn command(&mut self, line: &str) {
        if let Some(rest) = line.strip_prefix("\\connect ") {
            // Later releases write: -reuse-previous=on "dbname='a b'"
            let name =
                rest.rsplit_once("dbname='").map_or(rest, |(_, name)| name.trim_end_matches(['\'', '"']));
            name.trim_matches('"').clone_into(&mut self.database);
            self.schema.clear();
        } else if let Some(path) = line.strip_prefix("SET search_path = ") {
            path.trim_end_matches(';').split(", ").next().unwrap_or_default().clone_into(&mut self.schema);
        } else if line.starts_with("SELECT pg_catalog.set_config('search_path', ''") {
            self.schema.clear();
        } else if let Some(rest) = line.strip_prefix("COPY ")
            && line.ends_with(" FROM stdin;")
        {
            let name = rest
                .split_once(" (")
                .or_else(|| rest.split_once(" FROM stdin;"))
                .map_or(rest, |(name, _)| name);
            let schema = if self.schema.is_empty() { String::new() } else { format!("{}.", self.schema) };
            self.current = Some((format!("{}.{schema}{name}", self.database), Rows::default()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tables(dump: &str, piece: usize) -> Tables {
        let mut tables = Tables::default();
        dump.as_bytes().chunks(piece).for_each(|bytes| tables.push(bytes));
        tables
    }

    const DUMP: &str = "--\n\\connect deis\nSET x = 1;\nCOPY public.api_app (id, name) FROM stdin;\n1\tshop\n2\tblog\n\\.\n\n\
                        COPY public.api_key (id) FROM stdin;\n\\.\n\
                        \\connect -reuse-previous=on \"dbname='other db'\"\nCOPY public.api_app (id) FROM stdin;\n7\n\\.\n";

    #[test]
    fn tables_are_those_of_a_database_and_the_order_of_rows_means_nothing() {
        for piece in [1, 2, 7, 4096] {
            let dump = tables(DUMP, piece);
            let other = tables(&DUMP.replace("1\tshop\n2\tblog", "2\tblog\n1\tshop"), 5);
            let names: Vec<&str> = dump.found.keys().map(String::as_str).collect();
            assert_eq!(names, ["deis.public.api_app", "deis.public.api_key", "other db.public.api_app"]);
            let compared = dump.compared_with(&other);
            assert_eq!(compared, TablesCompared { equal: 3, ..TablesCompared::default() });
        }
    }

    #[test]
    fn each_table_that_is_not_equal_is_named() {
        let dump = tables(DUMP, 64);
        let other = DUMP.replace("1\tshop", "1\tshoq").replace("api_key", "api_new").replace("7\n", "7\n7\n");
        let compared = dump.compared_with(&tables(&other, 64));
        assert_eq!((compared.equal, compared.differ, compared.missing, compared.added), (0, 2, 1, 1));
        let named: Vec<_> = compared
            .named
            .iter()
            .map(|differs| (differs.table.as_str(), differs.rows_in_dump, differs.rows_in_database))
            .collect();
        let expected = [
            ("deis.public.api_key", Some(0), None),
            ("deis.public.api_app", Some(2), Some(2)),
            ("other db.public.api_app", Some(1), Some(2)),
            ("deis.public.api_new", None, Some(0)),
        ];
        assert_eq!(named, expected);
    }

    #[test]
    fn older_releases_name_the_schema_once() {
        let older =
            "\\connect deis\nSET search_path = public, pg_catalog;\nCOPY api_app (id) FROM stdin;\n1\n\\.\n";
        let newer = "\\connect deis\nSELECT pg_catalog.set_config('search_path', '', false);\n\
                     COPY public.api_app (id) FROM stdin;\n1\n\\.\n";
        let compared = tables(older, 9).compared_with(&tables(newer, 9));
        assert_eq!(compared, TablesCompared { equal: 1, ..TablesCompared::default() });
    }

    #[test]
    fn a_row_is_no_command_whatever_it_says() {
        let dump = "COPY t (a) FROM stdin;\n\\\\.\nCOPY u (a) FROM stdin;\n\\connect x\n\\.\n";
        let found = tables(dump, 3).found;
        assert_eq!(found.len(), 1);
        assert_eq!(found[".t"].count, 3);
        let long = format!("COPY t (a) FROM stdin;\n{}\n\\.\n", "x".repeat(3 << 20));
        let found = tables(&long, 1 << 20);
        assert!(found.line.capacity() < LONGEST_COMMAND_BYTES);
        assert_eq!(found.found[".t"].count, 1);
    }
}
