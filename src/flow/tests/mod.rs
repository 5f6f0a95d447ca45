//! Tests of the language as a whole: the shipped organisation to run in, and a run driven by hand.

mod amd;
mod anything;
mod asked;
mod calls;
mod corpus;
mod dials;
mod faults;
mod house;
mod http;
mod mutated;
mod orders;
mod pages;
mod queue;
mod rooms;
mod schema;
mod scripts;
mod shipped;
mod texts;
mod told;
mod verbs;
mod whole;

use std::collections::HashMap;

use super::*;
use crate::config::organisation::OrganisationFile;
use crate::model::account::{Account, Number};
use crate::model::consent::Verdict;
use crate::model::directory::Directory;
use crate::model::people::{Contact, Presence, User};
use crate::model::turn::FieldValue;
use crate::model::{Ids, LegId, Party, Timestamp, UserId, Waiting};

/// A moment inside the office hours of both accounts: Tuesday 3 March 2026, 10:30 in Chicago.
const OPEN: i64 = 1_772_555_400_000_000;

fn organisation() -> Directory {
    let source = include_str!("../../../config/organisation.yaml");
    let now = Timestamp::from_micros(OPEN);
    OrganisationFile::read("organisation.yaml", source)
        .directory(&mut Ids::new(now, 7), now)
        .unwrap()
}

/// A run of one flow, driven event by event.
struct Drive {
    directory: Directory,
    account: String,
    flow: Flow,
    run: Run,
    ids: Ids,
    now: Timestamp,
    party: Party,
    contact: Option<Contact>,
    presence: HashMap<UserId, Presence>,
    /// Who else waits in queues; who is tried is added by what it asks for.
    waiting: Vec<Waiting>,
    text: Option<String>,
    legs_max: u32,
    calls_per_second: f64,
    opted_out: bool,
    automated_left: bool,
    textable: bool,
    email: bool,
    consent: Allowed,
    /// Other phones on the number.
    reach: HashMap<Party, Reach>,
    /// Everything asked for so far.
    effects: Vec<Effect>,
    /// How often the latest event had to be begun anew because something had to be known first.
    rounds: std::cell::Cell<usize>,
    /// People by what stands in a field.
    with_value: HashMap<FieldValue, Vec<Person>>,
    last: Option<Stepped>,
}

impl Drive {
    /// A flow of the clinic (or, by its `account:`, the college) at an open hour.
    fn new(source: &str) -> Self {
        let directory = organisation();
        let names = DirectoryNames::new(&directory, Vec::new());
        // What goes round in silence is refused, and its guard is tried all the same.
        let is_silent = |faults: &[Fault]| faults.iter().all(|fault| fault.code == "silent-loop");
        let flow = match check("flow.yaml", source, &names) {
            Ok(checked) => checked.flow,
            Err(faults) if is_silent(&faults) => read_published(source, &names).unwrap(),
            Err(faults) => panic!("{}", render(source, &faults)),
        };
        let now = Timestamp::from_micros(OPEN);
        let mut ids = Ids::new(now, 1);
        let run = Run::new(ids.fresh(), &flow.key, now);
        Self {
            account: flow.account.clone(),
            directory,
            flow,
            run,
            ids,
            now,
            party: Party::read("+12025550143"),
            contact: None,
            presence: HashMap::new(),
            waiting: Vec::new(),
            text: None,
            legs_max: 10,
            calls_per_second: 10.0,
            opted_out: false,
            automated_left: true,
            textable: true,
            email: true,
            consent: Allowed::default(),
            reach: HashMap::new(),
            rounds: Default::default(),
            with_value: HashMap::new(),
            effects: Vec::new(),
            last: None,
        }
    }

    /// A call flow of the clinic with these steps, indented by two.
    fn call(steps: &str) -> Self {
        Self::new(&format!(
            "flow: test\naccount: clinic\non: call\nsteps:\n{steps}"
        ))
    }

    /// A text flow of the clinic with these steps.
    fn sms(steps: &str) -> Self {
        Self::new(&format!(
            "flow: test\naccount: clinic\non: sms\nsteps:\n{steps}"
        ))
    }

    fn account(&self) -> &Account {
        self.directory.account_by_key(&self.account).unwrap()
    }

    fn user(&self, key: &str) -> UserId {
        self.directory.user_by_key(key).unwrap().id
    }

    /// A contact with this language.
    fn known(&self, language: Option<&str>) -> Contact {
        Contact {
            id: Ids::new(self.now, 3).fresh(),
            account: self.account().id,
            name: Some("Pia".to_owned()),
            phones: Vec::new(),
            email: None,
            language: language.map(str::to_owned),
            source: "inbound".to_owned(),
            columns: std::collections::BTreeMap::new(),
            tags: Vec::new(),
            caseloads: Vec::new(),
            forwarded_route: None,
            created_at: self.now,
            version: 1,
        }
    }

    /// The directory made anew from its changed rows.
    fn change(&mut self, account: impl Fn(&mut Account), user: impl Fn(&mut User)) {
        let mut accounts: Vec<Account> = self.directory.accounts().cloned().collect();
        accounts.iter_mut().for_each(account);
        let mut users: Vec<User> = self.directory.users().cloned().collect();
        users.iter_mut().for_each(user);
        let numbers = self.directory.numbers().cloned().collect();
        self.directory = Directory::new(2, accounts, users, numbers, Vec::new());
    }

    /// Somebody no longer works here.
    fn leave(&mut self, key: &str) {
        self.change(|_| {}, |user| user.active &= user.key != key);
    }

    fn drop_group(&mut self, key: &str) {
        self.change(
            |account| account.groups.retain(|group| group.key != key),
            |_| {},
        );
    }

    fn number(&self) -> &Number {
        self.directory.number_by_address("+12025550101").unwrap()
    }

    /// One event; presence that is asked for is "free" unless the test said otherwise.
    fn take(&mut self, event: Event<'_>) -> &Stepped {
        let mut ids = self.ids.clone();
        let account = self.account();
        let program = account.program("main");
        let mut known = self.presence.clone();
        let mut reached: HashMap<Party, Reach> = HashMap::new();
        let mut found: HashMap<FieldValue, Vec<Person>> = HashMap::new();
        self.rounds.set(0);
        let mut waiting = None;
        loop {
            let presence = |user| known.get(&user).copied();
            let with_value = |asked: &FieldValue| found.get(asked).cloned();
            let reach = |party: &Party| reached.get(party).cloned();
            let facts = Facts {
                now: self.now,
                account,
                directory: &self.directory,
                program,
                number: self.number(),
                party: &self.party,
                contact: self.contact.as_ref(),
                text: self.text.as_deref(),
                presence: &presence,
                waiting,
                legs_max: self.legs_max,
                calls_per_second: self.calls_per_second,
                consent: match self.opted_out {
                    true => Allowed {
                        number: Verdict::Out,
                        ..self.consent
                    },
                    false => self.consent,
                },
                textable: self.textable,
                automated_left: self.automated_left,
                reach: &reach,
                with_value: &with_value,
                email: self.email,
                traced: true,
            };
            // Saved and read back each time, as the store does.
            let run = Run::from_json(&self.run.to_json()).unwrap();
            assert_eq!(run, self.run);
            let stepped = match step(&self.flow, run, &event, &facts, &mut ids, Vec::new()) {
                Step::Done(stepped) => *stepped,
                Step::Need(wanted) => {
                    assert!(!wanted.is_empty());
                    self.rounds.set(self.rounds.get() + 1);
                    for wanted in wanted {
                        let fresh = match wanted {
                            Wanted::Presence(user) => {
                                known.insert(user, Presence::default()).is_none()
                            }
                            Wanted::Contacts(asked) => {
                                let people = self.with_value.get(&asked).cloned();
                                found.insert(asked, people.unwrap_or_default()).is_none()
                            }
                            Wanted::Waiting => waiting.replace(self.waiting.as_slice()).is_none(),
                            Wanted::Reach(party) => {
                                let here = self.reach.get(&party).cloned();
                                let open = Reach {
                                    textable: true,
                                    automated_left: true,
                                    notices_left: true,
                                    ..Reach::default()
                                };
                                reached.insert(party, here.unwrap_or(open)).is_none()
                            }
                        };
                        assert!(fresh, "asked for what was known");
                    }
                    continue;
                }
            };
            self.ids = ids;
            self.run = stepped.run.clone();
            self.effects.extend(stepped.effects.clone());
            return self.last.insert(stepped);
        }
    }

    fn start(&mut self) -> &Stepped {
        self.take(Event::Started)
    }

    /// A text of the person.
    fn texts(&mut self, text: &str) -> &Stepped {
        self.text = Some(text.to_owned());
        self.take(Event::Text(text))
    }

    fn later(&mut self, seconds: u64) -> &mut Self {
        self.now = self.now + std::time::Duration::from_secs(seconds);
        self
    }

    fn last(&self) -> &Stepped {
        self.last.as_ref().unwrap()
    }

    /// What the caller hears now, in short.
    fn hears(&self) -> String {
        self.last()
            .script
            .as_ref()
            .map_or("-".to_owned(), |verbs| shown(verbs))
    }

    /// What the asking leg hears.
    fn leg_hears(&self) -> String {
        self.last()
            .leg_script
            .as_ref()
            .map_or("-".to_owned(), |verbs| shown(verbs))
    }

    /// The effects of the latest event, in short.
    fn asked(&self) -> String {
        let shown: Vec<String> = self
            .last()
            .effects
            .iter()
            .map(|effect| self.effect(effect))
            .collect();
        shown.join("; ")
    }

    /// The leg rung for this user, by the latest effect that rings them.
    fn leg(&self, key: &str) -> LegId {
        let user = self.user(key);
        let mut rings = self.effects.iter().filter_map(|effect| match effect {
            Effect::Ring { legs, .. } => legs.iter().find(|leg| leg.user == Some(user)),
            _ => None,
        });
        rings.next_back().unwrap().leg
    }

    fn who(&self, leg: LegId) -> String {
        let mut legs = self.effects.iter().filter_map(|effect| match effect {
            Effect::Ring { legs, .. } => legs.iter().find(|have| have.leg == leg),
            _ => None,
        });
        let found = legs.next_back().unwrap();
        found.user.map_or_else(
            || found.phone.to_string(),
            |user| self.directory.user(user).unwrap().key.clone(),
        )
    }

    fn effect(&self, effect: &Effect) -> String {
        let route = |to| self.directory.route_name(self.account().id, to);
        match effect {
            Effect::Reply { text, .. } => format!("reply {text:?}"),
            Effect::Send { to, text, staff } => {
                format!(
                    "send {to}{} {text:?}",
                    if *staff { " (member)" } else { "" }
                )
            }
            Effect::Email { to, subject, text } => {
                format!("email {} {subject:?} {text:?}", to.join("+"))
            }
            Effect::Http { ask, request } => format!(
                "http {ask} {} {} {:?} {:?}",
                request.method.as_str(),
                request.url,
                request.headers,
                request.body.as_deref().unwrap_or("")
            ),
            Effect::Consent { scope, verdict } => {
                format!("consent {scope:?} {verdict:?}").to_lowercase()
            }
            Effect::Inbox {
                to,
                note,
                tags,
                high,
                auto_reply,
            } => format!(
                "inbox {}{}{}{}{}",
                route(*to),
                note.as_ref()
                    .map_or(String::new(), |note| format!(" note {note:?}")),
                if tags.is_empty() {
                    String::new()
                } else {
                    format!(" tags {tags:?}")
                },
                if *high { " high" } else { "" },
                auto_reply
                    .as_ref()
                    .map_or(String::new(), |text| format!(" auto {text:?}")),
            ),
            Effect::Assign { to, .. } => format!("assign {}", route(*to)),
            Effect::NotAssigned { reason } => format!("not assigned: {reason}"),
            Effect::Close => "close".to_owned(),
            Effect::SetField { field, value } => format!("set {field}={value}"),
            Effect::Tag { add, remove } => format!("tag +{add:?} -{remove:?}"),
            Effect::Caseloads { add, remove } => format!("caseloads +{add:?} -{remove:?}"),
            Effect::Ring {
                legs, room, ring_s, ..
            } => {
                let who: Vec<String> = legs.iter().map(|leg| self.who(leg.leg)).collect();
                let how = if room.is_some() { " into a room" } else { "" };
                format!("ring {} {ring_s}s{how}", who.join("+"))
            }
            Effect::Accepted { leg } => format!("accepted {}", self.who(*leg)),
            Effect::LegEnded { leg, status } => {
                format!("ended {} {}", self.who(*leg), status.as_str())
            }
            Effect::EndLegs(legs) => {
                let who: Vec<String> = legs.iter().map(|leg| self.who(*leg)).collect();
                format!("end {}", who.join("+"))
            }
            Effect::Waits { user, .. } => match user {
                Some(user) => {
                    format!("waits for {}", self.directory.user(*user).unwrap().key)
                }
                None => "waits".to_owned(),
            },
            Effect::WaitsNoMore(_) => "waits no more".to_owned(),
            Effect::MoveCaller => "move caller".to_owned(),
            Effect::Voicemail {
                owner, duration_s, ..
            } => format!("voicemail {} {duration_s}s", route(*owner)),
            Effect::CallOutcome(outcome) => format!("outcome {outcome}"),
            Effect::Note { text } => format!("note {text:?}"),
        }
    }

    /// What the call came to for people, and that it was said once.
    fn call_outcome(&self) -> Option<&'static str> {
        let mut told = self.effects.iter().filter_map(|effect| match effect {
            Effect::CallOutcome(outcome) => Some(*outcome),
            _ => None,
        });
        let first = told.next();
        assert_eq!(told.next(), None, "the outcome of a call is told once");
        first
    }
}

/// A script in short.
fn shown(verbs: &[CallVerb]) -> String {
    use crate::model::CallVerb as Verb;
    let one = |verb: &Verb| match verb {
        Verb::Say { text, language } => format!("{language}:{text}"),
        Verb::Play { url } => format!("play {url}"),
        Verb::Ringing { seconds } => format!("ringing {seconds}"),
        Verb::Pause { seconds } => format!("pause {seconds}"),
        Verb::Gather {
            prompt, digits_max, ..
        } => {
            let most = digits_max.map_or("*".to_owned(), |most| most.to_string());
            format!("gather<{most}>({})", shown(prompt))
        }
        Verb::Dial {
            legs,
            ring_s,
            screen,
            record,
            ..
        } => {
            format!(
                "dial {} for {ring_s}s{}{}",
                legs.len(),
                if *screen { " screened" } else { "" },
                if *record { " recorded" } else { "" }
            )
        }
        Verb::Record { max_s, .. } => format!("record {max_s}s"),
        Verb::Hold { record: true, .. } => "hold recorded".to_owned(),
        Verb::Hold { .. } => "hold".to_owned(),
        Verb::Join { record: true, .. } => "join recorded".to_owned(),
        Verb::Join { .. } => "join".to_owned(),
        Verb::Transfer { phone, caller_id } => format!(
            "transfer {phone}{}",
            caller_id
                .as_ref()
                .map_or(String::new(), |id| format!(" as {id}"))
        ),
        Verb::AskAgain { seconds } => format!("ask again {seconds}"),
        Verb::Reject { busy } => format!("reject{}", if *busy { " busy" } else { "" }),
        Verb::Hangup => "hangup".to_owned(),
    };
    verbs.iter().map(one).collect::<Vec<_>>().join(" | ")
}

/// What a leg hears that answers, or presses these keys, and what is asked of the carrier.
fn screen(drive: &mut Drive, who: &str, digits: Option<&str>) -> (String, String) {
    let leg = drive.leg(who);
    drive.take(Event::Screen {
        leg,
        digits,
        machine: false,
        unsure: false,
    });
    (drive.leg_hears(), drive.asked())
}

/// What is asked of the carrier when a leg comes to this.
fn status(drive: &mut Drive, who: &str, status: crate::model::CallStatus) -> String {
    let leg = drive.leg(who);
    drive.take(Event::LegStatus { leg, status });
    drive.asked()
}
