//! Two accounts that share a number, and the bench on which their events are decided.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::store::Store;
use crate::decide::{At, ConnectionFacts, Flows, Input, World, decide, needs};
use crate::flow::{self, NoNames};
use crate::model::account::{
    Account, AccountNumber, Beyond, Keyword, Matching, Number, OptOutBy, Plan, PlanUnit, Program,
    Route, SubKeyword,
};
use crate::model::consent::ComplianceWords;
use crate::model::conversation::{Conversation, ThreadEventKind};
use crate::model::directory::Directory;
use crate::model::people::{Caseload, Device, Group, Member, Permission, Presence, Role, User};
use crate::model::text::fold_keyword;
use crate::model::turn::{Decision, ROUNDS_MAX, Turn, Write};
use crate::model::{
    AccountId, Id, Ids, Inbound, Message, MessageKind, Mo, NumberId, Party, RevisionId, Timestamp,
    UserId,
};

/// Shared by both accounts; `clinic` manages what no keyword claims, `college` takes the calls.
pub(super) const SHARED: &str = "+12025550100";
/// The college's alone, without any flow.
pub(super) const PLAIN: &str = "+12025550101";
/// A person outside.
pub(super) const PAT: &str = "+12025550143";

/// A decided organisation in the making.
pub(super) struct Bench {
    pub(super) world: World,
    pub(super) store: Store,
    pub(super) now: Timestamp,
    pub(super) events: u64,
    /// What happened so far, and what was decided.
    pub(super) recorded: Vec<(At, Input, Turn)>,
    ids: Ids,
}

/// The parts of the organisation that a test may change before it begins.
pub(super) struct Parts {
    pub(super) accounts: Vec<Account>,
    pub(super) users: Vec<User>,
    pub(super) numbers: Vec<Number>,
    pub(super) keywords: Vec<Keyword>,
}

fn id<T: Id>(kind: u64, at: usize) -> T {
    let at = u64::try_from(at).unwrap();
    let mut ids = Ids::new(
        Timestamp::from_micros(1_600_000_000_000_000),
        kind * 100 + at,
    );
    ids.fresh()
}

pub(super) const USERS: [&str; 6] = ["ana", "ben", "cyd", "gone", "eve", "root"];

pub(super) fn user(key: &str) -> UserId {
    id(1, USERS.iter().position(|name| *name == key).unwrap())
}

pub(super) const GROUPS: [&str; 5] = ["admissions", "billing", "left", "front", "nurses"];

pub(super) fn group(key: &str) -> Route {
    Route::Group(id(2, GROUPS.iter().position(|name| *name == key).unwrap()))
}

pub(super) fn number(address: &str) -> NumberId {
    id(3, usize::from(address == PLAIN))
}

pub(super) fn account(key: &str) -> AccountId {
    id(4, usize::from(key == "clinic"))
}

fn users() -> Vec<User> {
    let make = |(at, key): (usize, &&str)| User {
        id: user(key),
        key: (*key).to_owned(),
        name: format!("{}{}", key[..1].to_uppercase(), &key[1..]),
        email: Some(format!("{key}@example.org")),
        devices: match *key {
            "cyd" | "root" => vec![],
            _ => vec![Device {
                phone: format!("+1202555011{at}").parse().unwrap(),
                name: None,
            }],
        },
        active: *key != "gone",
        admin: *key == "root",
    };
    USERS.iter().enumerate().map(make).collect()
}

fn groups(of: &[(&str, &[&str])]) -> Vec<Group> {
    let make = |(key, members): &(&str, &[&str])| {
        let Route::Group(id) = group(key) else {
            unreachable!()
        };
        Group {
            id,
            key: (*key).to_owned(),
            name: format!("The {key} group"),
            members: members.iter().map(|name| user(name)).collect(),
        }
    };
    of.iter().map(make).collect()
}

fn uses(address: &str, route: Route) -> AccountNumber {
    AccountNumber {
        number: number(address),
        call_flow: None,
        text_flow: None,
        route,
    }
}

fn make_account(key: &str, at: usize) -> Account {
    let program = |name: &str, place: usize| Program {
        id: id(5, at * 10 + place),
        key: name.to_owned(),
        name: format!("{key} {name}"),
        number: None,
        caseloads: Vec::new(),
    };
    let starts = Role {
        id: id(6, at),
        key: "starts".into(),
        name: "Starts texts".into(),
        permissions: vec![Permission::MayStartTexts],
    };
    Account {
        id: account(key),
        key: key.to_owned(),
        name: format!("The {key}"),
        zone: "America/Chicago".into(),
        language: "en".into(),
        cost_centre: id(7, 0),
        columns: BTreeMap::new(),
        plan: Plan {
            monthly: None,
            unit: PlanUnit::Messages,
            rate: 10.0,
            beyond: Beyond::Refuse,
            hours: None,
        },
        groups: vec![],
        programs: vec![program("main", 0), program("nursing", 1)],
        calendars: BTreeMap::new(),
        numbers: vec![],
        members: vec![],
        roles: vec![starts],
    }
}

fn member(key: &str, roles: Vec<crate::model::RoleId>) -> Member {
    Member {
        user: user(key),
        roles,
    }
}

fn accounts() -> Vec<Account> {
    let mut college = make_account("college", 0);
    college.groups = groups(&[
        ("admissions", &["ana", "ben"]),
        ("billing", &["gone", "cyd", "ben", "ana"]),
        ("left", &["gone"]),
        ("front", &["cyd"]),
    ]);
    college.numbers = vec![
        uses(SHARED, group("admissions")),
        uses(PLAIN, group("front")),
    ];
    college.members = vec![
        member("ana", vec![college.roles[0].id]),
        member("ben", vec![]),
        member("cyd", vec![]),
        member("gone", vec![]),
    ];
    let mut clinic = make_account("clinic", 1);
    clinic.groups = groups(&[("nurses", &["eve"])]);
    clinic.numbers = vec![uses(SHARED, group("nurses"))];
    clinic.members = vec![member("eve", vec![clinic.roles[0].id])];
    vec![college, clinic]
}

fn numbers() -> Vec<Number> {
    let make = |address: &str, unmatched: &str| Number {
        id: number(address),
        address: address.to_owned(),
        connection: "twilio".into(),
        sms: true,
        mms: true,
        voice: true,
        opt_out: None,
        manage_unmatched: account(unmatched),
        calls: account("college"),
        active: true,
        open_conversations: true,
        rate: None,
    };
    vec![make(SHARED, "clinic"), make(PLAIN, "college")]
}

fn keyword(of: &Account, words: &[&str], flow: Option<&str>) -> Keyword {
    Keyword {
        number: number(SHARED),
        account: of.id,
        word: words[0].to_owned(),
        folded: words.iter().map(|word| fold_keyword(word)).collect(),
        matching: Matching::FirstWord,
        program: of.programs[0].id,
        flow: flow.map(str::to_owned),
        sub: vec![],
    }
}

fn keywords(accounts: &[Account]) -> Vec<Keyword> {
    let (college, clinic) = (&accounts[0], &accounts[1]);
    let mut apply = keyword(college, &["APPLY", "APLY"], Some("apply"));
    apply.sub = vec![SubKeyword {
        word: "NURSE".into(),
        folded: vec![fold_keyword("NURSE")],
        flow: Some("nurse".into()),
        program: Some(college.programs[1].id),
    }];
    vec![
        apply,
        keyword(college, &["BILLS"], None),
        keyword(clinic, &["PILLS", "REFILL"], Some("pills")),
    ]
}

impl Parts {
    pub(super) fn new() -> Self {
        let accounts = accounts();
        Self {
            keywords: keywords(&accounts),
            users: users(),
            numbers: numbers(),
            accounts,
        }
    }

    pub(super) fn number(&mut self, address: &str) -> &mut Number {
        let of = |one: &&mut Number| one.address == address;
        self.numbers.iter_mut().find(of).unwrap()
    }

    pub(super) fn account(&mut self, key: &str) -> &mut Account {
        self.accounts.iter_mut().find(|one| one.key == key).unwrap()
    }

    pub(super) fn user(&mut self, key: &str) -> &mut User {
        self.users.iter_mut().find(|one| one.key == key).unwrap()
    }

    /// How an account uses a number.
    pub(super) fn uses(&mut self, key: &str, address: &str) -> &mut AccountNumber {
        let account = self.accounts.iter_mut().find(|one| one.key == key).unwrap();
        let of = |one: &&mut AccountNumber| one.number == number(address);
        account.numbers.iter_mut().find(of).unwrap()
    }

    fn directory(self) -> Arc<Directory> {
        let Self {
            accounts,
            users,
            numbers,
            keywords,
        } = self;
        Arc::new(Directory::new(1, accounts, users, numbers, keywords))
    }
}

/// Gives every account's program `main` a caseload.
pub(super) fn caseload(parts: &mut Parts, key: &str) {
    for account in &mut parts.accounts {
        let main = account.programs.iter_mut().find(|one| one.key == "main");
        main.unwrap().caseloads.push(Caseload {
            key: key.to_owned(),
            name: key.to_owned(),
        });
    }
}

/// The opening of every flow of a test.
pub(super) fn document(key: &str, steps: &str) -> String {
    let on = match steps.contains("reply:") || steps.contains("ask:") || steps.contains("# sms") {
        true => "sms",
        false => "call",
    };
    let account = if key == "pills" || key == "front" {
        "clinic"
    } else {
        "college"
    };
    format!("flow: {key}\naccount: {account}\non: {on}\nsteps:\n{steps}")
}

impl Bench {
    /// The organisation with these flows, as `key: steps`.
    pub(super) fn new(flows: &[(&str, &str)]) -> Self {
        Self::with(flows, |_| {})
    }

    /// The same with something changed.
    pub(super) fn with(flows: &[(&str, &str)], change: impl FnOnce(&mut Parts)) -> Self {
        let mut parts = Parts::new();
        change(&mut parts);
        let facts = ConnectionFacts {
            opt_out: OptOutBy::Us,
            legs_max: 10,
            calls_per_second: 10.0,
            rate: 30.0,
        };
        let mut bench = Self {
            world: World {
                directory: parts.directory(),
                flows: Arc::default(),
                connections: Arc::new([("twilio".to_owned(), facts)].into()),
                words: Arc::new(ComplianceWords::everywhere().clone()),
                email: true,
            },
            store: Store::default(),
            now: Timestamp::from_micros(1_772_555_400_000_000),
            events: 0,
            recorded: Vec::new(),
            ids: Ids::new(Timestamp::from_micros(1_600_000_000_000_000), 77),
        };
        for (key, steps) in flows {
            bench.publish(key, steps);
        }
        bench
    }

    /// Publishes a flow; new runs start with it.
    pub(super) fn publish(&mut self, key: &str, steps: &str) -> RevisionId {
        let source = document(key, steps);
        let checked = flow::check(key, &source, &NoNames)
            .unwrap_or_else(|faults| panic!("{source}\n{faults:#?}"));
        let owner = self.world.directory.account_by_key(&checked.flow.account);
        let owner = owner.unwrap().id;
        let revision = self.ids.fresh();
        let mut flows = Flows::clone(&self.world.flows);
        flows.insert(owner, revision, Arc::new(checked.flow), true);
        self.world.flows = Arc::new(flows);
        revision
    }

    /// The organisation changes between two events.
    pub(super) fn reorganise(&mut self, change: impl FnOnce(&mut Parts)) {
        let mut parts = Parts::new();
        change(&mut parts);
        self.world.directory = parts.directory();
    }

    pub(super) fn presence(&mut self, key: &str, presence: Presence) {
        self.store.presence.insert(user(key), presence);
    }

    /// Time passes.
    pub(super) fn pass(&mut self, seconds: u64) {
        self.now = self.now + Duration::from_secs(seconds);
    }

    /// Something happens; what came of it is saved.
    pub(super) fn happens(&mut self, input: &Input) -> Turn {
        self.events += 1;
        self.pass(1);
        let at = At {
            event: Ids::new(self.now, self.events).fresh(),
            now: self.now,
            seed: self.events,
        };
        let turn = self.decided(input, at);
        self.recorded.push((at, input.clone(), turn.clone()));
        super::store::judge(self, &turn);
        self.store.apply(&turn);
        turn
    }

    /// Decides as a node does: what is needed is loaded and the decision begun anew.
    fn decided(&self, input: &Input, at: At) -> Turn {
        let mut known = needs(&self.world, input);
        for _ in 0..=ROUNDS_MAX {
            let mut state = self.store.load(&known);
            match decide(&self.world, &state, input, at) {
                Decision::Done(turn) => {
                    let again = decide(&self.world, &state, input, at);
                    assert_eq!(again, Decision::Done(turn.clone()), "not deterministic");
                    state.apply(&turn);
                    self.store.agrees(&turn, &known, &state);
                    return *turn;
                }
                Decision::Need(more) => {
                    assert!(!more.is_empty(), "needs nothing");
                    assert!(
                        more.iter().all(|need| !known.contains(need)),
                        "{more:?} again"
                    );
                    known.extend(more);
                }
                Decision::Undecided(why) => panic!("undecided: {why}"),
            }
        }
        panic!("needs more and more: {known:?}");
    }

    /// A text comes.
    pub(super) fn sms(&mut self, to: &str, text: &str) -> Turn {
        self.sms_from(PAT, to, text)
    }

    pub(super) fn sms_from(&mut self, from: &str, to: &str, text: &str) -> Turn {
        let mo = self.mo(from, to, text);
        self.carrier(Inbound::Message(mo))
    }

    pub(super) fn mo(&self, from: &str, to: &str, text: &str) -> Mo {
        Mo {
            carrier_id: format!("SM{}", self.events),
            from: Party::read(from),
            to: to.to_owned(),
            text: text.to_owned(),
            media: vec![],
            carrier_answered: false,
            carrier_said: None,
        }
    }

    /// The carrier tells something.
    pub(super) fn carrier(&mut self, inbound: Inbound) -> Turn {
        let connection = "twilio".to_owned();
        self.happens(&Input::Carrier {
            connection,
            inbound,
        })
    }

    /// Fires the timers that are due now.
    pub(super) fn timers(&mut self) -> Vec<Turn> {
        let due = self.store.due(self.now);
        let fire = |input: &Input| self.happens(input);
        due.iter().map(fire).collect()
    }

    /// The only conversation of an account, in any program.
    pub(super) fn conversation(&self, key: &str) -> Conversation {
        let mut of = self.store.conversations.values();
        let found = of.find(|one| one.account == account(key));
        found
            .unwrap_or_else(|| panic!("no thread of {key}"))
            .clone()
    }

    /// The kinds of dated lines of an account, in order, without what they hold.
    pub(super) fn lines(&self, key: &str) -> Vec<String> {
        let of = |event: &&crate::model::conversation::ThreadEvent| event.account == account(key);
        let events = self.store.events.iter().filter(of);
        events.map(|event| word(&event.kind)).collect()
    }
}

/// The name of a dated line, with the little that tells it from its like.
pub(super) fn word(kind: &ThreadEventKind) -> String {
    let json = serde_json::to_value(kind).unwrap();
    let outcome = json["outcome"].as_str().map(|word| format!(" {word}"));
    json["kind"].as_str().unwrap().to_owned() + &outcome.unwrap_or_default()
}

/// The texts of ours that a turn makes.
pub(super) fn sent(turn: &Turn) -> Vec<String> {
    messages(turn).into_iter().map(|one| one.text).collect()
}

pub(super) fn messages(turn: &Turn) -> Vec<Message> {
    let ours = |write: &Write| match write {
        Write::Message(message) if message.kind != MessageKind::Inbound => {
            Some((**message).clone())
        }
        _ => None,
    };
    turn.writes.iter().filter_map(ours).collect()
}

/// The codes of what ops are told.
pub(super) fn ops(turn: &Turn) -> Vec<&'static str> {
    let code = |write: &Write| match write {
        Write::OpsNotice { code, .. } => Some(*code),
        _ => None,
    };
    turn.writes.iter().filter_map(code).collect()
}
