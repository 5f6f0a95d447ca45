//! What `flow test` prints, and that the shipped flows are tried whole.

use std::path::Path;

use super::*;

use crate::config::organisation::OrganisationFile;
use crate::model::{Ids, Timestamp};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn organisation() -> Known {
    organisation_of(shipped())
}

fn shipped() -> String {
    std::fs::read_to_string(root().join("config/organisation.yaml")).unwrap()
}

fn organisation_of(source: String) -> Known {
    let now = Timestamp::from_micros(1_772_555_400_000_000);
    let (directory, contacts) = OrganisationFile::read("organisation.yaml", source)
        .whole(&mut Ids::new(now, 7), now)
        .unwrap();
    Known {
        directory,
        contacts,
        published: Vec::new(),
    }
}

/// The exit code and the words, with the folder's name left out.
fn run(folder: &Path, known: Option<&Known>, junit: Option<PathBuf>) -> (i32, String) {
    let args = TestArgs {
        paths: vec![folder.to_owned()],
        source: OrganisationArgs {
            organisation: None,
            config: None,
        },
        junit,
    };
    let mut out = Vec::new();
    let code = test_to(&args, known, &mut out).unwrap();
    let shown = String::from_utf8(out).unwrap();
    (code, shown.replace(&folder.display().to_string(), "FOLDER"))
}

fn with(name: &str, source: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(name), source).unwrap();
    folder
}

#[test]
fn every_outcome_of_the_shipped_flows_is_tried() {
    let begun = crate::ambient::Stopwatch::start();
    let (code, shown) = run(&root().join("flows"), Some(&organisation()), None);
    println!(
        "the shipped flows were checked and tried in {:?}",
        begun.elapsed()
    );
    assert_eq!(code, 0, "{shown}");
    assert!(!shown.contains("not tried"), "{shown}");
    assert!(!shown.contains(" 0 of 0 outcomes"), "{shown}");
    let files = std::fs::read_dir(root().join("flows")).unwrap().count();
    assert!(files >= 11, "{files}");
    assert_eq!(shown.matches(".yaml\n").count(), files, "{shown}");
}

/// The shipped organisation without one of its users.
fn without_user(key: &str) -> String {
    let begins = [
        format!("  - {{ key: {key}, name"),
        format!("  - key: {key}\n    name"),
    ];
    let left = [
        format!("  - {{ key: {key}, active: false, name"),
        format!("  - key: {key}\n    active: false\n    name"),
    ];
    let source = begins.iter().zip(left);
    source.fold(shipped(), |source, (begin, left)| {
        source.replacen(begin, &left, 1)
    })
}

/// The same with nobody in one of its groups, whose numbers lead to a member.
fn without_members(group: &str, member: &str) -> String {
    let emptied = |line: &str| {
        let is_group = line
            .trim_start()
            .starts_with(&format!("- {{ key: {group}, "));
        match line.split_once("members: [") {
            Some((begin, _)) if is_group => format!("{begin}members: [] }}\n"),
            _ => format!("{line}\n"),
        }
    };
    let source: String = shipped().lines().map(emptied).collect();
    source.replace(
        &format!("route: {{ group: {group} }}"),
        &format!("route: {{ user: {member} }}"),
    )
}

#[test]
fn whoever_comes_or_goes_no_test_of_the_shipped_flows_breaks() {
    let users = ["ana", "ben", "carla", "dev", "erin", "farid", "grace"];
    let groups = [
        ("admissions", "dev"),
        ("billing", "dev"),
        ("front-desk", "dev"),
        ("nurses", "erin"),
        ("reception", "erin"),
    ];
    let users = users.iter().map(|key| (*key, without_user(key)));
    let groups = groups
        .iter()
        .map(|(key, member)| (*key, without_members(key, member)));
    for (key, source) in users.chain(groups) {
        assert_ne!(source, shipped(), "{key}");
        let (code, shown) = run(&root().join("flows"), Some(&organisation_of(source)), None);
        assert_eq!(code, 0, "{key}: {shown}");
        assert!(!shown.contains("not tried"), "{key}: {shown}");
    }
}

#[test]
fn the_shipped_flows_stand_alone_too() {
    let (code, shown) = run(&root().join("flows"), None, None);
    assert_eq!(code, 0, "{shown}");
}

const FLOW: &str = "flow: a
account: b
on: sms
steps:
  name:
    ask: { prompt: Your name?, save_as: flow.name, timeout: 2h }
    then: { valid: hello, invalid: end, timeout: end }
  hello:
    reply: \"Hi {{ flow.name }} & <co>\"
    next: end
tests:
  - name: is <greeted>
    at: 2026-03-03 10:30
    sms: { from: \"+12025550143\", to: \"+12025550101\", text: Hello }
    script:
      - receives: Your name
      - texts: Pat
      - receives: Hi Bo
    expect: { sent: 2 }
  - name: is asked
    sms: { from: \"+12025550143\", to: \"+12025550101\", text: Hello }
    expect: { sent: 1 }
";

#[test]
fn a_test_that_fails_shows_what_happened() {
    let folder = with("a.yaml", FLOW);
    let (code, shown) = run(folder.path(), None, None);
    assert_eq!(code, 1);
    assert_eq!(
        shown,
        "FOLDER/a.yaml
  FAILED is <greeted>
      03-03 10:30:00   text \"Hello\" from +12025550143
      03-03 10:30:00   name → waits   [name (ask), line 5]
      03-03 10:30:00   sends \"Your name?\"   [name (ask), line 5]
      03-03 10:30:00 line 16: receives \"Your name\"
      03-03 10:30:00 line 17: texts \"Pat\"
      03-03 10:30:00   name → valid   [name (ask), line 5]
      03-03 10:30:00   hello → ok   [hello (reply), line 8]
      03-03 10:30:00   sends \"Hi Pat & <co>\"   [hello (reply), line 8]
    > 03-03 10:30:00 line 18: receives \"Hi Bo\"
    > line 18: the texts were: \"Hi Pat & <co>\"
  ok     is asked
  2 of 4 outcomes tried
    not tried: step name (line 5): invalid
    not tried: step name (line 5): timeout
2 tests, 1 failed; 2 of 4 outcomes tried
"
    );
}

#[test]
fn of_several_lines_in_one_only_the_one_that_differs_is_marked() {
    let lines =
        "    script:\n      - receives: Your name\n      - texts: Pat\n      - receives: Hi Bo\n";
    let one = "    script: [{ receives: Your name }, { texts: Pat }, { receives: Hi Bo }]\n";
    let folder = with("a.yaml", &FLOW.replace(lines, one));
    let (_, shown) = run(folder.path(), None, None);
    let marked: Vec<&str> = shown.lines().filter(|line| line.contains("  > ")).collect();
    assert_eq!(
        marked,
        [
            "    > 03-03 10:30:00 line 15: receives \"Hi Bo\"",
            "    > line 15: the texts were: \"Hi Pat & <co>\"",
        ]
    );
}

#[test]
fn results_are_written_for_machines() {
    let folder = with("a.yaml", FLOW);
    std::fs::write(folder.path().join("b.yaml"), "flow: [").unwrap();
    let file = folder.path().join("results.xml");
    let (code, _) = run(folder.path(), None, Some(file.clone()));
    assert_eq!(code, 1);
    let xml = std::fs::read_to_string(file).unwrap();
    let lines = [
        "tests=\"2\" failures=\"1\" errors=\"0\">",
        "name=\"is &lt;greeted&gt;\"><failure message=\"line 18: the texts were: &quot;Hi Pat &amp; &lt;co&gt;&quot;\">",
        "name=\"is asked\"/>",
        "tests=\"1\" failures=\"0\" errors=\"1\">",
        "<error message=\"the flow has faults\">",
    ];
    for line in lines {
        assert!(xml.contains(line), "{line}\n{xml}");
    }
    assert_eq!(xml.matches("<testsuite ").count(), 2);
    assert!(xml.ends_with("</testsuites>\n"));
}

#[test]
fn faults_and_wrong_paths_are_no_success() {
    let folder = with("a.yaml", &FLOW.replace("next: end", "next: en"));
    let (code, shown) = run(folder.path(), None, None);
    assert_eq!(code, 1);
    assert!(shown.contains("unknown-step"), "{shown}");
    assert!(
        shown.ends_with("0 tests, 0 failed, 1 flow with faults; 0 of 0 outcomes tried\n"),
        "{shown}"
    );
    assert_eq!(run(Path::new("/nowhere.yaml"), None, None).0, 2);
}

#[test]
fn a_test_on_a_number_that_is_not_ours_is_a_fault() {
    let source = FLOW.replace("account: b", "account: clinic");
    let folder = with("a.yaml", &source.replace("+12025550101", "+12025550199"));
    let (code, shown) = run(folder.path(), Some(&organisation()), None);
    assert_eq!(code, 1);
    assert!(shown.contains("unknown-number"), "{shown}");
}

#[test]
fn what_keeps_a_flow_from_being_published_is_named() {
    let flow = "flow: main\naccount: college\non: call\nsteps:\n  one:\n    say: One\n    next: end\ntests:\n";
    let test = |word: &str| {
        format!(
            "  - name: it says {word}\n    call: {{ from: withheld, to: \"+12025550100\" }}\n    \
             script: [{{ hears: {word} }}]\n    expect: {{}}\n"
        )
    };
    let Known { directory, .. } = organisation();
    let text = format!("{flow}{}{}", test("One"), test("Two"));
    let names = DirectoryNames::new(&directory, Vec::new());
    let checked = flow::check("main.yaml", &text, &names).unwrap();
    let ground = daemon::ground(&directory, &[&checked.flow]);
    assert_eq!(
        daemon::failed_tests(&ground, &checked),
        [(13, "it says Two".to_owned())]
    );
}

#[test]
fn a_test_knows_nobody_whom_it_is_not_given() {
    // The organisation's file has a contact with this phone and name.
    let known = organisation();
    let is_pia = |contact: &Contact| contact.name.as_deref() == Some("Pia Marino");
    assert!(known.contacts.iter().any(is_pia));
    let flow = "flow: hi\naccount: college\non: sms\nsteps:\n  hi:\n    reply: \"Hello {{ contact.name }}!\"\n    \
        next: end\ntests:\n";
    let test = |given: &str, receives: &str| {
        format!(
            "  - name: t\n    sms: {{ from: \"+12025550143\", to: \"+12025550100\", text: hm }}\n{given}    \
             script: [{{ receives: \"{receives}\" }}]\n    expect: {{ sent: 1 }}\n"
        )
    };
    let given = "    given: { contacts: { \"+12025550143\": { name: Rosa } } }\n";
    let tests = test("", "Hello !") + &test(given, "Hello Rosa!");
    let folder = with("hi.yaml", &format!("{flow}{tests}"));
    for known in [Some(&known), None] {
        let (code, shown) = run(folder.path(), known, None);
        assert_eq!(code, 0, "{shown}");
    }
    // It is not known to who publishes either.
    let text = format!("{flow}{}", test("", "Hello Pia"));
    let names = DirectoryNames::new(&known.directory, Vec::new());
    let checked = flow::check("hi.yaml", &text, &names).unwrap();
    let ground = daemon::ground(&known.directory, &[&checked.flow]);
    assert_eq!(daemon::failed_tests(&ground, &checked).len(), 1);
}

#[test]
fn flows_that_are_active_in_the_store_stand_beside_the_files() {
    let mut known = organisation();
    let account = known.directory.account_by_key("college").unwrap().id;
    let head = "account: college\non: sms\nsteps:\n";
    known.published = vec![FlowRevision {
        id: Ids::new(Timestamp::default(), 1).fresh(),
        account,
        key: "leaf".to_owned(),
        number: 1,
        yaml: format!("flow: leaf\n{head}  a: {{ reply: From the leaf, next: end }}\n"),
        file: None,
        published_by: String::new(),
        published_at: Timestamp::default(),
    }];
    let over = format!(
        "flow: over\n{head}  a: {{ goto: leaf }}\ntests:\n  - name: t\n    \
         sms: {{ from: \"+12025550143\", to: \"+12025550100\", text: hm }}\n    \
         script: [{{ receives: From the leaf }}]\n    expect: {{}}\n"
    );
    let folder = with("over.yaml", &over);
    let (code, shown) = run(folder.path(), Some(&known), None);
    assert_eq!(code, 0, "{shown}");
    known.published.clear();
    let (code, shown) = run(folder.path(), Some(&known), None);
    assert!(code == 1, "{shown}");
}
