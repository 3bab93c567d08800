//! Words as a shell takes them. Pure.

/// A command as one line for a shell, in which each word arrives as it is.
pub(super) fn line(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| escaped(word)).collect();
    words.join(" ")
}

fn escaped(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_=/,.+:@%".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    // csh takes an exclamation mark for its own even between quotes.
    let quoted = word.replace('\'', r"'\''").replace('!', r"'\!'");
    format!("'{quoted}'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_arrives_as_it_is() {
        let words =
            ["a b", "", "'", "$HOME", "a\nb", "*", "!x", "\\", "\"", "größe", "-x", "a;b", "~", "#", "=x"];
        let all = [&["printf", "%s|"], &words[..]].concat();
        for shell in ["sh", "bash"] {
            let output = std::process::Command::new(shell).args(["-c", &line(&all)]).output().unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), words.join("|") + "|");
        }
    }
}
