//! What is known of the files of a folder before they are judged: which of several are the flow, and which would undo
//! an edit. What is active stays in place of those, and the others are judged beside that.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use crate::flow;
use crate::model::AccountId;
use crate::model::directory::Directory;
use crate::net::files::whole_path;
use crate::store::{FileOf, FlowFile, FlowRevision, NodeScope, Outlook, Store, outlook};

use super::{CONFLICT, blocking, name_of, places};

/// A flow, by its account and its key.
type Place = (AccountId, String);

/// The files of a folder, and what is active.
pub(super) struct Folder {
    /// Each file and its text.
    pub(super) sources: Vec<(PathBuf, String)>,
    /// Their names.
    pub(super) names: Vec<String>,
    /// Their whole paths.
    pub(super) paths: Vec<String>,
    /// The names of all files there, also of those that cannot be read just now.
    pub(super) listed: Vec<String>,
    /// The active revision of every flow.
    pub(super) active: Vec<FlowRevision>,
}

/// The active revisions by their flows.
type Active<'f> = HashMap<(AccountId, &'f str), &'f FlowRevision>;

/// How a file ends that is not published: the outcome, and its reason without a word of the file.
pub(super) type Left = (&'static str, String);

impl Folder {
    /// These files beside what is active now.
    pub(super) async fn of(
        store: &Store,
        sources: Vec<(PathBuf, String)>,
        listed: Vec<String>,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            listed,
            names: sources.iter().map(|(file, _)| name_of(file)).collect(),
            paths: sources.iter().map(|(file, _)| whole_path(file)).collect(),
            active: store.active_flows(NodeScope::daemon()).await?,
            sources,
        })
    }

    /// Of each file how it ends, if that shows already.
    pub(super) async fn left_out(
        self: &Arc<Self>,
        store: &Store,
        directory: &Arc<Directory>,
    ) -> anyhow::Result<Vec<Option<Left>>> {
        let (folder, organisation) = (self.clone(), directory.clone());
        let (flows, refused) = blocking(move || {
            let flows = folder.flows(&organisation);
            let refused = folder.refused(&flows);
            (flows, refused)
        })
        .await?;
        let mut asked: Vec<FileOf<'_>> = Vec::new();
        for (place, flow) in flows.iter().enumerate() {
            let known = flow
                .as_ref()
                .map(|(account, key)| self.file(place).of(*account, key));
            asked.extend(known.into_iter().flatten());
        }
        let last = store.last_of_files(NodeScope::daemon(), &asked).await?;
        let last: HashMap<_, _> = last
            .iter()
            .map(|row| ((row.account, row.key.as_str(), row.file.as_deref()), row))
            .collect();
        let last = |place: usize, account: AccountId, key: &str| {
            let known = self.file(place).of(account, key);
            let known = known.filter_map(|of| last.get(&(account, key, Some(of.file))).copied());
            known.max_by_key(|row| row.number)
        };
        let active = self.active();
        let left = flows.iter().zip(refused).enumerate();
        let left = left.map(|(place, (flow, refused))| {
            refused.or_else(|| {
                let (account, key) = flow.as_ref()?;
                let active = active.get(&(*account, key.as_str()));
                self.stays(place, active.copied(), last(place, *account, key))
            })
        });
        Ok(left.collect())
    }

    /// The flow in each file, if that much can be read.
    fn flows(&self, directory: &Directory) -> Vec<Option<Place>> {
        let flow = |(_, text): &(PathBuf, String)| {
            let name = flow::name_of(text)?;
            let account = directory.account_by_key(&name.account)?;
            Some((account.id, name.flow))
        };
        self.sources.iter().map(flow).collect()
    }

    /// Files that say they are the same flow are refused, but for the one that its active revision came from. Where it
    /// came from none of them, the only one that says the same has seen it.
    fn refused(&self, flows: &[Option<Place>]) -> Vec<Option<Left>> {
        let shown: Vec<String> = self
            .sources
            .iter()
            .map(|(file, _)| file.display().to_string())
            .collect();
        let texts: Vec<(&str, &str)> = shown
            .iter()
            .zip(&self.sources)
            .map(|(file, (_, text))| (file.as_str(), text.as_str()))
            .collect();
        let active = self.active();
        let mut refused = vec![None; texts.len()];
        for (place, fault) in flow::same_names(&texts) {
            let flow = flows[place].as_ref();
            let active = flow.and_then(|(account, key)| active.get(&(*account, key.as_str())));
            let same = (0..flows.len()).filter(|other| flows[*other].as_ref() == flow);
            if active.and_then(|active| self.source_of(active, same)) != Some(place) {
                refused[place] = Some(("refused", places(&[fault])));
            }
        }
        refused
    }

    /// Which of some files a revision is followed by.
    fn source_of(
        &self,
        active: &FlowRevision,
        files: impl Iterator<Item = usize>,
    ) -> Option<usize> {
        let files: Vec<usize> = files.collect();
        let mut from = files.iter().copied();
        let from = from.find(|file| is_from(active, &self.names[*file], &self.paths[*file]));
        let mut says = files.iter().copied();
        let mut says = says
            .by_ref()
            .filter(|file| self.sources[*file].1 == active.yaml);
        // A file that is there, and is not read just now, keeps its flow.
        let is_there = active
            .file
            .as_ref()
            .is_some_and(|file| self.listed.contains(file));
        from.or_else(|| match (says.next(), says.next()) {
            (Some(only), None) if !is_there => Some(only),
            _ => None,
        })
    }

    /// What is said of a file whose flow stays as it is active, which is not what is in the file.
    fn stays(
        &self,
        place: usize,
        active: Option<&FlowRevision>,
        last: Option<&FlowRevision>,
    ) -> Option<Left> {
        let (file, text) = &self.sources[place];
        let of = self.file(place);
        let is_active = active.is_some_and(|row| row.yaml == *text);
        match outlook(text, of, active, last) {
            Outlook::Unchanged if !is_active => Some(("unchanged", String::new())),
            Outlook::Conflict => Some(("conflict", format!("{}: {CONFLICT}", file.display()))),
            Outlook::New | Outlook::Unchanged => None,
        }
    }

    /// One of the files among the others.
    pub(super) fn file(&self, place: usize) -> FlowFile<'_> {
        FlowFile {
            name: &self.names[place],
            path: Some(&self.paths[place]),
            folder: &self.listed,
        }
    }

    fn active(&self) -> Active<'_> {
        let rows = self.active.iter();
        rows.map(|row| ((row.account, row.key.as_str()), row))
            .collect()
    }
}

/// Whether a revision came from the file of this name and whole path.
pub(super) fn is_from(row: &FlowRevision, name: &str, path: &str) -> bool {
    let from = row.file.as_deref();
    from.is_some_and(|from| from == name || from == path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::trial;
    use crate::flow::NoNames;
    use crate::model::{Ids, Timestamp};

    fn text(words: &str) -> String {
        format!(
            "flow: leaf\naccount: clinic\non: call\nsteps:\n  a:\n    say: {words}\n    next: end\n"
        )
    }

    /// These files, and the active revision that came from `from` and says hello, unless that is empty.
    fn folder(from: &[Option<&str>], files: &[(&str, &str)]) -> (Directory, Folder) {
        let yaml = text("Hello");
        let checked = flow::check("f", &yaml, &NoNames).unwrap();
        let directory = trial::made_up(&[&checked]);
        let row = |file: &Option<&str>| FlowRevision {
            id: Ids::new(Timestamp::default(), 9).fresh(),
            account: directory.account_by_key("clinic").unwrap().id,
            key: "leaf".to_owned(),
            number: 1,
            yaml: yaml.clone(),
            file: file.map(str::to_owned),
            published_by: String::new(),
            published_at: Timestamp::default(),
        };
        let source = |(file, words): &(&str, &str)| (PathBuf::from(file), text(words));
        let folder = Folder {
            listed: files.iter().map(|(file, _)| (*file).to_owned()).collect(),
            names: files.iter().map(|(file, _)| (*file).to_owned()).collect(),
            paths: files
                .iter()
                .map(|(file, _)| format!("/flows/{file}"))
                .collect(),
            sources: files.iter().map(source).collect(),
            active: from.iter().map(row).collect(),
        };
        (directory, folder)
    }

    /// Which of these files are refused.
    fn refused(from: &[Option<&str>], files: &[(&str, &str)]) -> Vec<bool> {
        let (directory, folder) = folder(from, files);
        let refused = folder.refused(&folder.flows(&directory));
        refused.iter().map(Option::is_some).collect()
    }

    #[test]
    fn of_files_of_one_flow_the_one_it_came_from_stays() {
        let both = [("leaf-old.yaml", "Hello"), ("leaf.yaml", "Good day")];
        assert_eq!(refused(&[Some("leaf.yaml")], &both), [true, false]);
        assert_eq!(refused(&[Some("leaf-old.yaml")], &both), [false, true]);
        assert_eq!(refused(&[Some("/flows/leaf.yaml")], &both), [true, false]);
        let neither = [("leaf-old.yaml", "Hi"), ("leaf.yaml", "Good day")];
        let alike = [("leaf-old.yaml", "Hello"), ("leaf.yaml", "Hello")];
        for from in [&[][..], &[None], &[Some("gone.yaml")]] {
            assert_eq!(refused(from, &neither), [true, true]);
            assert_eq!(refused(from, &alike), [true, true]);
        }
        // It was published by hand out of one of them.
        for from in [None, Some("/home/ana/leaf-old.yaml")] {
            assert_eq!(refused(&[from], &both), [false, true]);
        }
        assert_eq!(refused(&[], &both[..1]), [false]);
    }

    #[test]
    fn what_is_not_published_is_not_judged_in_place_of_what_is_active() {
        let outcome = |from: Option<&str>, says: &str, last: Option<&str>| {
            let (_, folder) = folder(&[from], &[("leaf.yaml", says)]);
            let last = last.map(|words| FlowRevision {
                id: Ids::new(Timestamp::default(), 8).fresh(),
                yaml: text(words),
                ..folder.active[0].clone()
            });
            let left = folder.stays(0, folder.active.first(), last.as_ref());
            left.map(|(outcome, _)| outcome)
        };
        // After a return to an earlier revision, and after an edit by hand.
        let rolled_back = outcome(Some("leaf.yaml"), "Good day", Some("Good day"));
        assert_eq!(rolled_back, Some("unchanged"));
        assert_eq!(outcome(None, "Good day", Some("Hi")), Some("conflict"));
        // What says the same is looked at: it may lead to a flow that says something else now.
        assert_eq!(outcome(Some("leaf.yaml"), "Hello", Some("Hello")), None);
    }
}
