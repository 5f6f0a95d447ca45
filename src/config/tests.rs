//! The configuration as people write it, and what they are told.

use super::*;
use crate::model::connection::{OnUnknown, OptOut};
use crate::model::consent::ComplianceClass::{Help, Stop};
use secrecy::ExposeSecret;

fn env(name: &str) -> Option<String> {
    name.starts_with("SET_").then(|| format!("value of {name}"))
}

fn read(text: &str) -> Result<Config, Problems> {
    Config::read("test.yaml", text, &env)
}

/// Reads a wrong file; `expected` holds `line:column key: words` for each mistake, in order.
fn check(text: &str, expected: &[&str]) {
    let problems = read(text).expect_err("mistakes");
    let shown = problems.list.iter().map(|problem| {
        let (line, column) = problems.place(problem).unwrap_or((0, 0));
        let help = problem
            .help
            .as_ref()
            .map(|help| format!(" ({help})"))
            .unwrap_or_default();
        format!("{line}:{column} {}: {}{help}", problem.key, problem.words)
    });
    assert_eq!(shown.collect::<Vec<_>>(), expected, "{problems}");
}

#[test]
fn the_least_that_is_needed() {
    let config = read("public_url: https://sms.example.org/\n").unwrap();
    assert_eq!(config.public_url, "https://sms.example.org");
    assert_eq!(config.staff_url, "http://127.0.0.1:8080");
    assert!(
        matches!(config.store, StoreAddress::Sqlite(path) if path == Path::new("data/signalbox.db"))
    );
    assert_eq!(config.blobs, Path::new("data/blobs"));
    assert_eq!(config.limits, Limits::default());
    assert_eq!(config.listen, Listen::default());
    assert!(config.connections.is_empty() && config.smtp.is_none() && config.redis.is_none());
}

#[test]
fn connections_keep_what_only_their_carrier_knows() {
    let config = read(
        "public_url: https://sms.example.org
connections:
  twilio:
    kind: twilio
    account_sid: AC1
    auth_token: { env: SET_TOKEN }
    shared_keys: { k1: { env: SET_K1 } }
    validate: true
    rate: 2.5
    on_unknown: email
    opt_out: carrier
",
    )
    .unwrap();
    let at = config.connection("twilio").unwrap();
    assert_eq!((at.kind.as_str(), at.rate), ("twilio", 2.5));
    assert_eq!(
        (at.on_unknown, at.opt_out),
        (OnUnknown::Email, OptOut::Carrier)
    );
    assert_eq!(at.text("account_sid"), Some("AC1"));
    assert_eq!(at.secret("auth_token"), Some("value of SET_TOKEN"));
    assert_eq!(
        at.named_secret("shared_keys", "k1"),
        Some("value of SET_K1")
    );
    assert_eq!(at.flag("validate"), Some(true));
    assert_eq!(at.public_url, "https://sms.example.org");
    assert!(
        !format!("{config:?}").contains("value of"),
        "no secret is shown"
    );
    let finding = |setting: &str| Finding {
        connection: "twilio".to_owned(),
        setting: setting.to_owned(),
        words: "is wrong".to_owned(),
        hide: true,
    };
    let judged = config
        .judge(vec![finding("account_sid"), finding("absent")])
        .unwrap_err();
    assert_eq!(judged.place(&judged.list[0]), Some((5, 5)));
    assert_eq!(judged.place(&judged.list[1]), Some((3, 3)));
    assert!(!judged.to_string().contains("AC1"), "{judged}");
}

#[test]
fn compliance_words_of_other_countries_and_of_ones_own() {
    let words = |more: &str| {
        let text = format!("public_url: https://sms.example.org\n{more}");
        read(&text).unwrap().words
    };
    let (plain, some) = (
        words(""),
        words("compliance: { countries: [mx, PL], stop: [HALT], help: Ajuda }\n"),
    );
    for (word, before, after) in [
        ("stop", Some(Stop), Some(Stop)),
        ("alto", None, Some(Stop)),
        ("koniec", None, Some(Stop)),
        ("halt", None, Some(Stop)),
        ("ajuda", None, Some(Help)),
        ("stopp", None, None),
    ] {
        assert_eq!((plain.class(word), some.class(word)), (before, after));
    }
    check(
        "public_url: https://sms.example.org\ncompliance:\n  countries: [Mexico]\n  stopp: [HALT]\n",
        &[
            "3:15 compliance.countries: expected a country as two letters, such as MX",
            "4:3 compliance.stopp: no such key (did you mean `stop`?)",
        ],
    );
}

#[test]
fn every_mistake_is_told_in_place() {
    check(
        "sotre: sqlite
public_url: sms.example.org
listen: { carriers: 8090, staf: 127.0.0.1:1 }
trusted_proxies: [10.0.0.0/8, 10.0.0.0/99]
limits:
  answer_ms: 50
  batch_events: 9
connections:
  twilio:
    kind: twilio
    auth_token: { env: NOT_SET }
    on_unknown: leaf
  Bad_Key: { rate: fast }
",
        &[
            "1:1 sotre: no such key (did you mean `store`?)",
            "2:13 public_url: expected http:// or https://, a host, and no query",
            "3:21 listen.carriers: expected a text, found a number (put it in quotes)",
            "3:27 listen.staf: no such key (did you mean `staff`?)",
            "4:31 trusted_proxies: expected an IP address or a block such as 10.0.0.0/8 or fd00::/8",
            "6:14 limits.answer_ms: expected a number from 100 to 14000",
            "7:3 limits.batch_events: no such key (did you mean `batch_events_max`?)",
            "11:24 connections.twilio.auth_token: the environment has no NOT_SET",
            "12:17 connections.twilio.on_unknown: expected one of leave, email (did you mean `leave`?)",
            "13:3 connections.Bad_Key.: expected a key: a lower-case letter, then letters, digits and hyphens, 63 at most",
            "13:3 connections.Bad_Key.kind: is missing",
            "13:20 connections.Bad_Key.rate: expected a number, found a text",
        ],
    );
}

#[test]
fn secrets_stand_elsewhere() {
    check(
        "public_url: https://a.example.org
store: postgres://u:secret@db/x
redis: http://r
smtp: { host: mail, from: nobody, username: u, password: hush }
",
        &[
            "2:8 store: a password does not belong into this file (put the whole address into { env: NAME } or { file: PATH })",
            "3:8 redis: expected an address that begins with redis://",
            "4:27 smtp.from: expected an e-mail address (such as signalbox@example.org)",
            "4:58 smtp.password: expected a secret (write { env: NAME } or { file: PATH }, so that no secret stands in this file)",
        ],
    );
    let shown = read("public_url: x\nsmtp: { password: hush }\nstore: postgres://u:pst@db/x\n");
    let shown = shown.unwrap_err().to_string();
    assert!(!shown.contains("hush") && !shown.contains("pst"), "{shown}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("url");
    std::fs::write(&path, "postgres://u:secret@db/x\n").unwrap();
    let text = format!(
        "public_url: https://a.example.org\nstore: {{ file: {} }}\n",
        path.display()
    );
    let StoreAddress::Postgres(url) = read(&text).unwrap().store else {
        panic!("PostgreSQL");
    };
    assert_eq!(url.expose_secret(), "postgres://u:secret@db/x");
}

#[test]
fn a_secret_of_flows_says_where_it_goes() {
    let http = |secrets: &str| {
        format!(
            "public_url: https://a.example.org\nhttp:\n  allow: [https://crm.example.org/api]\n  secrets:\n    {secrets}\n"
        )
    };
    let sound =
        "crm: { env: SET_TOKEN, for: https://crm.example.org/api/people, accounts: [clinic] }";
    let config = read(&http(sound)).unwrap().http;
    assert_eq!(config.secrets["crm"].expose_secret(), "value of SET_TOKEN");
    let rule = &config.rules.secrets["crm"];
    assert_eq!(rule.accounts, ["clinic"]);
    let places: Vec<&str> = rule.places.iter().map(url::Url::as_str).collect();
    assert_eq!(places, ["https://crm.example.org/api/people"]);
    let help = "expected a secret (write { env: NAME, for: https://… } or { file: PATH, for: https://… }, so that no secret stands in this file)";
    check(
        &http("crm: { env: SET_TOKEN }"),
        &[
            "5:5 http.secrets.crm.for: is missing (name the address that it is for, such as `for: https://crm.example.org/api`; it is sent nowhere else)",
        ],
    );
    check(
        &http(
            "crm: { env: NOT_SET, for: [https://crm.example.org, https://evil.example.net, nonsense] }",
        ),
        &[
            "5:17 http.secrets.crm: the environment has no NOT_SET",
            "5:31 http.secrets.crm.for: `nonsense` is no address that could be allowed (write http:// or https://, a host and perhaps a path)",
            "5:31 http.secrets.crm.for: `https://evil.example.net/` is not among the addresses that flows may ask (add it to http.allow)",
        ],
    );
    check(
        &http("crm: { env: SET_TOKEN, for: https://crm.example.org/api, accounts: [] }"),
        &[
            "5:72 http.secrets.crm.accounts: names nobody (name the accounts that may use it, or leave the line out for all)",
        ],
    );
    let merged =
        "crm: { env: SET_TOKEN, for: https://crm.example.org/api, <<: { accounts: [clinic] } }";
    assert!(
        read(&http(merged)).is_err(),
        "what `<<` brings in is not read"
    );
    for wrong in [
        "crm: hush",
        "crm: { value: hush, for: https://crm.example.org/api }",
        "crm: { env: A, file: hush, for: https://crm.example.org/api }",
        "crm: { for: https://crm.example.org/hush }",
    ] {
        let problems = read(&http(wrong)).unwrap_err();
        assert!(!problems.to_string().contains("hush"), "{problems}");
        check(&http(wrong), &[&format!("5:10 http.secrets.crm: {help}")]);
    }
}

#[test]
fn broken_files_are_told_too() {
    assert_eq!(read("public_url: [\n").unwrap_err().list.len(), 1);
    assert_eq!(
        read("- a\n").unwrap_err().list[0].words,
        "expected keys and values, found a list"
    );
    assert_eq!(read("").unwrap_err().list[0].words, "is missing");
    let absent = Config::load(Path::new("/nowhere/signalbox.yaml"), &env).unwrap_err();
    assert!(
        absent.to_string().contains("/nowhere/signalbox.yaml"),
        "{absent}"
    );
}

#[test]
fn mistakes_show_the_source_line() {
    let shown = read("public_url: https://a.example.org\nsotre: sqlite\n")
        .unwrap_err()
        .to_string();
    for part in [
        "error: sotre: no such key",
        "test.yaml:2:1",
        "sotre: sqlite",
        "^^^^^",
        "did you mean `store`?",
    ] {
        assert!(shown.contains(part), "{part} in\n{shown}");
    }
}

/// The shipped file, with every setting that it shows commented out (`#key: …`) put in force.
fn uncommented(text: &str) -> String {
    let shown = |line: &str| {
        let bare = line.trim_start();
        let rest = bare
            .strip_prefix('#')
            .filter(|rest| !rest.starts_with([' ', '#']) && !rest.is_empty());
        match rest {
            Some(rest) => format!("{}{rest}\n", &line[..line.len() - bare.len()]),
            None => format!("{line}\n"),
        }
    };
    text.lines().map(shown).collect()
}

#[test]
fn the_shipped_file_is_whole() {
    const SHIPPED: &str = include_str!("../../config/signalbox.yaml");
    let any = |_: &str| Some("postgres://u:p@db/signalbox".to_owned());
    let as_is = Config::read("config/signalbox.yaml", SHIPPED, &any)
        .unwrap_or_else(|wrong| panic!("{wrong}"));
    let all = uncommented(SHIPPED);
    let full =
        Config::read("config/signalbox.yaml", &all, &any).unwrap_or_else(|wrong| panic!("{wrong}"));
    assert_eq!(as_is.limits, Limits::default());
    assert_eq!(
        full.limits,
        Limits::default(),
        "the values shown are the defaults"
    );
    assert_eq!(full.listen, Listen::default());
    assert!(full.smtp.is_some() && full.redis.is_some());
    for key in KEYS {
        let name = format!("{}:", key.path.rsplit('.').next().unwrap());
        assert!(all.contains(&name), "{} is not shown", key.path);
    }
    for limit in LIMITS {
        assert!(
            all.contains(&format!("  {}: {}", limit.key, limit.default)),
            "{} is not shown",
            limit.key
        );
    }
}

#[test]
fn the_demo_is_all_under_one_folder() {
    let listen = Listen::default();
    let config = Config::demo(
        Path::new("/tmp/demo"),
        listen,
        "http://127.0.0.1:1/twin",
        "t0ken",
    )
    .unwrap();
    assert_eq!(config.data, Path::new("/tmp/demo"));
    assert_eq!(config.blobs, Path::new("/tmp/demo/blobs"));
    let at = &config.connections[0];
    assert_eq!(at.public_url, "http://127.0.0.1:8090");
    assert_eq!(at.text("api_base"), Some("http://127.0.0.1:1/twin"));
    assert_eq!(at.secret("auth_token"), Some("t0ken"));
}

#[test]
fn a_lease_outlasts_the_work_it_is_for() {
    let limits =
        |lines: &str| format!("public_url: https://sms.example.org\nlimits: {{ {lines} }}\n");
    for sound in [
        "email_seconds: 54",
        "lease_seconds: 36",
        "lease_seconds: 10, carrier_seconds: 4, email_seconds: 4",
    ] {
        read(&limits(sound)).unwrap();
    }
    let told = |column: u32, least: u32| {
        format!(
            "2:{column} limits.lease_seconds: expected at least {least} with the other limits as they are (work that \
             takes longer than its lease would be done twice: answer_ms and the longest of carrier_seconds, \
             email_seconds and, with http.allow, the 15 s of an http step count)"
        )
    };
    check(&limits("lease_seconds: 35"), &[&told(26, 36)]);
    let short = limits("lease_seconds: 20, carrier_seconds: 4, email_seconds: 4");
    read(&short).unwrap();
    let asks = format!("{short}http: {{ allow: [\"https://crm.example.org\"] }}\n");
    check(&asks, &[&told(26, 21)]);
    check(
        &limits("email_seconds: 300, lease_seconds: 60"),
        &[&told(46, 306)],
    );
    check(
        &limits("lease_seconds: 60, carrier_seconds: 55, email_seconds: 1"),
        &[&told(26, 61)],
    );
    let problems = read(&limits("email_seconds: 300")).unwrap_err();
    assert!(
        problems.to_string().contains("expected at least 306"),
        "{problems}"
    );
}

/// The tables of `docs/configuration.md`, made from the lists.
fn tables() -> String {
    let mut text = String::from("| key | default | meaning |\n|---|---|---|\n");
    for key in KEYS {
        text += &format!("| `{}` | {} | {} |\n", key.path, key.default, key.why);
    }
    text += "\n| limit | default | from | to | meaning |\n|---|---|---|---|---|\n";
    for limit in LIMITS {
        let Limit {
            key,
            default,
            min,
            max,
            why,
        } = limit;
        text += &format!("| `limits.{key}` | {default} | {min} | {max} | {why} |\n");
    }
    text
}

/// `UPDATE_DOCS=1 cargo test documentation` writes the page's tables anew.
#[test]
fn documentation_lists_every_key_and_nothing_else() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/configuration.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (before, rest) = page.split_once("<!-- list -->\n").unwrap();
    let (listed, after) = rest.split_once("<!-- end of list -->").unwrap();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        let new = format!(
            "{before}<!-- list -->\n{}<!-- end of list -->{after}",
            tables()
        );
        std::fs::write(path, new).unwrap();
    } else {
        assert_eq!(listed, tables(), "UPDATE_DOCS=1 cargo test documentation");
    }
}
