//! Whether the flows of a folder may be published: they are sound, and their tests pass.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;

use crate::decide::trial::{self, Ground};
use crate::decide::{Flows, World};
use crate::flow::{self, Checked, DirectoryNames, Flow, NoNames, Together};
use crate::model::directory::Directory;
use crate::model::http::HttpRules;
use crate::model::{Ids, Timestamp};
use crate::store::FlowRevision;

use super::ahead::Left;

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

/// The same beside the flows that are active, as far as none of these is in their place.
pub fn ground_beside<'f>(
    directory: &Directory,
    active: &[FlowRevision],
    flows: impl IntoIterator<Item = &'f Flow>,
) -> Ground {
    let flows: Vec<&Flow> = flows.into_iter().collect();
    let places: BTreeSet<(&str, &str)> = flows.iter().copied().map(name).collect();
    let stays = |row: &&FlowRevision| {
        let owner = directory.account(row.account);
        owner.is_some_and(|owner| !places.contains(&(owner.key.as_str(), row.key.as_str())))
    };
    let read = |row: &FlowRevision| Flows::read(directory, &row.yaml).ok();
    let others: Vec<Arc<Flow>> = active.iter().filter(stays).filter_map(read).collect();
    let all: Vec<&Flow> = others.iter().map(Arc::as_ref).chain(flows).collect();
    ground(directory, &all)
}

/// The tests of a flow that fail, each with its line and name.
pub fn failed_tests(ground: &Ground, checked: &Checked) -> Vec<(u32, String)> {
    let played = trial::play(ground, checked).tests.into_iter();
    let failed = played.filter(|test| test.failed.is_some());
    failed.map(|test| (test.line, test.name)).collect()
}

/// Rounds of judging what is left beside what stays; each one is for flows that lead to those that the one before refused.
const ROUNDS_MAX: usize = 20;

/// What is in files of a folder, or why it is not published: what is refused stays as it is active, and what leads
/// there is judged beside that. Tests are played only of what would be published, and of what leads there.
pub(super) fn judged(
    directory: &Directory,
    http: &HttpRules,
    active: &[FlowRevision],
    sources: &[&(PathBuf, String)],
) -> Vec<Result<Flow, Left>> {
    let files: Vec<(String, &str)> = sources
        .iter()
        .map(|(file, text)| (file.display().to_string(), text.as_str()))
        .collect();
    let texts: Vec<(&str, &str)> = files
        .iter()
        .map(|(file, text)| (file.as_str(), *text))
        .collect();
    let around = Beside {
        directory,
        http,
        active,
    };
    // What is wrong with a file by itself is so whatever becomes of the others.
    let mut all: Vec<Option<Result<Flow, String>>> = texts
        .iter()
        .map(|text| around.fault_by_itself(text).map(Err))
        .collect();
    for round in 0..=ROUNDS_MAX {
        if round == ROUNDS_MAX {
            refuse_what_leads_there(&texts, &mut all);
        }
        let refused = |place: &usize| matches!(all[*place], Some(Err(_)));
        let left: Vec<usize> = (0..texts.len()).filter(|place| !refused(place)).collect();
        let beside: Vec<(&str, &str)> = left.iter().map(|place| texts[*place]).collect();
        let found = around.judged(&beside);
        let is_settled = found.iter().all(Result::is_ok);
        let is_new = |place: &usize| !active.iter().any(|row| row.yaml == texts[*place].1);
        let mut ends = left.iter().zip(&found);
        let refuses_new = ends.any(|(place, found)| found.is_err() && is_new(place));
        for (place, found) in left.into_iter().zip(found) {
            // What is sound beside refused ones is judged again, and so is what is active: a new one may be why it fails.
            let is_refused = found.is_err() && (is_new(&place) || !refuses_new);
            all[place] = Some(found).filter(|_| is_settled || is_refused);
        }
        if is_settled {
            break;
        }
    }
    let files = all.into_iter().zip(&texts);
    let ends = files.map(|(found, (file, _))| {
        let unsettled = || Err(format!("{file}: other files are refused; mend those first"));
        found.unwrap_or_else(unsettled)
    });
    ends.map(|end| end.map_err(|words| ("refused", words)))
        .collect()
}

/// Refuses the flows that lead to refused ones, and those that lead to these, without another look.
fn refuse_what_leads_there(texts: &[(&str, &str)], all: &mut [Option<Result<Flow, String>>]) {
    let flows: Vec<Option<Flow>> = texts
        .iter()
        .map(|(_, text)| flow::read_published(text, &NoNames).ok())
        .collect();
    loop {
        let mut refused = BTreeSet::new();
        for (flow, end) in flows.iter().zip(all.iter()) {
            let flow = flow.as_ref().filter(|_| matches!(end, Some(Err(_))));
            refused.extend(flow.map(name));
        }
        let leads = |flow: &Flow| {
            let mut to = flow.leads_to();
            to.any(|key| refused.contains(&(flow.account.as_str(), key)))
        };
        let mut is_done = true;
        for ((flow, end), (file, _)) in flows.iter().zip(all.iter_mut()).zip(texts) {
            if end.is_none() && flow.as_ref().is_some_and(leads) {
                let words = format!("{file}: it leads to files that are refused; mend those first");
                *end = Some(Err(words));
                is_done = false;
            }
        }
        if is_done {
            return;
        }
    }
}

/// What flows are judged by.
struct Beside<'a> {
    directory: &'a Directory,
    http: &'a HttpRules,
    active: &'a [FlowRevision],
}

impl Beside<'_> {
    /// The places of what is wrong with a file, whatever other flows there are.
    fn fault_by_itself(&self, (file, text): &(&str, &str)) -> Option<String> {
        let names = DirectoryNames::new(self.directory, Vec::new()).with_http(self.http.clone());
        let faults = flow::check(file, text, &names).err()?;
        Some(super::places(&faults))
    }

    /// Each of these files as if all of them were published. Wrong names come before circles and those before tests that
    /// fail: these may be otherwise without the files that are refused for them.
    fn judged(&self, texts: &[(&str, &str)]) -> Vec<Result<Flow, String>> {
        let mut checked = self.checked(texts);
        if checked.iter().all(Result::is_ok) {
            checked = self.without_circles(texts, checked);
        }
        if checked.iter().any(Result::is_err) {
            let flow = |one: Result<Checked, String>| one.map(|one| one.flow);
            return checked.into_iter().map(flow).collect();
        }
        let sound = checked.iter().flatten().map(|one| &one.flow);
        let ground = ground_beside(self.directory, self.active, sound);
        let play = to_play(self.directory, self.active, texts, &checked);
        let files = checked.into_iter().zip(texts).zip(play);
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

    fn checked(&self, texts: &[(&str, &str)]) -> Vec<Result<Checked, String>> {
        let active = || self.active.iter().map(|row| row.yaml.as_str());
        let known = flow::known(texts.iter().map(|(_, text)| *text), active());
        let names = DirectoryNames::new(self.directory, known).with_http(self.http.clone());
        let check = |(file, text): &(&str, &str)| {
            flow::check(file, text, &names).map_err(|faults| super::places(&faults))
        };
        texts.iter().map(check).collect()
    }

    fn without_circles(
        &self,
        texts: &[(&str, &str)],
        checked: Vec<Result<Checked, String>>,
    ) -> Vec<Result<Checked, String>> {
        let published = self.active.iter().map(|row| row.yaml.as_str());
        let together = Together::beside(published, texts.iter().copied());
        let allow = |one| {
            let allowed = together.allow(one);
            allowed.map_err(|faults| super::places(&faults))
        };
        checked.into_iter().map(|one| one.and_then(allow)).collect()
    }
}

/// Of each file whether its tests are played: it says something else than what is active, or leads to a flow that
/// does.
fn to_play(
    directory: &Directory,
    active: &[FlowRevision],
    files: &[(&str, &str)],
    checked: &[Result<Checked, String>],
) -> Vec<bool> {
    let texts: BTreeMap<(&str, &str), &str> = active
        .iter()
        .filter_map(|row| {
            let account = directory.account(row.account)?;
            Some(((account.key.as_str(), row.key.as_str()), row.yaml.as_str()))
        })
        .collect();
    let is_new = |(checked, (_, text)): (&Result<Checked, String>, &(&str, &str))| {
        let flow = checked.as_ref().ok().map(|checked| &checked.flow);
        flow.is_some_and(|flow| texts.get(&name(flow)) != Some(text))
    };
    let mut play: Vec<bool> = checked.iter().zip(files).map(is_new).collect();
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
fn tried(ground: &Ground, file: &str, checked: &Checked) -> Result<(), String> {
    // What a test is called may hold anything, and this is logged; `signalbox flow test` shows it.
    let place = |(line, _)| format!("{file}:{line}: a test fails");
    // One flow's misfortune is none of the others'.
    let played = catch_unwind(AssertUnwindSafe(|| failed_tests(ground, checked)));
    let failed = played.map_err(|_| format!("{file}: its tests broke off"))?;
    let failed: Vec<String> = failed.into_iter().map(place).collect();
    match failed.is_empty() {
        true => Ok(()),
        false => Err(failed.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(found(active, files), expected);
    }

    fn found(active: &[String], files: &[String]) -> Vec<String> {
        let check = |text: &String| flow::check("f", text, &NoNames).unwrap();
        let sound = |text: &String| flow::check("f", text, &NoNames).ok();
        let all: Vec<Checked> = active.iter().chain(files).filter_map(sound).collect();
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
        let sources: Vec<_> = sources.iter().collect();
        let found = judged(&directory, &HttpRules::default(), &active, &sources);
        let told = |one: Result<Flow, Left>| one.map_or_else(|(_, words)| words, |_| "ok".into());
        found.into_iter().map(told).collect()
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
    fn a_circle_that_a_refused_file_would_close_is_none() {
        let back = leads("leaf", "goto: over", "One")
            .replace("  - name: t\n", "  - name: t\n    nonsense: 1\n");
        let over = leads("over", "goto: leaf", "One");
        let before = [says("leaf", "One", "One")];
        check(&before, &[back, over], &["f:9:5: unknown-key", "ok"]);
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
    fn what_an_active_flow_gives_is_still_taken() {
        let takes = |with: &str| {
            let head = format!("flow: leaf\naccount: clinic\non: call\n{with}");
            says("leaf", "One", "One").replace("flow: leaf\naccount: clinic\non: call\n", &head)
        };
        let call = |with: &str| {
            leads(
                "over",
                &format!("{{ call: {{ flow: leaf{with} }}, next: end }}"),
                "One",
            )
        };
        let before = [call(", with: { tries: 3 }"), takes("with: { tries: 1 }\n")];
        let other = takes("with: { count: 1 }\n");
        check(
            &before,
            std::slice::from_ref(&other),
            &["f:4:7: unknown-name"],
        );
        check(&before, &[takes("")], &["f:1:7: unknown-name"]);
        // What is not read says nothing of what is taken.
        check(&before, &[takes("with: [tries]\n")], &["f:4:7: shape"]);
        check(&before, &[takes("with: { tries: 1, count: 1 }\n")], &["ok"]);
        // Published together they fit.
        check(
            &before,
            &[call(", with: { count: 3 }"), other],
            &["ok", "ok"],
        );
    }

    #[test]
    fn what_leads_to_a_refused_flow_is_judged_beside_what_stays() {
        let over = leads("over", "goto: leaf", "Two");
        let (before, failing) = (says("leaf", "One", "One"), says("leaf", "Two", "Three"));
        let broken = ["f:8: a test fails", "f:9: a test fails"];
        check(
            std::slice::from_ref(&before),
            &[over.clone(), failing.clone()],
            &broken,
        );
        // Without an active one there is nothing to lead to.
        let missing = ["f:6:11: unknown-flow", "f:9: a test fails"];
        check(&[], &[over.clone(), failing], &missing);
        let fine = leads("over", "goto: leaf", "One");
        let unsound = "flow: leaf\naccount: clinic\non: call\nsteps: {}\n".to_owned();
        check(
            std::slice::from_ref(&before),
            &[fine, unsound.clone()],
            &["ok", "f:4:8: out-of-range"],
        );
        check(
            &[before],
            &[over, unsound],
            &["f:8: a test fails", "f:4:8: out-of-range"],
        );
    }

    #[test]
    fn what_is_active_is_not_refused_for_what_is() {
        let (over, leaf) = (
            leads("over", "goto: leaf", "One"),
            says("leaf", "One", "One"),
        );
        let failing = says("leaf", "Two", "Three");
        check(
            &[over.clone(), leaf],
            &[over, failing],
            &["ok", "f:9: a test fails"],
        );
    }

    #[test]
    fn a_long_chain_behind_a_refused_flow_is_refused_in_so_many_rounds() {
        // Their tests end before the way to the next one.
        let link = |at: usize| {
            let steps = format!(
                "  a:\n    menu: {{ prompt: One }}\n    then: {{ 1: b, else: end }}\n  b:\n    goto: f{}\n",
                at + 1
            );
            source(&format!("f{at}"), &steps, "One")
        };
        let mut chain: Vec<String> = (0..ROUNDS_MAX + 2).map(link).collect();
        chain.push(says(&format!("f{}", chain.len()), "One", "Two"));
        // Neither leads there.
        let others = [says("other", "One", "One"), says("wrong", "One", "Two")];
        chain.extend(others.clone());
        let found = found(&[], &chain);
        let (of_chain, of_others) = found.split_at(chain.len() - others.len());
        assert!(of_chain.iter().all(|end| end != "ok"), "{found:?}");
        assert_eq!(
            of_chain[0],
            "f: it leads to files that are refused; mend those first"
        );
        assert_eq!(of_chain.last().unwrap(), "f:9: a test fails");
        assert_eq!(of_others, ["ok", "f:9: a test fails"]);
    }

    #[test]
    fn a_flow_that_is_active_and_in_no_file_is_there() {
        let over = leads("over", "goto: leaf", "One");
        check(&[says("leaf", "One", "One")], &[over], &["ok"]);
    }
}
