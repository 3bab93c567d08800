//! A made dump of the database, in the form of `pg_dumpall` 9.3. Pure.

use std::fmt::Write as _;

use super::sequence::Sequence;

const USERS: u64 = 12;
const APPS: u64 = 40;
const RELEASES: u64 = 12;

const HEAD: &str = "\
--
-- PostgreSQL database cluster dump
--

SET default_transaction_read_only = off;

SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;

";
const TAIL: &str = "\
--
-- PostgreSQL database cluster dump complete
--

";
const TABLES: &str = "\
CREATE DATABASE deis WITH TEMPLATE = template0 OWNER = deis;


\\connect deis

--
-- PostgreSQL database dump
--

SET client_encoding = 'UTF8';
SET check_function_bodies = false;

CREATE TABLE auth_user (id integer PRIMARY KEY, username character varying(30) NOT NULL, password character varying(128) NOT NULL);
CREATE TABLE api_app (uuid uuid PRIMARY KEY, owner_id integer NOT NULL, id character varying(64) NOT NULL, structure text NOT NULL);
CREATE TABLE api_release (uuid uuid PRIMARY KEY, app_id uuid NOT NULL, version integer NOT NULL, summary text, image character varying(256) NOT NULL);

ALTER TABLE auth_user OWNER TO deis;
ALTER TABLE api_app OWNER TO deis;
ALTER TABLE api_release OWNER TO deis;

";

pub(super) fn text(seed: u64) -> String {
    let mut chance = Sequence::new(seed, "dump");
    let mut dump = format!("{HEAD}--\n-- Roles\n--\n\n");
    for (role, rights) in [("deis", "NOSUPERUSER LOGIN"), ("postgres", "SUPERUSER REPLICATION LOGIN")] {
        let hash = chance.hex(32);
        let _ = writeln!(dump, "CREATE ROLE {role};\nALTER ROLE {role} WITH {rights} PASSWORD 'md5{hash}';");
    }
    dump.push_str("\n\n\n\n");
    dump.push_str(TABLES);
    users(&mut dump, &mut chance);
    apps(&mut dump, &mut chance);
    dump.push_str("--\n-- PostgreSQL database dump complete\n--\n\n");
    dump.push_str(TAIL);
    dump
}

fn users(dump: &mut String, chance: &mut Sequence) {
    dump.push_str("COPY auth_user (id, username, password) FROM stdin;\n");
    for id in 1..=USERS {
        let (salt, hash) = (chance.hex(12), chance.base64(32));
        let _ = writeln!(dump, "{id}\tuser{id}\tpbkdf2_sha256$12000${salt}${hash}");
    }
    dump.push_str("\\.\n\n");
}

fn apps(dump: &mut String, chance: &mut Sequence) {
    let apps: Vec<String> = (0..APPS).map(|_| chance.uuid()).collect();
    dump.push_str("COPY api_app (uuid, owner_id, id, structure) FROM stdin;\n");
    for (number, uuid) in (1..).zip(&apps) {
        let (owner, processes) = (1 + chance.below(USERS), chance.below(5));
        let _ = writeln!(dump, "{uuid}\t{owner}\tapp-{number}\t{{\"web\": {processes}}}");
    }
    dump.push_str("\\.\n\nCOPY api_release (uuid, app_id, version, summary, image) FROM stdin;\n");
    for (number, app) in (1..).zip(&apps) {
        for version in 1..=RELEASES {
            let (uuid, sha) = (chance.uuid(), chance.hex(8));
            // A backslash in a row of COPY, a missing value, and more than ASCII.
            let summary =
                if version == 1 { "\\N".to_owned() } else { format!("grüße\\n\\\\ deployed {sha}") };
            let _ = writeln!(dump, "{uuid}\t{app}\t{version}\t{summary}\tdeis/app-{number}:git-{sha}");
        }
    }
    dump.push_str("\\.\n\n");
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;
    use crate::archive::sql::Checked;

    #[tokio::test]
    async fn the_dump_begins_and_ends_as_a_dump_does() {
        let dump = text(1);
        let mut checked = Checked::new(dump.as_bytes());
        let mut passed = String::new();
        checked.read_to_string(&mut passed).await.unwrap();
        assert_eq!(checked.finish().unwrap(), dump.len() as u64);
    }
}
