//! Publishing, listing and rolling back, on both databases.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::*;
use crate::model::account::{Beyond, Plan, PlanUnit};
use crate::model::organisation::{AccountRow, OrgChange, OrgRow};
use crate::model::{Id, Timestamp};
use crate::store::testing::{Bench, on_both};

fn account(n: u128, key: &str) -> OrgChange {
    let row = AccountRow {
        id: Id::from_uuid(Uuid::from_u128(n)),
        key: key.to_owned(),
        name: key.to_uppercase(),
        zone: "America/Chicago".to_owned(),
        language: "en".to_owned(),
        cost_centre: Id::from_uuid(Uuid::from_u128(1)),
        columns: BTreeMap::new(),
        plan: Plan {
            monthly: None,
            unit: PlanUnit::Messages,
            rate: 1.0,
            beyond: Beyond::Refuse,
            hours: None,
        },
    };
    OrgChange {
        what: OrgRow::Account(row),
        subject: key.to_owned(),
        before: None,
        after: String::new(),
    }
}

/// A store with two accounts, and a folder to write files in.
struct Desk {
    bench: Bench,
    folder: tempfile::TempDir,
}

impl Desk {
    async fn new(bench: Bench) -> Self {
        let changes = vec![account(2, "clinic"), account(3, "school")];
        let (actor, now) = (Actor::Node, Timestamp::from_micros(1));
        bench.store.apply(&actor, now, 0, changes).await.unwrap();
        Self {
            bench,
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// Publishes what says `words`; the exit code and what was told.
    async fn publish(
        &self,
        file: &str,
        account: &str,
        words: &str,
        based_on: Option<i64>,
    ) -> (i32, String) {
        self.publish_by("flows", file, account, words, based_on)
            .await
    }

    /// The same by somebody who takes this for the folder of flows.
    async fn publish_by(
        &self,
        folder: &str,
        file: &str,
        account: &str,
        words: &str,
        based_on: Option<i64>,
    ) -> (i32, String) {
        let file = self.folder.path().join(file);
        std::fs::write(&file, text(account, words)).unwrap();
        let args = PublishArgs {
            file,
            based_on,
            config: PathBuf::new(),
        };
        let mut out = Vec::new();
        let folder = self.folder.path().join(folder);
        let code = publish(&args, &self.bench.store, &folder, None, &mut out)
            .await
            .unwrap();
        (code, String::from_utf8(out).unwrap())
    }

    /// What becomes of a file of the folder that changes so.
    async fn changes(&self, name: &str, words: &str) -> String {
        let path = whole_path(&self.folder.path().join("flows").join(name));
        let file = FlowFile {
            name,
            path: Some(&path),
            folder: &[name.to_owned()],
        };
        let (clinic, text) = (Id::from_uuid(Uuid::from_u128(2)), text("clinic", words));
        let store = &self.bench.store;
        let published = store.publish_file(&Actor::Node, clinic, "main", &text, file, stamp());
        match published.await.unwrap() {
            Published::New(_) => "New".to_owned(),
            other => format!("{other:?}"),
        }
    }

    async fn rollback(&self, to: Option<i64>) -> anyhow::Result<(i32, String)> {
        let args = RollbackArgs { which: main(), to };
        let mut out = Vec::new();
        let code = rollback(&args, &self.bench.store, None, &mut out).await?;
        Ok((code, String::from_utf8(out)?))
    }

    async fn show(&self, revision: Option<i64>) -> String {
        let args = ShowArgs {
            which: main(),
            revision,
        };
        let mut out = Vec::new();
        show(&args, &self.bench.store, &mut out).await.unwrap();
        String::from_utf8(out).unwrap()
    }

    async fn listed(&self) -> String {
        let args = HistoryArgs {
            which: main(),
            json: false,
        };
        let mut out = Vec::new();
        history(&args, &self.bench.store, &mut out).await.unwrap();
        String::from_utf8(out).unwrap()
    }

    /// The numbers of the revisions, newest first, and the active one.
    async fn history(&self) -> (Vec<i64>, Vec<i64>) {
        let args = HistoryArgs {
            which: main(),
            json: true,
        };
        let mut out = Vec::new();
        history(&args, &self.bench.store, &mut out).await.unwrap();
        let lines = String::from_utf8(out).unwrap();
        let rows: Vec<serde_json::Value> = lines
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let number = |row: &serde_json::Value| row["number"].as_i64().unwrap();
        let active = rows.iter().filter(|row| row["active"] == true);
        (
            rows.iter().map(number).collect(),
            active.map(number).collect(),
        )
    }
}

fn main() -> WhichFlow {
    WhichFlow {
        flow: "main".to_owned(),
        account: Some("clinic".to_owned()),
        config: PathBuf::new(),
    }
}

fn text(account: &str, words: &str) -> String {
    format!(
        "flow: main\naccount: {account}\non: call\nsteps:\n  one:\n    say: {words}\n    next: end\n"
    )
}

on_both! {
    async fn a_file_is_published_listed_shown_and_rolled_back(bench: Bench) {
        let desk = Desk::new(bench).await;
        for (n, words) in [(1, "one"), (2, "two"), (3, "three")] {
            let (code, told) = desk.publish("main.yaml", "clinic", words, None).await;
            assert_eq!(code, 0);
            assert!(told.starts_with(&format!("main: revision {n} is active.")), "{told}");
        }
        let (code, told) = desk.publish("main.yaml", "clinic", "three", None).await;
        assert!(code == 0 && told.contains("nothing to publish"), "{told}");
        assert_eq!(desk.history().await, (vec![3, 2, 1], vec![3]));
        assert_eq!(desk.rollback(None).await.unwrap().1, "main: revision 2 is active again, in place of 3.\n");
        assert_eq!(desk.rollback(Some(1)).await.unwrap().0, 0);
        assert_eq!(desk.history().await, (vec![3, 2, 1], vec![1]));
        assert_eq!(desk.show(None).await, text("clinic", "one"));
        assert_eq!(desk.show(Some(3)).await, text("clinic", "three"));
        assert!(desk.listed().await.contains("  main.yaml  active again since "));
        // What the file says was left on purpose.
        let (code, told) = desk.publish("main.yaml", "clinic", "three", None).await;
        assert!(code == 1 && told.contains("--based-on 1"), "{told}");
        let again = desk.rollback(Some(1)).await.unwrap_err().to_string();
        assert_eq!(again, "revision 1 of main is active already");
        let first = desk.rollback(None).await.unwrap_err().to_string();
        assert_eq!(first, "nothing comes before revision 1");
        let none = desk.rollback(Some(9)).await.unwrap_err().to_string();
        assert_eq!(none, "main has no such revision; see `flow history`");
        let (code, told) = desk.publish("main.yaml", "clinic", "three", Some(1)).await;
        assert!(code == 0 && told.contains("revision 4 is active"), "{told}");
        assert!(!desk.listed().await.contains("active again"));
        // What says the same is passed over.
        assert_eq!(desk.rollback(None).await.unwrap().1, "main: revision 2 is active again, in place of 4.\n");
        let (code, told) = desk.publish("main.yaml", "clinic", "one", Some(2)).await;
        assert!(code == 0 && told.contains("revision 5 is active"), "{told}");
        let unclear = desk.rollback(None).await.unwrap_err().to_string();
        assert!(unclear.starts_with("revision 5 says what 1 said, and 4 between them says something else"), "{unclear}");
    }

    async fn what_was_changed_elsewhere_is_not_undone(bench: Bench) {
        let desk = Desk::new(bench).await;
        desk.publish("main.yaml", "clinic", "one", None).await;
        assert_eq!(desk.publish("other.yaml", "clinic", "two", Some(1)).await.0, 0);
        let (code, told) = desk.publish("main.yaml", "clinic", "three", None).await;
        assert_eq!(code, 1);
        assert!(told.contains("revision 2 of ") && told.contains("--based-on 2"), "{told}");
        assert_eq!(desk.publish("main.yaml", "clinic", "three", Some(1)).await.0, 1);
        assert_eq!(desk.publish("main.yaml", "clinic", "three", Some(2)).await.0, 0);
        // The history tells the files of all of them.
        let listed = desk.listed().await;
        let files: Vec<&str> = listed.lines().filter_map(|line| line.split("  ").last()).collect();
        let path = |name: &str| desk.folder.path().join(name).display().to_string();
        assert_eq!(files, [path("main.yaml"), path("other.yaml"), "main.yaml".to_owned()], "{listed}");
        assert_eq!(desk.show(None).await, text("clinic", "three"));
    }

    async fn a_file_that_took_over_an_edit_is_followed_from_there_on(bench: Bench) {
        let desk = Desk::new(bench).await;
        std::fs::create_dir(desk.folder.path().join("flows")).unwrap();
        desk.publish("flows/main.yaml", "clinic", "one", None).await;
        desk.publish("other.yaml", "clinic", "two", Some(1)).await;
        // The file of the folder takes the edit over, and is the flow's again: by hand, and when it changes.
        assert_eq!(desk.publish("flows/main.yaml", "clinic", "three", Some(2)).await.0, 0);
        assert_eq!(desk.changes("main.yaml", "four").await, "New");
        assert_eq!(desk.publish("flows/main.yaml", "clinic", "five", None).await.0, 0);
        assert_eq!(desk.changes("main.yaml", "six").await, "New");
        // A file of the same name elsewhere is not that one, and is followed by hand from its own place.
        assert_eq!(desk.publish("main.yaml", "clinic", "seven", Some(6)).await.0, 0);
        assert_eq!(desk.changes("main.yaml", "eight").await, "Conflict");
        assert_eq!(desk.publish("flows/main.yaml", "clinic", "eight", None).await.0, 1);
        assert_eq!(desk.publish("main.yaml", "clinic", "nine", None).await.0, 0);
        assert_eq!(desk.publish("main.yaml", "clinic", "ten", None).await.0, 0);
        assert_eq!(desk.changes("main.yaml", "eight").await, "Conflict");
        // What was changed elsewhere since is not undone.
        assert_eq!(desk.publish("other.yaml", "clinic", "eleven", Some(9)).await.0, 0);
        assert_eq!(desk.publish("main.yaml", "clinic", "twelve", None).await.0, 1);
        assert_eq!(desk.show(None).await, text("clinic", "eleven"));
    }

    async fn a_file_of_the_folder_is_followed_whoever_knows_the_folder(bench: Bench) {
        let desk = Desk::new(bench).await;
        std::fs::create_dir(desk.folder.path().join("flows")).unwrap();
        desk.publish("flows/main.yaml", "clinic", "one", None).await;
        // From another directory, where the folder's name leads nowhere.
        let by = desk.publish_by("none", "flows/main.yaml", "clinic", "two", Some(1)).await;
        assert_eq!(by.0, 0, "{}", by.1);
        assert_eq!(desk.changes("main.yaml", "two").await, "Unchanged");
        assert_eq!(desk.changes("other.yaml", "three").await, "Conflict");
        assert_eq!(desk.changes("main.yaml", "three").await, "New");
        // After a return to the first one the file says what was published from it.
        let by = desk.publish_by("none", "flows/main.yaml", "clinic", "four", Some(3)).await;
        assert_eq!(by.0, 0, "{}", by.1);
        desk.rollback(Some(1)).await.unwrap();
        assert_eq!(desk.changes("main.yaml", "four").await, "Unchanged");
    }

    async fn of_several_at_once_one_publishes_and_the_others_are_told(bench: Bench) {
        let desk = Desk::new(bench).await;
        desk.publish("main.yaml", "clinic", "one", None).await;
        let all = futures_util::future::join_all([
            desk.publish("a.yaml", "clinic", "two", Some(1)),
            desk.publish("b.yaml", "clinic", "three", Some(1)),
            desk.publish("c.yaml", "clinic", "four", Some(1)),
            desk.publish("d.yaml", "clinic", "five", Some(1)),
        ]);
        let (won, lost): (Vec<_>, Vec<_>) = all.await.into_iter().partition(|(code, _)| *code == 0);
        assert_eq!((won.len(), lost.len()), (1, 3), "{won:?} {lost:?}");
        for (code, told) in lost {
            assert_eq!(code, 1);
            assert!(told.contains("revision 2 of ") && told.contains("--based-on 2"), "{told}");
        }
    }

    async fn what_is_not_sound_is_not_published(bench: Bench) {
        let desk = Desk::new(bench).await;
        desk.publish("main.yaml", "clinic", "one", None).await;
        let (code, told) = desk.publish("main.yaml", "clinic", "two\n    nxt: end", None).await;
        assert_eq!(code, 1);
        assert!(told.contains("main.yaml:7:5") && told.contains("refused: 1 fault\n"), "{told}");
        assert_eq!(desk.show(None).await, text("clinic", "one"));
        let told = desk.publish("main.yaml", "nobody", "two", None).await;
        assert_eq!(told.0, 1, "{told:?}");
    }

    async fn a_flow_of_two_accounts_is_asked_for_by_account(bench: Bench) {
        let desk = Desk::new(bench).await;
        desk.publish("a.yaml", "clinic", "one", None).await;
        desk.publish("b.yaml", "school", "two", None).await;
        let which = WhichFlow { account: None, ..main() };
        let asked = which.find(&desk.bench.store).await.unwrap_err().to_string();
        assert_eq!(asked, "several accounts have a flow main: name one with --account (clinic, school)");
        let which = WhichFlow { flow: "none".to_owned(), ..main() };
        let asked = which.find(&desk.bench.store).await.unwrap_err().to_string();
        assert_eq!(asked, "there is no published flow none");
    }
}

#[test]
fn a_file_of_the_folder_is_known_by_its_name_a_link_too() {
    let both = tempfile::tempdir().unwrap();
    let (folder, elsewhere) = (both.path().join("flows"), both.path().join("real"));
    for path in [&folder, &elsewhere] {
        std::fs::create_dir(path).unwrap();
    }
    let (plain, real, link) = (
        folder.join("a.yaml"),
        elsewhere.join("b.yaml"),
        folder.join("b.yaml"),
    );
    for path in [&plain, &real] {
        std::fs::write(path, "flow: a\n").unwrap();
    }
    std::os::unix::fs::symlink(&real, &link).unwrap();
    assert_eq!(known_as(&plain, &folder), "a.yaml");
    assert_eq!(known_as(&link, &folder), "b.yaml");
    assert_eq!(
        known_as(&real, &folder),
        real.canonicalize().unwrap().to_string_lossy()
    );
}
