//! Counts the instructions of a piece of work with valgrind's callgrind.

use std::process::Command;

use crate::record::MadeWith;
use crate::work::Work;

/// The work is counted twice: done once, and done this many times more. The difference holds neither start nor
/// preparation.
const TIMES: u32 = 20;

/// The number of instructions for doing the work once.
pub(crate) fn instructions(work: Work) -> Result<u64, String> {
    let (once, often) = (total(work, 1)?, total(work, 1 + TIMES)?);
    Ok(often.saturating_sub(once) / u64::from(TIMES))
}

/// The tools on which the counts depend besides our code: the compiler, and valgrind with the processor that it shows.
pub(crate) fn made_with() -> Result<MadeWith, String> {
    let said =
        |program| printed(Command::new(program).arg("--version")).map(|(output, _)| output.trim().to_owned());
    Ok(MadeWith { rustc: said("rustc")?, valgrind: said("valgrind")? })
}

fn total(work: Work, times: u32) -> Result<u64, String> {
    let itself = std::env::current_exe().map_err(|error| error.to_string())?;
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]).arg(itself);
    command.args(["work", work.name(), &times.to_string()]);
    // A fixed environment: one of another length would move the stack.
    command.env_clear().env("PATH", "/usr/bin:/bin");
    let (_, said) = printed(&mut command)?;
    collected(&said).ok_or_else(|| format!("valgrind says: {said}"))
}

/// The number after `Collected :`.
fn collected(said: &str) -> Option<u64> {
    said.lines().find_map(|line| line.split_once("Collected :")?.1.trim().parse().ok())
}

fn printed(command: &mut Command) -> Result<(String, String), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output =
        command.output().map_err(|error| format!("{program}: {error}; tests/install installs it"))?;
    let [printed, said] =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    if output.status.success() {
        Ok((printed, said))
    } else {
        Err(format!("{program}: {}\n{said}", output.status))
    }
}

#[cfg(test)]
mod tests {
    use super::collected;

    #[test]
    fn the_total_is_found_in_what_callgrind_says() {
        assert_eq!(collected("==7== Events    : Ir\n==7== Collected : 123456\n==7== \n"), Some(123_456));
        assert_eq!(collected("==7== Command: instructions\n"), None);
    }
}
