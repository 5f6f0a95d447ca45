//! `signalbox apply FILE`: brings an organisation's file into the store, after showing what it would change.

use std::future::Future;
use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde::Deserialize;
use serde_json::json;

use crate::config::organisation::{Existing, FlowRef, OrganisationFile};
use crate::config::{FILE_BYTES_MAX, Problems};
use crate::model::directory::Directory;
use crate::model::organisation::{CostCentre, OrgChange};
use crate::model::people::Contact;
use crate::model::{Ids, Phone, Timestamp};
use crate::net::files::is_yaml;

use super::files;

/// Files looked at in the folder of flows.
const FLOW_FILES_MAX: usize = 10_000;

/// Brings an organisation's file into the store.
///
/// Shows what would be made (+) and changed (~), then asks; --yes does not ask. What the file leaves out stays
/// as it is, so that applying a file twice changes nothing the second time. A mistake is shown with its line and
/// the nearest name, and nothing is changed. With --json and without --yes the changes are only shown.
///
/// Example: signalbox apply config/organisation.yaml
#[derive(Debug, Args)]
pub struct ApplyArgs {
    /// The file, in YAML.
    pub file: PathBuf,
    /// Apply without asking.
    #[arg(long)]
    pub yes: bool,
    /// The configuration that names the store.
    #[arg(long, value_name = "FILE", default_value = "config/signalbox.yaml")]
    pub config: PathBuf,
    /// The data folder, in place of a configuration.
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    pub data: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// What the command needs to know of the store before it can tell what would change.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// The organisation.
    pub directory: Arc<Directory>,
    /// Its cost centres.
    pub cost_centres: Vec<CostCentre>,
    /// The contacts that have one of the phones asked for.
    pub contacts: Vec<Contact>,
    /// The flows that are published.
    pub flows: Vec<FlowRef>,
}

/// What the command asks of the store.
pub trait OrganisationStore {
    /// The organisation as it is, with the contacts of these accounts (by key) and phones.
    fn snapshot(&self, phones: &[(&str, Phone)]) -> impl Future<Output = anyhow::Result<Snapshot>>;

    /// Saves the changes in one transaction, with their audit rows.
    fn save(&self, changes: Vec<OrgChange>) -> impl Future<Output = anyhow::Result<()>>;
}

/// What the command needs from outside of it.
pub struct Surroundings<'a> {
    /// The connections of the configuration; `None`: not known, every name is taken as good.
    pub connections: Option<&'a [String]>,
    /// The flows of the folder of flows ([`flows_in`]), which may not be published yet.
    pub flows: Vec<FlowRef>,
    /// When it is applied.
    pub now: Timestamp,
    /// Makes the ids of new rows.
    pub seed: u64,
    /// Where changes are shown.
    pub out: &'a mut dyn Write,
    /// Where mistakes are shown.
    pub err: &'a mut dyn Write,
    /// Asks the question; `None`: nobody is there to answer.
    pub confirm: &'a mut dyn FnMut(&str) -> Option<bool>,
}

/// Applies a file. Returns the exit code: 0 applied or nothing to change, 1 a mistake in the file or a refusal,
/// 2 the file cannot be read or nobody can be asked.
pub async fn apply(
    args: &ApplyArgs,
    store: &impl OrganisationStore,
    around: &mut Surroundings<'_>,
) -> anyhow::Result<i32> {
    let text = match read(&args.file) {
        Ok(text) => text,
        Err(error) => {
            writeln!(around.err, "cannot read {}: {error}", args.file.display())?;
            return Ok(2);
        }
    };
    let file = OrganisationFile::read(&args.file.display().to_string(), text);
    let changes = match plan(&file, store, around).await? {
        Ok(changes) => changes,
        Err(problems) => {
            show_problems(args, &problems, around)?;
            return Ok(1);
        }
    };
    if !args.json {
        show_changes(&changes, around.out)?;
    }
    let go = changes.is_empty() || args.yes || args.json;
    if let Some(exit) = (!go)
        .then(|| ask(around, changes.len()))
        .transpose()?
        .flatten()
    {
        return Ok(exit);
    }
    let applied = !changes.is_empty() && (args.yes || !args.json);
    if applied && !save(&file, store, around, &changes).await? {
        return Ok(1);
    }
    match args.json {
        true => writeln!(around.out, "{}", changes_json(&changes, applied))?,
        false if applied => writeln!(around.out, "applied")?,
        false => {}
    }
    Ok(0)
}

/// Saves what was shown, unless somebody changed the organisation meanwhile.
async fn save(
    file: &OrganisationFile,
    store: &impl OrganisationStore,
    around: &mut Surroundings<'_>,
    shown: &[OrgChange],
) -> anyhow::Result<bool> {
    match plan(file, store, around).await? {
        Ok(changes) if changes == shown => {
            store.save(changes).await?;
            Ok(true)
        }
        _ => {
            let words = "the organisation was changed by somebody else meanwhile; run this again";
            writeln!(around.err, "{words}")?;
            Ok(false)
        }
    }
}

/// What would change now. The same store gives the same changes, ids included.
async fn plan(
    file: &OrganisationFile,
    store: &impl OrganisationStore,
    around: &Surroundings<'_>,
) -> anyhow::Result<Result<Vec<OrgChange>, Problems>> {
    let snapshot = store.snapshot(&file.phones()).await?;
    let mut flows = snapshot.flows;
    flows.extend(around.flows.iter().cloned());
    let existing = Existing {
        directory: &snapshot.directory,
        cost_centres: &snapshot.cost_centres,
        contacts: &snapshot.contacts,
        flows: (!flows.is_empty()).then_some(flows.as_slice()),
        connections: around.connections,
    };
    let mut ids = Ids::new(around.now, around.seed);
    Ok(file.changes(&existing, &mut ids, around.now))
}

/// Asks whether to go on; an exit code when not.
fn ask(around: &mut Surroundings<'_>, count: usize) -> anyhow::Result<Option<i32>> {
    let what = if count == 1 {
        "this change"
    } else {
        "these changes"
    };
    match (around.confirm)(&format!("Apply {what}? [y/N] ")) {
        Some(true) => Ok(None),
        Some(false) => {
            writeln!(around.out, "nothing was changed")?;
            Ok(Some(1))
        }
        None => {
            writeln!(
                around.err,
                "nobody is there to be asked; --yes applies without asking"
            )?;
            Ok(Some(2))
        }
    }
}

fn show_changes(changes: &[OrgChange], out: &mut dyn Write) -> io::Result<()> {
    if changes.is_empty() {
        return writeln!(out, "nothing to change");
    }
    for change in changes {
        writeln!(out, "{}", shortened(printable(&change.describe())))?;
    }
    let new = changes.iter().filter(|change| change.is_new()).count();
    writeln!(out, "\n{new} new, {} changed", changes.len() - new)
}

/// Without control characters, so that a file cannot steer the terminal.
fn printable(text: &str) -> String {
    let plain = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().map(plain).collect()
}

/// Characters of a change that are shown, such as a calendar's with all of its holidays.
const CHANGE_CHARS_MAX: usize = 600;

/// A change short enough to be read beside the others; the record has it whole.
fn shortened(text: String) -> String {
    let Some((end, _)) = text.char_indices().nth(CHANGE_CHARS_MAX) else {
        return text;
    };
    let end = text[..end].rfind(", ").unwrap_or(end);
    let left = text[end..].chars().count();
    format!(
        "{} … ({left} more characters; `--json` shows all)",
        &text[..end]
    )
}

fn show_problems(
    args: &ApplyArgs,
    problems: &Problems,
    around: &mut Surroundings<'_>,
) -> io::Result<()> {
    if !args.json {
        return writeln!(around.err, "{problems}\nnothing was changed");
    }
    let fault = |problem| problem_json(problems, problem);
    let faults: Vec<_> = problems.list.iter().map(fault).collect();
    writeln!(
        around.out,
        "{}",
        json!({ "applied": false, "faults": faults })
    )
}

fn problem_json(problems: &Problems, problem: &crate::config::Problem) -> serde_json::Value {
    let place = problems.place(problem);
    json!({
        "file": problems.file,
        "line": place.map(|(line, _)| line),
        "column": place.map(|(_, column)| column),
        "message": problem.words,
        "help": problem.help,
    })
}

fn changes_json(changes: &[OrgChange], applied: bool) -> serde_json::Value {
    let change = |change: &OrgChange| {
        json!({
            "kind": change.what.kind(),
            "subject": change.subject,
            "new": change.is_new(),
            "before": change.before,
            "after": change.after,
        })
    };
    let changes: Vec<_> = changes.iter().map(change).collect();
    json!({ "applied": applied, "changes": changes })
}

fn read(path: &Path) -> io::Result<String> {
    files::text_of(path, FILE_BYTES_MAX)
}

/// Asks on the terminal; nobody is there when input comes from elsewhere or has ended.
pub fn confirm_on_terminal(question: &str) -> Option<bool> {
    /// Bytes of an answer.
    const ANSWER_BYTES_MAX: u64 = 64;
    if !io::stdin().is_terminal() {
        return None;
    }
    let mut out = io::stdout();
    write!(out, "{question}").and_then(|()| out.flush()).ok()?;
    let mut answer = String::new();
    let read = io::stdin()
        .lock()
        .take(ANSWER_BYTES_MAX)
        .read_line(&mut answer)
        .ok()?;
    let answer = answer.trim().to_lowercase();
    (read > 0).then_some(answer == "y" || answer == "yes")
}

/// The head of a flow's file: all that the organisation's file needs to know of it.
#[derive(Deserialize)]
struct FlowHead {
    flow: String,
    account: String,
    on: String,
}

/// The flows of a folder, by their heads; a file without a readable head has none. What is wrong inside them is
/// for `signalbox flow check` to tell.
pub fn flows_in(folder: &Path) -> Vec<FlowRef> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let paths = entries
        .take(FLOW_FILES_MAX)
        .flatten()
        .map(|entry| entry.path());
    let yaml = paths.filter(|path| is_yaml(path));
    let heads = yaml.filter_map(|path| {
        let head: FlowHead = serde_yaml::from_str(&read(&path).ok()?).ok()?;
        let call = head.on == "call";
        let (account, key) = (head.account, head.flow);
        Some(FlowRef { account, key, call })
    });
    heads.collect()
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::model::account::{Account, Keyword, Number};
    use crate::model::calendar::Calendar;
    use crate::model::organisation::OrgRow;
    use crate::model::people::User;

    /// A store in memory: enough of one to apply a file twice.
    #[derive(Default)]
    struct Memory {
        rows: RefCell<Rows>,
        /// Changes the organisation between the question and the answer.
        meddle: bool,
        reads: RefCell<usize>,
    }

    #[derive(Default, Clone)]
    struct Rows {
        centres: Vec<CostCentre>,
        accounts: Vec<Account>,
        users: Vec<User>,
        numbers: Vec<Number>,
        keywords: Vec<Keyword>,
        contacts: Vec<Contact>,
    }

    fn put<T>(rows: &mut Vec<T>, row: T, same: impl Fn(&T, &T) -> bool) {
        match rows.iter().position(|known| same(known, &row)) {
            Some(at) => rows[at] = row,
            None => rows.push(row),
        }
    }

    impl Rows {
        fn save(&mut self, row: OrgRow) {
            let id = row.account();
            let place = self
                .accounts
                .iter()
                .position(|account| Some(account.id) == id);
            let part = place.map(|at| &mut self.accounts[at]);
            match (row, part) {
                (OrgRow::CostCentre(row), _) => put(&mut self.centres, row, |a, b| a.id == b.id),
                (OrgRow::User(row), _) => put(&mut self.users, row, |a, b| a.id == b.id),
                (OrgRow::Number(row), _) => put(&mut self.numbers, row, |a, b| a.id == b.id),
                (OrgRow::Keyword(row), _) => put(&mut self.keywords, row, |a, b| {
                    (a.account, a.number, a.folded.first())
                        == (b.account, b.number, b.folded.first())
                }),
                (OrgRow::Contact(row), _) => put(&mut self.contacts, row, |a, b| a.id == b.id),
                (OrgRow::Account(row), None) => self.accounts.push(Account {
                    id: row.id,
                    key: row.key,
                    name: row.name,
                    zone: row.zone,
                    language: row.language,
                    cost_centre: row.cost_centre,
                    columns: row.columns,
                    plan: row.plan,
                    groups: Vec::new(),
                    programs: Vec::new(),
                    calendars: Default::default(),
                    numbers: Vec::new(),
                    members: Vec::new(),
                    roles: Vec::new(),
                }),
                (OrgRow::Account(row), Some(account)) => account.name = row.name,
                (OrgRow::Role(_, row), Some(a)) => put(&mut a.roles, row, |a, b| a.id == b.id),
                (OrgRow::Member(_, row), Some(a)) => {
                    put(&mut a.members, row, |a, b| a.user == b.user)
                }
                (OrgRow::Group(_, row), Some(a)) => put(&mut a.groups, row, |a, b| a.id == b.id),
                (OrgRow::Program(_, row), Some(a)) => {
                    put(&mut a.programs, row, |a, b| a.id == b.id)
                }
                (OrgRow::AccountNumber(_, row), Some(a)) => {
                    put(&mut a.numbers, row, |a, b| a.number == b.number);
                }
                (OrgRow::Calendar { key, source, .. }, Some(account)) => {
                    let spec = serde_json::from_value(source).unwrap();
                    let zone = jiff::tz::TimeZone::get(&account.zone).unwrap();
                    account
                        .calendars
                        .insert(key, Calendar::new(&spec, &zone).unwrap());
                }
                (row, None) => panic!("{} comes before its account", row.kind()),
            }
        }
    }

    impl OrganisationStore for Memory {
        async fn snapshot(&self, _: &[(&str, Phone)]) -> anyhow::Result<Snapshot> {
            *self.reads.borrow_mut() += 1;
            if self.meddle && *self.reads.borrow() == 2 {
                self.rows.borrow_mut().users[0].name = "Somebody Else".to_owned();
            }
            let Rows {
                centres,
                accounts,
                users,
                numbers,
                keywords,
                contacts,
            } = self.rows.borrow().clone();
            let directory = Directory::new(1, accounts, users, numbers, keywords);
            Ok(Snapshot {
                directory: Arc::new(directory),
                cost_centres: centres,
                contacts,
                flows: Vec::new(),
            })
        }

        async fn save(&self, changes: Vec<OrgChange>) -> anyhow::Result<()> {
            for change in changes {
                self.rows.borrow_mut().save(change.what);
            }
            Ok(())
        }
    }

    /// Runs the command on a text: exit code, what was printed, what was complained of.
    async fn run(
        store: &Memory,
        text: &str,
        options: &[&str],
        answer: Option<bool>,
    ) -> (i32, String, String) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("organisation.yaml");
        std::fs::write(&file, text).unwrap();
        let args = ApplyArgs {
            file,
            yes: options.contains(&"--yes"),
            config: PathBuf::new(),
            data: None,
            json: options.contains(&"--json"),
        };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let mut around = Surroundings {
            connections: None,
            flows: Vec::new(),
            now: Timestamp::from_micros(1_790_000_000_000_000),
            seed: u64::try_from(text.len()).unwrap(),
            out: &mut out,
            err: &mut err,
            confirm: &mut |_| answer,
        };
        let exit = apply(&args, store, &mut around).await.unwrap();
        (
            exit,
            String::from_utf8(out).unwrap(),
            String::from_utf8(err).unwrap(),
        )
    }

    const SHIPPED: &str = include_str!("../../config/organisation.yaml");

    #[tokio::test]
    async fn the_shipped_file_is_applied_once() {
        let store = Memory::default();
        let (exit, out, _) = run(&store, SHIPPED, &["--yes"], None).await;
        assert!(exit == 0 && out.ends_with("applied\n"), "{out}");
        assert!(
            out.contains("+ group college/billing: name Billing; members ana, ben\n"),
            "{out}"
        );
        let (exit, out, _) = run(&store, SHIPPED, &[], None).await;
        assert_eq!((exit, out.as_str()), (0, "nothing to change\n"));
        let renamed = SHIPPED.replacen("Ana Ruiz", "Ana Soto", 1);
        let (exit, out, _) = run(&store, &renamed, &[], Some(true)).await;
        let expected = "~ user ana: name Ana Ruiz → name Ana Soto\n\n0 new, 1 changed\napplied\n";
        assert_eq!((exit, out.as_str()), (0, expected));
    }

    #[tokio::test]
    async fn nothing_happens_without_a_yes() {
        let store = Memory::default();
        for (options, answer, exit) in [
            (&[][..], None, 2),
            (&[], Some(false), 1),
            (&["--json"], None, 0),
        ] {
            assert_eq!(run(&store, SHIPPED, options, answer).await.0, exit);
            assert!(store.rows.borrow().accounts.is_empty());
        }
    }

    #[tokio::test]
    async fn a_mistake_is_shown_in_place() {
        let store = Memory::default();
        let text = SHIPPED.replacen("members: [ana, dev]", "members: [anna, dev]", 1);
        let (exit, _, err) = run(&store, &text, &["--yes"], None).await;
        assert_eq!(exit, 1);
        for part in [
            "organisation.yaml:",
            "anna",
            "did you mean \"ana\"?",
            "nothing was changed",
        ] {
            assert!(err.contains(part), "{err}");
        }
        let (exit, out, _) = run(&store, &text, &["--yes", "--json"], None).await;
        let said: serde_json::Value = serde_json::from_str(&out).unwrap();
        assert_eq!((exit, &said["faults"][0]["line"]), (1, &json!(46)), "{out}");
    }

    #[tokio::test]
    async fn what_changed_meanwhile_is_not_overwritten() {
        let store = Memory::default();
        run(&store, SHIPPED, &["--yes"], None).await;
        let store = Memory {
            rows: store.rows,
            meddle: true,
            reads: RefCell::default(),
        };
        let text = SHIPPED.replacen("Ben Okafor", "Ben Adeyemi", 1);
        let (exit, _, err) = run(&store, &text, &["--yes"], None).await;
        assert!(exit == 1 && err.contains("meanwhile"), "{err}");
        assert_eq!(store.rows.borrow().users[1].name, "Ben Okafor");
    }

    #[test]
    fn long_changes_are_cut_between_two_parts() {
        let short = "calendar a/b: open none".to_owned();
        assert_eq!(shortened(short.clone()), short);
        let days = vec!["2026-12-25"; 100].join(", ");
        let shown = shortened(days);
        assert!(shown.chars().count() < CHANGE_CHARS_MAX + 60, "{shown}");
        assert!(
            shown.ends_with("2026-12-25 … (600 more characters; `--json` shows all)"),
            "{shown}"
        );
    }

    #[test]
    fn heads_of_flows_are_read_whatever_their_bodies() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        put(
            "a.yaml",
            "flow: apply\naccount: college\non: sms\nsteps: { x: { nonsense: 1 } }\n",
        );
        put("b.yaml", "flow: [\n");
        put("c.txt", "flow: other\naccount: college\non: sms\n");
        let expected = FlowRef {
            account: "college".into(),
            key: "apply".into(),
            call: false,
        };
        assert_eq!(flows_in(folder.path()), [expected]);
        assert_eq!(flows_in(Path::new("/nowhere")), []);
    }
}
