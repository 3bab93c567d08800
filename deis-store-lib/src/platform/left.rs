//! What is left for the operator: each application's processes are scheduled anew, since no restore of the data starts them.

use std::collections::BTreeMap;

use super::database;
use super::stage::Stage;
use crate::error::Result;

/// The commands, for each application with processes: to none, and back to as many as there were.
pub(super) async fn commands(stage: &Stage<'_>) -> Result<Vec<String>> {
    let answer = database::ask(stage, "select id || ' ' || structure from api_app order by id").await?;
    Ok(answer.lines().filter_map(command).collect())
}

fn command(line: &str) -> Option<String> {
    let (app, structure) = line.split_once(' ')?;
    let is_word = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
    };
    let Ok(structure) = serde_json::from_str::<BTreeMap<String, u64>>(structure) else {
        // Nobody knows how many it had.
        return is_word(app).then(|| format!("deis ps -a {app}"));
    };
    let running: Vec<(&String, &u64)> =
        structure.iter().filter(|(name, count)| **count > 0 && is_word(name)).collect();
    if running.is_empty() || !is_word(app) {
        return None;
    }
    let words = |count: &dyn Fn(u64) -> u64| {
        running
            .iter()
            .map(|(name, number)| format!("{name}={}", count(**number)))
            .collect::<Vec<_>>()
            .join(" ")
    };
    Some(format!("deis scale {} -a {app} && deis scale {} -a {app}", words(&|_| 0), words(&|number| number)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_application_is_scaled_to_none_and_back() {
        assert_eq!(
            command(r#"peachy {"web": 2, "worker": 1, "cron": 0}"#).unwrap(),
            "deis scale web=0 worker=0 -a peachy && deis scale web=2 worker=1 -a peachy"
        );
        assert_eq!(command("odd no json").unwrap(), "deis ps -a odd");
        for none in [r#"idle {"web": 0}"#, "idle {}", r#"a;rm {"web": 1}"#, r#"app {"$(x)": 1}"#] {
            assert_eq!(command(none), None, "{none}");
        }
    }
}
