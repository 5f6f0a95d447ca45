//! Whether the flows of a folder may be published: they are sound, and their tests pass.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::decide::trial::{self, Ground};
use crate::decide::{Flows, World};
use crate::flow::{self, Checked, DirectoryNames, Flow, FlowName, Together};
use crate::model::directory::Directory;
use crate::model::http::HttpRules;
use crate::model::{Ids, Timestamp};
use crate::store::FlowRevision;

/// Where the tests of flows are played: the organisation with these flows as if they were published. Of several that
/// have one name the last one counts.
pub fn ground(directory: &Directory, flows: &[&Flow]) -> Ground {
    let mut ids = Ids::new(Timestamp::default(), 3);
    let mut published = Flows::default();
    for flow in flows {
        if let Some(account) = directory.account_by_key(&flow.account) {
            let flow = Arc::new((*flow).clone());
            published.insert(account.id, ids.fresh(), flow, true);
        }
    }
    let world = World {
        flows: Arc::new(published),
        directory: Arc::new(directory.clone()),
        ..crate::daemon::world_without_config(directory)
    };
    Ground { world }
}

/// The tests of a flow that fail, each with its line and name.
pub fn failed_tests(ground: &Ground, checked: &Checked) -> Vec<(u32, String)> {
    let played = trial::play(ground, checked).tests.into_iter();
    let failed = played.filter(|test| test.failed.is_some());
    failed.map(|test| (test.line, test.name)).collect()
}

/// What is in the files of a folder, or why it is not published. Tests are played only of what would be published, and
/// of what leads there.
pub(super) fn judged(
    directory: &Directory,
    http: &HttpRules,
    active: &[FlowRevision],
    sources: &[(PathBuf, String)],
) -> Vec<Result<Flow, String>> {
    let names = DirectoryNames::new(directory, known(active, sources)).with_http(http.clone());
    let files: Vec<String> = sources
        .iter()
        .map(|(file, _)| file.display().to_string())
        .collect();
    let texts = files.iter().zip(sources);
    let of_files = texts
        .clone()
        .map(|(file, (_, text))| (file.as_str(), text.as_str()));
    let published = active.iter().map(|row| ("", row.yaml.as_str()));
    let together = Together::of(published.chain(of_files));
    let check = |(file, (_, text)): (&String, &(PathBuf, String))| {
        let checked = flow::check(file, text, &names).and_then(|checked| {
            let circle = together.circle(&checked.flow.account, &checked.flow.key);
            circle.map_or(Ok(checked), |fault| Err(vec![fault]))
        });
        checked.map_err(|faults| super::places(&faults))
    };
    let checked: Vec<Result<Checked, String>> = texts.map(check).collect();
    let sound: Vec<&Flow> = checked.iter().flatten().map(|one| &one.flow).collect();
    // What is not in the folder, or not sound there, goes on as it is.
    let others: Vec<Arc<Flow>> = active
        .iter()
        .filter(|row| {
            let replaces = |flow: &&Flow| is_of(directory, row, &flow.account, &flow.key);
            !sound.iter().any(replaces)
        })
        .filter_map(|row| Flows::read(directory, &row.key, &row.yaml).ok())
        .collect();
    let all: Vec<&Flow> = others.iter().map(Arc::as_ref).chain(sound).collect();
    let ground = ground(directory, &all);
    let played = to_play(directory, active, sources, &checked);
    let files = checked.into_iter().zip(sources).zip(played);
    files
        .map(|((checked, (file, _)), play)| {
            let checked = checked?;
            if play {
                tried(&ground, file, &checked)?;
            }
            Ok(checked.flow)
        })
        .collect()
}

/// The flows that there are: those of the folder, and those that are active beside them.
fn known(active: &[FlowRevision], sources: &[(PathBuf, String)]) -> Vec<FlowName> {
    let of_files = sources.iter().filter_map(|(_, text)| flow::name_of(text));
    let mut known: Vec<FlowName> = of_files.collect();
    for name in active
        .iter()
        .filter_map(|row| flow::published_name_of(&row.yaml))
    {
        let is_other = |have: &FlowName| (&have.account, &have.flow) != (&name.account, &name.flow);
        if known.iter().all(is_other) {
            known.push(name);
        }
    }
    known
}

fn is_of(directory: &Directory, row: &FlowRevision, account: &str, key: &str) -> bool {
    let owner = directory.account(row.account);
    row.key == key && owner.is_some_and(|owner| owner.key == account)
}

/// Of each file whether its tests are played: it says something else than what is active, or leads to a flow that
/// does.
fn to_play(
    directory: &Directory,
    active: &[FlowRevision],
    sources: &[(PathBuf, String)],
    checked: &[Result<Checked, String>],
) -> Vec<bool> {
    let texts: BTreeMap<(&str, &str), &str> = active
        .iter()
        .filter_map(|row| {
            let account = directory.account(row.account)?;
            Some(((account.key.as_str(), row.key.as_str()), row.yaml.as_str()))
        })
        .collect();
    let is_new = |(checked, (_, text)): (&Result<Checked, String>, &(PathBuf, String))| {
        let flow = checked.as_ref().ok().map(|checked| &checked.flow);
        flow.is_some_and(|flow| texts.get(&name(flow)) != Some(&text.as_str()))
    };
    let mut play: Vec<bool> = checked.iter().zip(sources).map(is_new).collect();
    loop {
        let flows = || {
            checked
                .iter()
                .map(|one| one.as_ref().ok().map(|one| &one.flow))
        };
        let changed = flows().zip(&play).filter(|(_, play)| **play);
        let changed: BTreeSet<_> = changed.filter_map(|(flow, _)| flow.map(name)).collect();
        let leads = |flow: &Flow| {
            let mut to = flow.leads_to();
            to.any(|key| changed.contains(&(flow.account.as_str(), key)))
        };
        let next: Vec<bool> = flows()
            .zip(&play)
            .map(|(flow, play)| *play || flow.is_some_and(leads))
            .collect();
        if next == play {
            return play;
        }
        play = next;
    }
}

/// Account and key.
fn name(flow: &Flow) -> (&str, &str) {
    (&flow.account, &flow.key)
}

/// Plays the tests of one file.
fn tried(ground: &Ground, file: &Path, checked: &Checked) -> Result<(), String> {
    // What a test is called may hold anything, and this is logged; `signalbox flow test` shows it.
    let place = |(line, _)| format!("{}:{line}: a test fails", file.display());
    // One flow's misfortune is none of the others'.
    let played = catch_unwind(AssertUnwindSafe(|| failed_tests(ground, checked)));
    let failed = played.map_err(|_| format!("{}: its tests broke off", file.display()))?;
    let failed: Vec<String> = failed.into_iter().map(place).collect();
    match failed.is_empty() {
        true => Ok(()),
        false => Err(failed.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::NoNames;

    /// A flow that says words, or leads to others; its test wants to hear `hears`.
    fn source(key: &str, steps: &str, hears: &str) -> String {
        format!(
            "flow: {key}\naccount: clinic\non: call\nsteps:\n{steps}tests:\n  - name: t\n    \
             call: {{ from: \"+12025550143\", to: \"+12025550100\" }}\n    \
             script: [{{ hears: {hears} }}]\n    expect: {{}}\n"
        )
    }

    fn says(key: &str, words: &str, hears: &str) -> String {
        source(
            key,
            &format!("  a:\n    say: {words}\n    next: end\n"),
            hears,
        )
    }

    fn leads(key: &str, step: &str, hears: &str) -> String {
        source(key, &format!("  a:\n    {step}\n"), hears)
    }

    /// An organisation made up from these flows, with some of them active; what becomes of the others as files.
    fn check(active: &[String], files: &[String], expected: &[&str]) {
        let check = |text: &String| flow::check("f", text, &NoNames).unwrap();
        let all: Vec<Checked> = active.iter().chain(files).map(check).collect();
        let directory = trial::made_up(&all.iter().collect::<Vec<_>>());
        let account = directory.account_by_key("clinic").unwrap().id;
        let row = |yaml: &String| FlowRevision {
            id: Ids::new(Timestamp::default(), 9).fresh(),
            account,
            key: check(yaml).flow.key,
            number: 1,
            yaml: yaml.clone(),
            file: None,
            published_by: String::new(),
            published_at: Timestamp::default(),
        };
        let active: Vec<FlowRevision> = active.iter().map(row).collect();
        let file = |text: &String| (PathBuf::from("f"), text.clone());
        let sources: Vec<_> = files.iter().map(file).collect();
        let found = judged(&directory, &HttpRules::default(), &active, &sources);
        let told =
            |one: &Result<Flow, String>| one.as_ref().map_or_else(String::clone, |_| "ok".into());
        let found: Vec<String> = found.iter().map(told).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn only_what_changed_is_tried_and_what_leads_there() {
        // The test of `wrong` fails; it was published in another time, and is not played again.
        let wrong = says("wrong", "One", "Two");
        let broken = "f:9: a test fails";
        check(&[], std::slice::from_ref(&wrong), &[broken]);
        check(
            std::slice::from_ref(&wrong),
            std::slice::from_ref(&wrong),
            &["ok"],
        );
        let over = leads("over", "goto: leaf", "One");
        let part = leads("part", "{ call: over, next: end }", "One");
        let leaf = says("leaf", "One", "One");
        let before = [wrong.clone(), over.clone(), part.clone(), leaf.clone()];
        check(&before, &before, &["ok"; 4]);
        let changed = says("leaf", "Two", "Two");
        let now = [wrong, over, part, changed];
        check(
            &before,
            &now,
            &["ok", "f:8: a test fails", "f:8: a test fails", "ok"],
        );
    }

    #[test]
    fn what_leads_round_with_an_active_flow_is_refused() {
        let over = leads("over", "goto: leaf", "One");
        let back = leads("leaf", "goto: over", "One");
        let before = [over.clone(), says("leaf", "One", "One")];
        check(&before, std::slice::from_ref(&back), &["f:6:11: flow-loop"]);
        let both = ["f:6:11: flow-loop", "f:6:11: flow-loop"];
        check(&[], &[over, back], &both);
    }

    #[test]
    fn what_an_active_flow_leads_to_stays_of_its_kind() {
        let before = [
            leads("over", "goto: leaf", "One"),
            says("leaf", "One", "One"),
        ];
        let text =
            "flow: leaf\naccount: clinic\non: sms\nsteps:\n  a:\n    reply: One\n    next: end\n";
        check(&before, &[text.to_owned()], &["f:3:5: wrong-kind"]);
    }

    #[test]
    fn a_flow_that_is_active_and_in_no_file_is_there() {
        let over = leads("over", "goto: leaf", "One");
        check(&[says("leaf", "One", "One")], &[over], &["ok"]);
    }
}
