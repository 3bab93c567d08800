//! Text that others have written, as a message may show it: without what paints a terminal, and without secrets. Pure.

/// A name as one line of a message: control characters are escaped, and those that turn the direction of text, so that no
/// key can paint the terminal.
#[must_use]
pub fn printable(name: &str) -> String {
    if is_plain(name, b"") || !name.contains(paints) {
        return name.to_owned();
    }
    let escaped = |char: char| match char {
        '\n' => "\\n".to_owned(),
        '\t' => "\\t".to_owned(),
        '\r' => "\\r".to_owned(),
        char if paints(char) => char.escape_unicode().to_string(),
        char => char.to_string(),
    };
    name.chars().map(escaped).collect()
}

/// A text of several lines as it may be printed: as [`printable`], but for line feeds and tabs.
#[must_use]
pub fn printable_lines(text: &str) -> String {
    let kept = |char: char| matches!(char, '\n' | '\t');
    if is_plain(text, b"\n\t") || !text.contains(|char| paints(char) && !kept(char)) {
        return text.to_owned();
    }
    text.split_inclusive(kept)
        .map(|piece| match piece.strip_suffix(kept) {
            Some(before) => printable(before) + &piece[before.len()..],
            None => printable(piece),
        })
        .collect()
}

/// Whether a text is of letters and signs of ASCII alone, and these: almost every one is, and this is quickly seen.
fn is_plain(text: &str, more: &[u8]) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~') || more.contains(&byte))
}

/// Whether a character does something else to a terminal than to stand there.
fn paints(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Something that was given, as a message may repeat it: not a user and password, not the query of a URL, since it may be
/// signed, and not what looks like a key.
#[must_use]
pub fn without_secrets(given: &str) -> String {
    const LEFT_OUT: &str = "…";
    if given.contains("-----BEGIN") || given.contains("PRIVATE KEY") {
        return format!("{LEFT_OUT} (left out: it looks like a key)");
    }
    // A path may have been made of a URL, and then has one slash.
    let slash = match given.find(":/") {
        Some(colon) if colon > 0 && !given.starts_with("s3:/") => colon + 1,
        None if given.starts_with("//") => 0,
        _ => return given.to_owned(),
    };
    let (scheme, rest) = given.split_at(slash + 1 + usize::from(given[slash + 1..].starts_with('/')));
    let rest =
        rest.rsplit_once('@').map_or_else(|| rest.to_owned(), |(_, host)| format!("{LEFT_OUT}@{host}"));
    let shown = rest.split_once('?').map_or_else(|| rest.clone(), |(path, _)| format!("{path}?{LEFT_OUT}"));
    format!("{scheme}{shown}")
}

/// The words of another program, which may repeat what was given: each of them as [`without_secrets`].
#[cfg(any(feature = "backup", test))]
#[must_use]
pub(crate) fn words_without_secrets(said: &str) -> String {
    if said.contains("PRIVATE KEY") {
        return without_secrets(said);
    }
    said.split(' ').map(without_secrets).collect::<Vec<_>>().join(" ")
}

/// A text without what has the form of a signature of version 2: 20 bytes in base64, in a header or in a URL.
#[cfg(any(feature = "client", test))]
#[must_use]
pub(crate) fn without_signatures(said: &str) -> String {
    /// The digits of 20 bytes, before the `=` at their end.
    const DIGITS: usize = 27;
    let ends_word = |char: char| !(char.is_ascii_alphanumeric() || matches!(char, '+' | '/' | '%'));
    let shown = |word: &str| {
        let (digits, end) = word.split_at(word.find(ends_word).unwrap_or(word.len()));
        let plain = digits.replace("%2B", "+").replace("%2F", "/");
        let in_url = plain.strip_suffix("%3D").is_some_and(|digits| digits.len() == DIGITS);
        let signature = in_url || plain.len() == DIGITS && end == "=";
        if signature { format!("***{end}") } else { word.to_owned() }
    };
    said.split_inclusive(ends_word).map(shown).collect()
}

/// The same for what is meant to be an address, with or without a scheme.
#[must_use]
pub(super) fn address_without_secrets(given: &str) -> String {
    // The host between is named after the address.
    if let Some((address, host)) = given.split_once(" through ") {
        return format!("{} through {}", address_without_secrets(address), address_without_secrets(host));
    }
    let shown = without_secrets(given);
    if shown != given || !given.contains('@') {
        return shown;
    }
    match given.rsplit_once('@') {
        // A user alone is no secret: `core@host`.
        Some((user, _)) if !user.contains(':') => shown,
        Some((_, host)) => format!("…@{host}"),
        None => shown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_paints_a_terminal_is_escaped_and_nothing_else() {
        assert_eq!(printable("a\u{1b}[31m\nb\u{9b}c\u{7f}"), r"a\u{1b}[31m\nb\u{9b}c\u{7f}");
        assert_eq!(printable("gpj.\u{202e}exe"), r"gpj.\u{202e}exe");
        assert_eq!(printable("größe \"日志\" '👩\u{200d}🚒' \\n"), "größe \"日志\" '👩\u{200d}🚒' \\n");
        assert_eq!(printable_lines("a\tb\n\u{1b}]0;x\u{7}\n"), "a\tb\n\\u{1b}]0;x\\u{7}\n");
    }

    #[test]
    fn no_password_signature_or_key_is_repeated() {
        for (given, shown) in [
            ("http://me:hush@host:80", "http://…@host:80"),
            ("http://me:hu/sh@host", "http://…@host"),
            ("http://me:hu@sh@host/p", "http://…@host/p"),
            ("http://me:hush @host", "http://…@host"),
            ("http:/me:hush@host/p", "http:/…@host/p"),
            ("//me:hush@host/p", "//…@host/p"),
            ("http://host/b/k?Signature=hush&x=y", "http://host/b/k?…"),
            ("-----BEGIN RSA PRIVATE KEY-----\nhush", "… (left out: it looks like a key)"),
            ("s3://bucket/a@b?c", "s3://bucket/a@b?c"),
            ("/plain/path@x", "/plain/path@x"),
        ] {
            assert_eq!(without_secrets(given), shown, "{given}");
        }
        let said = "Can't open user config file http://me:hush@host:80/path: No such file";
        assert_eq!(
            words_without_secrets(said),
            "Can't open user config file http://…@host:80/path: No such file"
        );
        assert_eq!(
            without_signatures(
                "authorization: AWS AK:Dpz0JzdCCzja7lb8FPgc1f/0UUY= host: h?Signature=Dpz0JzdCCzja7lb8FPgc1f%2F0UUY%3D&x"
            ),
            "authorization: AWS AK:***= host: h?Signature=***&x"
        );
        assert_eq!(without_signatures("a layer, 100% of 1/2=x"), "a layer, 100% of 1/2=x");
        assert_eq!(address_without_secrets("me:hush@host:22"), "…@host:22");
        assert_eq!(address_without_secrets("core@host:22"), "core@host:22");
        assert_eq!(address_without_secrets("me:hu@sh@host"), "…@host");
        let through = "http://10.0.0.5:8888 through core@host:22";
        assert_eq!(address_without_secrets(through), through);
    }
}
