//! What the pages say is so: every command they show exists and takes these arguments, those in blocks marked
//! `sh run` are carried out and print what stands below them, and files and tests they name are there.

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use signalbox::cli::Cli;

/// Pages of the root, besides everything in `docs/`.
const PAGES: &[&str] = &[
    "README.md",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
];
/// Files that show commands in their comments.
const COMMENTED: &[&str] = &[
    "config/signalbox.yaml",
    "config/organisation.yaml",
    "config/demo.yaml",
    "systemd/signalbox.service",
];
/// Folders whose files pages may name; such a name must be of one that is there.
const FOLDERS: &[&str] = &[
    "src/", "tests/", "docs/", "config/", "flows/", "systemd/", "benches/",
];
/// What a block that is run may need besides the files of the tree.
const SECRETS: &[(&str, &str)] = &[("TWILIO_AUTH_TOKEN", "any")];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// A page and its text.
struct Page {
    name: String,
    text: String,
}

fn pages() -> Vec<Page> {
    let mut paths: Vec<PathBuf> = PAGES.iter().map(|name| root().join(name)).collect();
    collect(&root().join("docs"), &mut paths);
    let read = |path: &PathBuf| Page {
        name: path.strip_prefix(root()).unwrap().display().to_string(),
        text: std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{path:?}: {error}")),
    };
    paths.iter().map(read).collect()
}

fn collect(folder: &Path, into: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).unwrap();
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            collect(&path, into);
        } else if path.extension().is_some_and(|ending| ending == "md") {
            into.push(path);
        }
    }
    into.sort();
}

/// A fenced block: what stands behind the fence, its text, and the line it begins at.
struct Block {
    info: String,
    text: String,
    line: usize,
}

fn blocks(page: &Page) -> Vec<Block> {
    let (mut found, mut open) = (Vec::new(), None::<Block>);
    for (n, line) in page.text.lines().enumerate() {
        match (&mut open, line.trim_start().strip_prefix("```")) {
            (None, Some(info)) => {
                open = Some(Block {
                    info: info.to_owned(),
                    text: String::new(),
                    line: n + 1,
                });
            }
            (Some(_), Some(_)) => found.extend(open.take()),
            (Some(block), None) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "{}: a block is not closed", page.name);
    found
}

/// What stands in single backquotes outside of fenced blocks.
fn quoted(page: &Page) -> Vec<String> {
    let (mut fenced, mut prose) = (false, String::new());
    for line in page.text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            prose.push_str(line);
            prose.push('\n');
        }
    }
    let parts = prose.split('`').skip(1).step_by(2);
    parts
        .map(|part| part.replace('\n', " "))
        .filter(|part| !part.is_empty())
        .collect()
}

/// The arguments of `signalbox` in a line of a shell, if the line calls it.
fn called(line: &str) -> Option<Vec<String>> {
    let line = line.trim().trim_start_matches("$ ");
    let mut words = words(line).into_iter().peekable();
    while words.peek().is_some_and(|word| is_assignment(word)) {
        words.next();
    }
    // A unit's setting is no call, even when its path ends like one.
    let program = words.next().filter(|word| !word.contains('='))?;
    let mut rest: Vec<String> = words.collect();
    match program.rsplit('/').next()? {
        "signalbox" => {}
        "cargo" if rest.first().is_some_and(|word| word == "run") => {
            let at = rest.iter().position(|word| word == "--")?;
            rest.drain(..=at);
        }
        _ => return None,
    }
    rest.insert(0, "signalbox".to_owned());
    Some(rest)
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase() || c == '_')
    })
}

/// The words of a shell line up to a comment, a redirection or a pipe; quotes hold words together.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote, mut begun) = (Vec::new(), String::new(), None, false);
    for letter in line.chars() {
        match quote {
            Some(mark) if letter == mark => quote = None,
            Some(_) => word.push(letter),
            None if matches!(letter, '"' | '\'') => (quote, begun) = (Some(letter), true),
            None if letter.is_whitespace() => {
                if begun {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            None if !begun && matches!(letter, '#' | '<' | '>' | '|') => return words,
            None => {
                word.push(letter);
                begun = true;
            }
        }
    }
    if begun {
        words.push(word);
    }
    words
}

/// What the program thinks of these arguments; `None`: it takes them.
fn refusal(arguments: &[String], whole: bool) -> Option<String> {
    let Err(error) = Cli::try_parse_from(arguments) else {
        return None;
    };
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => None,
        // In a sentence, a command may be named without what it needs.
        ErrorKind::MissingRequiredArgument
        | ErrorKind::MissingSubcommand
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
            if !whole =>
        {
            None
        }
        _ => Some(format!("{}: {error}", arguments.join(" "))),
    }
}

/// Lines of a shell block, those that end in a backslash joined.
fn lines(text: &str) -> Vec<String> {
    let joined = text.replace("\\\n", " ");
    joined.lines().map(str::to_owned).collect()
}

/// Shows all breaches at once.
fn none(breaches: Vec<String>) {
    assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
}

#[test]
fn commands_on_pages_exist() {
    let (mut breaches, mut seen) = (Vec::new(), 0);
    for page in pages() {
        let shells = blocks(&page)
            .into_iter()
            .filter(|block| block.info.starts_with("sh"));
        let shown = shells.flat_map(|block| lines(&block.text));
        let sentences = quoted(&page)
            .into_iter()
            .filter(|part| part.starts_with("signalbox "));
        let all = shown
            .map(|line| (line, true))
            .chain(sentences.map(|part| (part, false)));
        for (line, whole) in all {
            let Some(arguments) = called(&line) else {
                continue;
            };
            seen += 1;
            let wrong = refusal(&arguments, whole);
            breaches.extend(wrong.map(|words| format!("{}: {words}", page.name)));
        }
    }
    none(breaches);
    assert!(seen > 20, "commands are found: {seen}");
}

#[test]
fn commands_in_comments_exist() {
    let (mut breaches, mut seen) = (Vec::new(), 0);
    for file in COMMENTED {
        let text = std::fs::read_to_string(root().join(file)).unwrap();
        for line in text.lines() {
            let line = line.trim_start_matches(['#', ' ']);
            // Behind two blanks stands what the command does.
            let line = line.strip_prefix("ExecStart=").unwrap_or(line);
            let line = line.split("   ").next().unwrap_or(line);
            if let Some(arguments) = called(line) {
                seen += 1;
                breaches.extend(refusal(&arguments, true).map(|words| format!("{file}: {words}")));
            }
        }
    }
    none(breaches);
    assert!(seen >= 4, "commands are found: {seen}");
}

/// The help of every command, its own name first.
fn helps(command: &clap::Command, path: &str, into: &mut Vec<(String, String)>) {
    let help = command.get_long_about().or(command.get_about());
    into.push((
        path.to_owned(),
        help.map(ToString::to_string).unwrap_or_default(),
    ));
    for inner in command.get_subcommands() {
        helps(inner, &format!("{path} {}", inner.get_name()), into);
    }
}

#[test]
fn every_command_says_what_it_does_and_its_example_is_right() {
    let (mut all, mut breaches) = (Vec::new(), Vec::new());
    helps(&Cli::command(), "signalbox", &mut all);
    for (path, help) in all {
        if help.is_empty() {
            breaches.push(format!("{path}: no help"));
        }
        let Some((_, example)) = help.split_once("Example: ") else {
            continue;
        };
        let line = example.split("\n\n").next().unwrap().replace('\n', " ");
        match called(&line) {
            Some(arguments) => {
                breaches.extend(refusal(&arguments, true).map(|words| format!("{path}: {words}")));
            }
            None => breaches.push(format!("{path}: the example calls something else: {line}")),
        }
    }
    none(breaches);
}

/// A folder like a fresh clone, with nothing built and nothing kept.
fn workplace() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["config", "flows", "src", "systemd"] {
        std::os::unix::fs::symlink(root().join(name), folder.path().join(name)).unwrap();
    }
    folder
}

#[test]
fn marked_blocks_do_what_the_page_says() {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_signalbox"));
    let path = format!(
        "{}:{}",
        program.parent().unwrap().display(),
        std::env::var("PATH").unwrap()
    );
    let mut seen = 0;
    for page in pages() {
        let folder = workplace();
        let blocks = blocks(&page);
        for (at, block) in blocks.iter().enumerate() {
            if !block.info.starts_with("sh run") {
                continue;
            }
            seen += 1;
            let place = format!("{}:{}", page.name, block.line);
            let done = Command::new("bash")
                .args(["-euc", &block.text])
                .current_dir(folder.path())
                .env("PATH", &path)
                .envs(SECRETS.iter().copied())
                .output()
                .unwrap();
            let printed = String::from_utf8_lossy(&done.stdout).into_owned()
                + &String::from_utf8_lossy(&done.stderr);
            let expected = i32::from(block.info == "sh run fails");
            assert_eq!(done.status.code(), Some(expected), "{place}: {printed}");
            let below = blocks.get(at + 1).filter(|next| next.info == "text");
            if let Some(missing) = below.and_then(|next| missing(&next.text, &printed)) {
                panic!("{place}: not printed: {missing}\nprinted was:\n{printed}");
            }
        }
    }
    assert!(seen >= 5, "blocks are found: {seen}");
}

/// The first of the expected lines that was not printed in this order; `…` stands for anything.
fn missing(expected: &str, printed: &str) -> Option<String> {
    let mut rest = printed.lines();
    for line in expected.lines().filter(|line| line.trim() != "…") {
        let parts: Vec<&str> = line.split('…').collect();
        if !rest.any(|printed| matches(&parts, printed)) {
            return Some(line.to_owned());
        }
    }
    None
}

fn matches(parts: &[&str], line: &str) -> bool {
    let mut rest = line;
    for (at, part) in parts.iter().enumerate() {
        let part = part.trim();
        match rest.find(part) {
            Some(found) if at > 0 || rest[..found].trim().is_empty() => {
                rest = &rest[found + part.len()..];
            }
            _ => return false,
        }
    }
    parts.len() > 1 || rest.trim().is_empty()
}

/// A path as pages write it, with or without a line's or a function's name behind it.
fn named(part: &str) -> Option<(&str, Option<&str>)> {
    let (path, function) = match part.split_once("::") {
        Some((path, function)) => (path, Some(function)),
        None => (part, None),
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    let is_one = FOLDERS.iter().any(|folder| path.starts_with(folder));
    (is_one && path.chars().all(plain)).then_some((path, function))
}

#[test]
fn files_and_tests_named_on_pages_are_there() {
    let (mut breaches, mut seen) = (Vec::new(), 0);
    for page in pages() {
        let inline = quoted(&page);
        for (path, function) in inline.iter().filter_map(|part| named(part)) {
            seen += 1;
            let Ok(found) = std::fs::metadata(root().join(path)) else {
                breaches.push(format!("{}: {path} is not there", page.name));
                continue;
            };
            let Some(function) = function else { continue };
            let text = match found.is_file() {
                true => std::fs::read_to_string(root().join(path)).unwrap(),
                false => String::new(),
            };
            // A test that runs on every database is a module of that name around a function of the same.
            if !text.contains(&format!("fn {function}(")) {
                breaches.push(format!("{}: {path} has no {function}", page.name));
            }
        }
    }
    none(breaches);
    assert!(seen > 40, "names are found: {seen}");
}

#[test]
fn links_between_pages_lead_somewhere() {
    let (mut breaches, mut seen) = (Vec::new(), 0);
    for page in pages() {
        let folder = root().join(&page.name).parent().unwrap().to_owned();
        let targets = page
            .text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split_once(')'));
        for (target, _) in targets {
            let file = target.split('#').next().unwrap_or_default();
            if file.is_empty() || file.contains("://") {
                continue;
            }
            seen += 1;
            if !folder.join(file).exists() {
                breaches.push(format!("{}: {target} leads nowhere", page.name));
            }
        }
    }
    none(breaches);
    assert!(seen > 10, "links are found: {seen}");
}

/// The page that holds the reference of the language.
const REFERENCE: &str = "docs/flows.md";

/// The text between the marks of a part, and where it begins.
fn between<'t>(page: &'t str, name: &str) -> Option<(usize, &'t str)> {
    let begin = format!("<!-- generated: {name} -->\n");
    let at = page.find(&begin)? + begin.len();
    let end = page[at..].find(&format!("<!-- end: {name} -->\n"))?;
    Some((at, &page[at..at + end]))
}

/// `UPDATE_DOCS=1 cargo test --test docs reference` writes the parts of the page anew.
#[test]
fn the_reference_is_what_the_code_says() {
    const HOW: &str = "UPDATE_DOCS=1 cargo test --test docs reference";
    let path = root().join(REFERENCE);
    let mut page = std::fs::read_to_string(&path).unwrap();
    let parts = signalbox::flow::reference();
    let mut breaches = Vec::new();
    for part in &parts {
        let name = &part.name;
        let Some((at, held)) = between(&page, name) else {
            breaches.push(format!(
                "{REFERENCE} lacks `{name}`: put <!-- generated: {name} --> and, on the next line, <!-- end: {name} --> \
                 where it belongs, then {HOW}"
            ));
            continue;
        };
        if held == part.text {
            continue;
        }
        if std::env::var_os("UPDATE_DOCS").is_some() {
            page.replace_range(at..at + held.len(), &part.text);
        } else {
            breaches.push(format!(
                "{REFERENCE}, `{name}` is not as the code says: {HOW}"
            ));
        }
    }
    let marks = page.matches("<!-- generated: ").count();
    if marks > parts.len() {
        breaches.push(format!("{REFERENCE} has marks of parts that there are not"));
    }
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, page).unwrap();
    }
    none(breaches);
    assert!(parts.len() > 30, "parts are found: {}", parts.len());
}

/// The flows that a page shows, each in a file of its own.
fn examples(page: &Page) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for block in blocks(page).iter().filter(|block| block.info == "yaml") {
        let name = format!("line-{}.yaml", block.line);
        std::fs::write(folder.path().join(name), &block.text).unwrap();
    }
    folder
}

#[test]
fn the_tests_in_examples_hold() {
    let page = pages()
        .into_iter()
        .find(|page| page.name == REFERENCE)
        .unwrap();
    let folder = examples(&page);
    // An example may go on in a shipped flow.
    for entry in std::fs::read_dir(root().join("flows")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "yaml") {
            std::fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    let done = Command::new(env!("CARGO_BIN_EXE_signalbox"))
        .args(["flow", "test", "--organisation"])
        .arg(root().join("config/organisation.yaml"))
        .arg(folder.path())
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&done.stdout);
    assert!(
        done.status.success(),
        "{printed}{}",
        String::from_utf8_lossy(&done.stderr)
    );
    assert!(
        printed.contains("a skipped opening time means the jump"),
        "{printed}"
    );
}

/// The words of a page's headings, as links to them are spelled.
fn anchors(page: &Page) -> Vec<String> {
    let lines = page.text.lines();
    let headings = lines.filter_map(|line| {
        line.trim_start_matches('#')
            .strip_prefix(' ')
            .filter(|_| line.starts_with('#'))
    });
    let anchor = |words: &str| {
        let kept = words
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.collect::<String>().to_lowercase().replace(' ', "-")
    };
    headings.map(anchor).collect()
}

#[test]
fn links_inside_a_page_lead_to_a_heading() {
    let (mut breaches, mut seen) = (Vec::new(), 0);
    for page in pages() {
        let known = anchors(&page);
        for rest in page.text.split("](#").skip(1) {
            seen += 1;
            let target = rest.split(')').next().unwrap_or_default();
            if !known.iter().any(|anchor| anchor == target) {
                breaches.push(format!("{}: no heading #{target}", page.name));
            }
        }
    }
    none(breaches);
    assert!(seen > 30, "links are found: {seen}");
}

#[test]
fn this_test_sees_what_it_looks_for() {
    let line = r#"TOKEN="a b" signalbox doctor signature 'x y' --json # why"#;
    assert_eq!(
        called(line).unwrap(),
        ["signalbox", "doctor", "signature", "x y", "--json"]
    );
    assert_eq!(called("cargo run --release -- demo").unwrap()[1], "demo");
    assert_eq!(called("cargo test"), None);
    assert!(refusal(&called("signalbox no-such-thing").unwrap(), false).is_some());
    assert!(refusal(&called("signalbox apply").unwrap(), true).is_some());
    assert!(refusal(&called("signalbox apply").unwrap(), false).is_none());
    assert_eq!(missing("a … c\n…\ne\n", "a b c\nd\ne\n"), None);
    assert_eq!(missing("e\na\n", "a\ne\n"), Some("a".to_owned()));
    assert_eq!(named("src/lib.rs::run"), Some(("src/lib.rs", Some("run"))));
    assert_eq!(named("src/<layer>/mod.rs"), None);
    let page = Page {
        name: String::new(),
        text: "a `b` c\n```sh run\n`d`\n```\n`e`\n".to_owned(),
    };
    assert_eq!(quoted(&page), ["b", "e"]);
    assert_eq!(blocks(&page)[0].text, "`d`\n");
}
