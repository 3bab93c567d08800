//! `instructions`: counts the instructions of the library's pure parts with callgrind, and compares them with a record.
//!
//! On a shared machine, time cannot show a change of a few percent. Instructions show it on every machine alike.
//! `instructions work NAME COUNT` does the work that is counted; the other calls start it under valgrind.

mod count;
mod record;
mod work;

use std::path::Path;
use std::process::ExitCode;

use crate::record::{Record, worse};
use crate::work::Work;

const USAGE: &str = "instructions                    count, and compare with the record
instructions --record           count, and write the record
instructions work NAME COUNT    do the work COUNT times; this is the part that is counted";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        [] => compare(),
        ["--record"] => count().and_then(|counted| counted.write(record_file())).map(|()| ExitCode::SUCCESS),
        ["work", name, times] => match (Work::named(name), times.parse()) {
            (Some(work), Ok(times)) => work.run(times).map(|()| ExitCode::SUCCESS),
            _ => Err(USAGE.to_owned()),
        },
        _ => Err(USAGE.to_owned()),
    };
    done.unwrap_or_else(|error| {
        eprintln!("{error}");
        ExitCode::FAILURE
    })
}

fn record_file() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../results/instructions.json"))
}

fn count() -> Result<Record, String> {
    let mut counted = Record::new(count::made_with()?);
    for work in Work::ALL {
        counted.instructions.insert(work.name().to_owned(), count::instructions(work)?);
    }
    Ok(counted)
}

fn compare() -> Result<ExitCode, String> {
    let (before, now) = (Record::read(record_file())?, count()?);
    print!("{}", record::table(&before, &now));
    if before.made_with != now.made_with {
        println!("The record was made with {}, this with {}: not compared.", before.made_with, now.made_with);
        return Ok(ExitCode::SUCCESS);
    }
    let worse = worse(&before, &now);
    for name in &worse {
        eprintln!("{name} takes more than {} % more instructions than recorded", record::TOLERANCE_PERCENT);
    }
    if worse.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("If the increase is intended, record it: benches/instructions --record");
    Ok(ExitCode::FAILURE)
}
