//! The shape of the source tree: who may import whom, where time and chance come from, how long a file may be.
//!
//! The table of imports is read from the first lines of `src/lib.rs`, so that there is one list, for people and
//! for this test.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Lines of a source file; past them there are usually two things in one.
const FILE_LINES_MAX: usize = 600;
/// The clock and chance; only `ambient` asks for them.
const AMBIENT: &[&str] = &[
    "SystemTime::now",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
    "Uuid::now_v7",
    "Uuid::new_v4",
    "rand::fill",
    "SystemRandom",
];
/// What is not finished or not meant to stay.
const UNFINISHED: &[&str] = &[
    "todo!(",
    "unimplemented!(",
    "dbg!(",
    ".unwrap()",
    "TODO",
    "FIXME",
];
/// Made only where somebody has the store itself in hand.
const OPERATOR: &[&str] = &["::of_operator("];
/// Layers that decide: plain functions, so that a turn can be replayed.
const PURE: &[&str] = &["model", "flow", "inbox", "policy", "carrier", "decide"];
const WAITING: &[&str] = &["async fn", "async move", ".await", "tokio::"];

/// A file of `src/`, without its tests and comments.
struct Source {
    path: PathBuf,
    layer: String,
    /// How many modules deep it is: `src/limits.rs` is 1.
    depth: usize,
    lines: Vec<(usize, String)>,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let entries = std::fs::read_dir(folder).unwrap();
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The modules that a file declares for tests only, as paths without their ending.
fn test_modules(path: &Path) -> Vec<PathBuf> {
    let text = std::fs::read_to_string(path).unwrap();
    let stem = path.file_stem().unwrap();
    let folder = match stem.to_str() {
        Some("mod" | "lib" | "main") => path.parent().unwrap().to_owned(),
        _ => path.with_extension(""),
    };
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let pairs = lines.windows(2).filter(|pair| pair[0] == "#[cfg(test)]");
    let names = pairs.filter_map(|pair| pair[1].strip_suffix(';')?.split("mod ").nth(1));
    names.map(|name| folder.join(name)).collect()
}

fn sources() -> Vec<Source> {
    let src = root().join("src");
    let files = rust_files(&src);
    let tests: Vec<PathBuf> = files.iter().flat_map(|path| test_modules(path)).collect();
    let read = |path: PathBuf| {
        let inner = path.strip_prefix(&src).unwrap().with_extension("");
        let mut parts: Vec<_> = inner
            .iter()
            .map(|part| part.to_string_lossy().into_owned())
            .collect();
        if parts.last().is_some_and(|last| last == "mod") {
            parts.pop();
        }
        let is_test = tests
            .iter()
            .any(|test| path.with_extension("") == *test || path.starts_with(test));
        let text = std::fs::read_to_string(&path).unwrap();
        (!is_test).then(|| Source {
            path: path.strip_prefix(root()).unwrap().to_owned(),
            layer: parts[0].clone(),
            depth: parts.len(),
            lines: production(&text),
        })
    };
    files.into_iter().filter_map(read).collect()
}

/// The numbered lines that are neither comments nor inside an item marked `#[cfg(test)]`.
fn production(text: &str) -> Vec<(usize, String)> {
    let (mut lines, mut skipped) = (Vec::new(), None::<(usize, bool)>);
    for (n, line) in text.lines().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let bare = line.trim();
        match skipped {
            // The item's own line, then all that is indented deeper, until its closing brace.
            Some((_, false)) if bare.starts_with("#[") => {}
            Some((_, false)) if bare.ends_with(';') || bare.ends_with('}') => skipped = None,
            Some((at, false)) => skipped = Some((at, true)),
            Some((at, true)) if indent <= at && bare.starts_with('}') => skipped = None,
            Some(_) => {}
            None if bare.starts_with("#[cfg(test)]") => skipped = Some((indent, false)),
            None if bare.starts_with("//") => {}
            None => lines.push((n + 1, line.to_owned())),
        }
    }
    lines
}

/// Layer → the layers it may import, from the table in `src/lib.rs`.
fn table() -> BTreeMap<String, Vec<String>> {
    let text = std::fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let rows = text
        .lines()
        .filter_map(|line| line.strip_prefix("//! | "))
        .skip(1);
    let mut table = BTreeMap::new();
    for row in rows {
        let (layers, allowed) = row.split_once('|').unwrap();
        let allowed: Vec<String> = allowed
            .trim_matches([' ', '|'])
            .split_whitespace()
            .map(str::to_owned)
            .collect();
        for layer in layers.split(',').map(str::trim) {
            table.insert(layer.to_owned(), allowed.clone());
        }
    }
    table
}

/// The names that follow `crate::` in a text, those in braces included.
fn imported(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in text.match_indices("crate::") {
        let before = text[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '$') {
            continue;
        }
        let rest = &text[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            Some(list) => names.extend(first_names(list)),
            None => names.push(name(rest)),
        }
    }
    names
}

/// The first name of each entry of `{a::b, c::{d, e}, f}`, after the brace.
fn first_names(list: &str) -> Vec<String> {
    let (mut names, mut depth, mut begins) = (Vec::new(), 1, true);
    for (at, letter) in list.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => begins = true,
            c if begins && !c.is_whitespace() => {
                names.push(name(&list[at..]));
                begins = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    names
}

fn name(text: &str) -> String {
    text.chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect()
}

/// Shows all breaches at once.
fn none(breaches: Vec<String>) {
    assert!(breaches.is_empty(), "\n{}\n", breaches.join("\n"));
}

#[test]
fn layers_import_only_what_the_table_allows() {
    let table = table();
    assert!(
        table.len() > 15,
        "the table in src/lib.rs is read: {table:?}"
    );
    let mut breaches = Vec::new();
    for source in sources() {
        let (layer, shown) = (&source.layer, source.path.display());
        if matches!(layer.as_str(), "lib" | "main") {
            continue;
        }
        let Some(allowed) = table.get(layer) else {
            breaches.push(format!(
                "{shown}: the layer {layer} is not in the table of src/lib.rs"
            ));
            continue;
        };
        // Imports are joined over lines, because a list in braces may span many.
        let text: String = source
            .lines
            .iter()
            .map(|(_, line)| format!("{line}\n"))
            .collect();
        for name in imported(&text) {
            let known = table.contains_key(&name);
            if known && name != *layer && !allowed.contains(&name) {
                breaches.push(format!("{shown}: {layer} may not import {name}"));
            }
        }
        // A chain of `super::` that leaves the layer is an import as well.
        let chain = "super::".repeat(source.depth);
        for other in table.keys() {
            if text.contains(&format!("{chain}{other}::"))
                && !text.contains(&format!("super::{chain}{other}::"))
            {
                breaches.push(format!("{shown}: write crate::{other} for {chain}{other}"));
            }
        }
    }
    none(breaches);
}

#[test]
fn time_and_chance_come_from_one_place() {
    none(found(AMBIENT, |source| source.layer != "ambient"));
}

#[test]
fn what_decides_does_not_wait() {
    none(found(WAITING, |source| {
        PURE.contains(&source.layer.as_str())
    }));
}

#[test]
fn only_the_command_line_reaches_into_any_account() {
    none(found(OPERATOR, |source| source.layer != "cli"));
}

#[test]
fn nothing_is_left_unfinished() {
    none(found(UNFINISHED, |_| true));
}

fn found(words: &[&str], judged: impl Fn(&Source) -> bool) -> Vec<String> {
    let mut breaches = Vec::new();
    for source in sources().iter().filter(|source| judged(source)) {
        for (n, line) in &source.lines {
            for word in words.iter().filter(|word| line.contains(**word)) {
                breaches.push(format!("{}:{n}: {word}", source.path.display()));
            }
        }
    }
    breaches
}

#[test]
fn files_have_one_thing_in_them() {
    let mut breaches = Vec::new();
    for path in rust_files(&root().join("src")) {
        let lines = std::fs::read_to_string(&path).unwrap().lines().count();
        if lines > FILE_LINES_MAX {
            let shown = path.strip_prefix(root()).unwrap().display();
            breaches.push(format!(
                "{shown}: {lines} lines, more than {FILE_LINES_MAX}"
            ));
        }
    }
    none(breaches);
}

#[test]
fn this_test_sees_what_it_looks_for() {
    let text = "use crate::model::X;\nuse crate::{flow::{A, B}, net, store as s};\nlet x = crate::limits::y();\n$crate::no";
    assert_eq!(imported(text), ["model", "flow", "net", "store", "limits"]);
    let text = "a\n// b\n#[cfg(test)]\nmod tests {\n    c\n}\nd\n#[cfg(test)]\nmod tests;\ne\n#[cfg(test)]\n#[path = \"x\"]\nmod f;\ng";
    let kept: Vec<_> = production(text).into_iter().map(|(_, line)| line).collect();
    assert_eq!(kept, ["a", "d", "e", "g"]);
}
