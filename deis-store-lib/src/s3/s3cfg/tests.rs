use super::*;

#[test]
fn values_are_verbatim_and_quotes_are_stripped() {
    let text = "[default]\naccess_key = AK\nsecret_key = \"a%b=/+c\"\nhost_base = deis-store.example.com\n\
                host_bucket = deis-store.example.com\nuse_https = No\n# secret_key = no\n";
    let cfg = S3Cfg::parse(text).unwrap();
    assert_eq!(cfg.credentials.access_key(), "AK");
    assert_eq!(cfg.credentials.secret_key(), b"a%b=/+c");
    assert_eq!(cfg.endpoint.as_deref(), Some("http://deis-store.example.com"));
}

#[test]
fn whatever_host_bucket_says_the_style_is_by_path() {
    for host_bucket in
        ["%(bucket)s.store.example.com", "%(bucket).store.example.com", "store.example.com/%(bucket)", ""]
    {
        // As the page of Deis' manual had it, with the line that its own s3cmd needed.
        let lines = format!(
            "bucket_location = US\nhost_base = store.example.com\nhost_bucket = {host_bucket}\n\
             use_https = False\nsignature_v2 = True\nuse_path_mode = True\n"
        );
        let cfg = with(&lines).unwrap();
        assert_eq!(cfg.endpoint.as_deref(), Some("http://store.example.com"), "{host_bucket}");
    }
}

const KEYS: &str = "[default]\naccess_key = AK\nsecret_key = SK\n";

fn with(lines: &str) -> Result<S3Cfg> {
    S3Cfg::parse(&format!("{KEYS}{lines}"))
}

#[test]
fn https_is_as_the_file_says() {
    let lines =
        "host_base = gateway.example.com:443\nuse_https = True\n  ca_certs_file=/etc/our own/ca.pem\n";
    let cfg = with(lines).unwrap();
    assert_eq!(cfg.endpoint.as_deref(), Some("https://gateway.example.com:443"));
    assert_eq!(cfg.ca_certs_file.as_deref(), Some("/etc/our own/ca.pem"));
    assert!(cfg.check_certificate);
    let cfg = with("ca_certs_file = \nuse_https = on").unwrap();
    assert_eq!((cfg.endpoint, cfg.ca_certs_file, cfg.proxy), (None, None, None));
}

#[test]
fn a_certificate_is_checked_unless_the_file_says_no() {
    for no in ["False", "no", "OFF", "0", "\"No\""] {
        assert!(!with(&format!("check_ssl_certificate = {no}")).unwrap().check_certificate, "{no}");
    }
    for yes in ["True", "1", ""] {
        assert!(with(&format!("check_ssl_certificate = {yes}")).unwrap().check_certificate, "{yes}");
    }
    assert!(with("# check_ssl_certificate = False\ncheck_ssl_hostname = False").unwrap().check_certificate);
}

#[test]
fn a_proxy_has_s3cmds_port_unless_the_file_says_another() {
    let proxy = |lines| with(lines).unwrap().proxy;
    assert_eq!(proxy("proxy_host = proxy\nproxy_port = 8080"), Some("http://proxy:8080".to_owned()));
    assert_eq!(proxy("proxy_host = proxy"), Some("http://proxy:3128".to_owned()));
    assert_eq!(proxy("proxy_host = \nproxy_port = none"), None);
    assert_eq!(with("proxy_host = proxy\nproxy_port = http").unwrap_err().kind(), ErrorKind::Usage);
}

#[test]
fn types_are_guessed_unless_the_file_says_no() {
    let types = |lines| with(lines).map(|cfg| (cfg.guess_mime_type, cfg.default_mime_type)).unwrap();
    assert_eq!(types(""), (true, None));
    let said = "guess_mime_type = False\ndefault_mime_type = text/x-own\n";
    assert_eq!(types(said), (false, Some("text/x-own".to_owned())));
}

#[test]
fn a_rate_has_s3cmds_units_and_zero_is_no_limit() {
    let rate = |text| with(&format!("limitrate = {text}")).map(|cfg| cfg.bytes_per_second.map(u64::from));
    for (text, expected) in
        [("", None), ("0", None), ("500", Some(500)), ("50k", Some(51_200)), ("2M", Some(2 << 20))]
    {
        assert_eq!(rate(text).unwrap(), expected, "{text}");
    }
    for wrong in ["fast", "-1", "1g", "1.5m", "k", "99999999999999m"] {
        assert_eq!(rate(wrong).unwrap_err().kind(), ErrorKind::Usage, "{wrong}");
    }
}

#[test]
fn a_file_without_keys_is_refused_by_name() {
    assert_eq!(S3Cfg::parse("access_key = x").unwrap_err().to_string(), "the file has no secret_key");
}

#[test]
fn https_is_used_unless_the_file_says_no_whatever_scheme_the_host_has() {
    let endpoint = |lines: &str| with(lines).unwrap().endpoint.unwrap();
    assert_eq!(endpoint("host_base = gw:8888"), "https://gw:8888");
    assert_eq!(endpoint("host_base = gw\nuse_https ="), "https://gw");
    assert_eq!(endpoint("host_base = https://gw"), "https://gw");
    assert_eq!(endpoint("host_base = http://[::1]:80\nuse_https = no"), "http://[::1]:80");
    let cfg = with("host_base = http://gw").unwrap();
    assert_eq!(cfg.endpoint.as_deref(), Some("https://gw"));
    assert!(cfg.not_heeded[0].contains("the scheme in host_base"), "{:?}", cfg.not_heeded);
}

#[test]
fn what_is_neither_yes_nor_no_is_an_error_with_its_line_and_not_no() {
    for (name, value) in [
        ("use_https", "True # TLS"),
        ("use_https", "Ture"),
        ("check_ssl_certificate", "nope"),
        ("check_ssl_certificate", "False # yet"),
        ("guess_mime_type", "maybe"),
        ("encrypt", "Yes, please"),
        ("follow_symlinks", "2"),
    ] {
        let error = with(&format!("{name} = {value}\n")).unwrap_err();
        assert_eq!(error.to_string(), format!("{name} is neither yes nor no (line 4)"), "{value}");
        assert_eq!(error.kind(), ErrorKind::Usage);
    }
}

#[test]
fn a_host_that_is_none_is_refused() {
    for wrong in [
        "gw:99999",
        "gw:0",
        "gw:",
        "gw:port",
        "user@gw",
        "gw/path",
        "ftp://gw",
        "http://",
        ":80",
        "gw # ours",
        "a b",
    ] {
        let error = with(&format!("host_base = {wrong}\n")).unwrap_err();
        assert!(error.to_string().starts_with("host_base is not HOST"), "{wrong}: {error}");
    }
    for wrong in ["http://proxy", "proxy:80", "user@proxy"] {
        assert_eq!(with(&format!("proxy_host = {wrong}\n")).unwrap_err().kind(), ErrorKind::Usage, "{wrong}");
    }
    for wrong in ["0", "65536"] {
        let lines = format!("proxy_host = proxy\nproxy_port = {wrong}\n");
        assert_eq!(with(&lines).unwrap_err().kind(), ErrorKind::Usage, "{wrong}");
    }
}

#[test]
fn a_value_may_be_that_of_a_variable() {
    let variable = |name: &str| match name {
        "KEY" => Some("AK".to_owned()),
        "SECRET" => Some("$INNER".to_owned()),
        "INNER" => Some("SK".to_owned()),
        "HTTPS" => Some("no".to_owned()),
        "LOOP" => Some("$LOOP".to_owned()),
        _ => None,
    };
    let text = "access_key = $KEY\nsecret_key = \"$SECRET\"\nhost_base = gw\nuse_https = $HTTPS\n";
    let cfg = S3Cfg::parse_in(&format!("{text}proxy_host = $NOT_SET\n"), variable).unwrap();
    assert_eq!((cfg.credentials.access_key(), cfg.credentials.secret_key()), ("AK", &b"SK"[..]));
    assert_eq!((cfg.endpoint.as_deref(), cfg.proxy), (Some("http://gw"), None));
    assert_eq!(cfg.not_heeded, ["proxy_host (the variable NOT_SET is not set)"]);
    let error = S3Cfg::parse_in("access_key = $LOOP\n", variable).unwrap_err();
    assert_eq!(error.place().get(At::Name), Some("access_key"));
    let error = S3Cfg::parse("access_key = $NO_KEY\nsecret_key = x\n").unwrap_err();
    assert!(error.to_string().contains("it names NO_KEY, which is not set"), "{error}");
}

#[test]
fn keys_that_the_file_does_not_have_are_those_of_the_environment() {
    let environment = |set: &'static [(&str, &str)]| {
        move |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    };
    let keys = |text: &str, set| {
        S3Cfg::parse_in(text, environment(set))
            .map(|cfg| (cfg.credentials.access_key().to_owned(), cfg.credentials.secret_key().to_vec()))
    };
    let expected = || ("E".to_owned(), b"S".to_vec());
    assert_eq!(keys("", &[("AWS_ACCESS_KEY_ID", "E"), ("AWS_SECRET_ACCESS_KEY", "S")]).unwrap(), expected());
    let both = &[("AWS_ACCESS_KEY", "E"), ("AWS_ACCESS_KEY_ID", "x"), ("AWS_SECRET_KEY", "S")];
    assert_eq!(keys("access_key =\nsecret_key = unused\n", both).unwrap(), expected());
    assert!(keys("", &[("AWS_ACCESS_KEY_ID", "E")]).unwrap_err().to_string().contains("no secret key"));
    let of_file = keys(KEYS, &[("AWS_ACCESS_KEY_ID", "E"), ("AWS_SECRET_ACCESS_KEY", "S")]).unwrap();
    assert_eq!(of_file, ("AK".to_owned(), b"SK".to_vec()));
    assert!(with("secret_key = SK # mine\n").unwrap_err().to_string().contains("has a space in it"));
}

#[test]
fn what_is_set_and_not_heeded_is_named_and_refused_where_that_costs_secrecy_or_data() {
    for (name, value) in [
        ("encrypt", "True"),
        ("server_side_encryption", "yes"),
        ("kms_key", "id"),
        ("dry_run", "True"),
        ("add_headers", "Cache-Control: no-store"),
        ("skip_existing", "on"),
        ("access_token", "token"),
    ] {
        let error = with(&format!("{name} = {value}\n")).unwrap_err();
        assert_eq!(error.place().get(At::Name), Some(name));
        assert_eq!(error.kind(), ErrorKind::Usage);
        // What only the keys are taken from may say what it will.
        assert!(S3Cfg::keys(&format!("{KEYS}{name} = {value}\n"), |_| None).is_ok());
    }
    for (name, value) in [
        ("acl_public", "True"),
        ("storage_class", "GLACIER"),
        ("delete_removed", "True"),
        ("gpg_passphrase", "word"),
        ("bucket_location", "EU"),
        ("use_htps", "True"),
    ] {
        let not_heeded = with(&format!("{name} = {value}\n")).unwrap().not_heeded;
        assert!(matches!(&not_heeded[..], [one] if one.starts_with(name)), "{name}: {not_heeded:?}");
    }
    let not_heeded = with("this is no line\n; nor this\n").unwrap().not_heeded;
    assert_eq!(not_heeded.len(), 2, "{not_heeded:?}");
}

#[test]
fn what_s3cmd_writes_when_it_is_configured_is_taken_without_a_word() {
    let text = include_str!("../../../fixtures/s3cfg-of-s3cmd-2.3");
    let cfg = S3Cfg::parse(text).unwrap();
    assert_eq!(cfg.not_heeded, [""; 0]);
    assert_eq!(cfg.endpoint.as_deref(), Some("https://gateway.example.com"));
}
