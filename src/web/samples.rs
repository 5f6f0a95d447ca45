//! An organisation with something in its boxes, and a daemon small enough for tests: members' acts go
//! through the real core and the real store.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tempfile::TempDir;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use crate::api::door::Staff;
use crate::daemon::{ActRefused, Acted};
use crate::decide::{self, At, Input, World};
use crate::model::account::{
    Account, AccountNumber, Beyond, ColumnType, Number, Plan, PlanUnit, Program, Route,
};
use crate::model::consent::{Consent, ConsentEntry, ConsentScope};
use crate::model::conversation::{
    Assignment, Conversation, ConversationState, ThreadEvent, ThreadEventKind, Voicemail,
    VoicemailState,
};
use crate::model::directory::Directory;
use crate::model::organisation::{AccountRow, OrgChange, OrgRow};
use crate::model::people::{Contact, ContactPhone, Device, Group, Member, Permission, Role, User};
use crate::model::staff::StaffAction;
use crate::model::turn::{Decision, Notice, Turn, Write};
use crate::model::{
    AccountId, ConversationId, EventId, GroupId, Id, Ids, MediaRef, Message, MessageKind,
    MessageStatus, NumberId, Party, ProgramId, Timestamp, UserId, Via, VoicemailId,
};
use crate::net::blobs::{BlobKey, Blobs};
use crate::store::{Actor, Answer, NewEvent, NodeScope, Store};

/// When everything in the samples has happened.
pub(crate) const NOW: Timestamp = Timestamp::from_micros(1_772_632_800_000_000);

/// The people and parts by name.
pub(crate) struct Sample {
    pub(crate) directory: Arc<Directory>,
    pub(crate) clinic: AccountId,
    pub(crate) college: AccountId,
    pub(crate) billing: GroupId,
    pub(crate) front: GroupId,
    pub(crate) admissions: GroupId,
    number: NumberId,
    programs: [ProgramId; 2],
    users: Vec<(&'static str, UserId)>,
}

/// What was put in: the conversations and voicemails by a short name.
pub(crate) struct Put {
    /// In the clinic's front desk, unread.
    pub(crate) maria: ConversationId,
    /// In the clinic's billing, assigned to ana.
    pub(crate) james: ConversationId,
    /// In the college's admissions.
    pub(crate) noor: ConversationId,
    /// In the clinic's front desk, flagged.
    pub(crate) stranger: ConversationId,
    /// In the front desk's box, ready to be played.
    pub(crate) voicemail: VoicemailId,
    /// In the college's admissions.
    pub(crate) college_voicemail: VoicemailId,
}

impl Sample {
    /// Two accounts on one number. Clinic: ana (front desk, billing), ben (front desk), lea (sees all boxes);
    /// college: ana, cy (admissions). `ada` is an administrator, `gone` has left.
    pub(crate) fn new() -> Self {
        let mut ids = Ids::new(NOW - Duration::from_secs(90 * 86_400), 7);
        let names = ["ana", "ben", "cy", "lea", "ada", "gone"];
        let users: Vec<(&'static str, UserId)> = names.map(|name| (name, ids.fresh())).into();
        let user = |name: &str| users.iter().find(|one| one.0 == name).unwrap().1;
        let (number, programs) = (ids.fresh(), [ids.fresh(), ids.fresh()]);
        let group = |ids: &mut Ids, key: &str, name: &str, members: &[&str]| Group {
            id: ids.fresh(),
            key: key.to_owned(),
            name: name.to_owned(),
            members: members.iter().map(|name| user(name)).collect(),
        };
        let front = group(&mut ids, "front-desk", "Front desk", &["ana", "ben"]);
        let billing = group(&mut ids, "billing", "Billing", &["ana"]);
        let admissions = group(&mut ids, "admissions", "Admissions", &["cy"]);
        let role = |ids: &mut Ids, key: &str, permissions: &[Permission]| Role {
            id: ids.fresh(),
            key: key.to_owned(),
            name: key.to_owned(),
            permissions: permissions.to_vec(),
        };
        let staff = role(&mut ids, "staff", &[Permission::MayStartTexts]);
        let teacher = role(&mut ids, "staff", &[Permission::MayStartTexts]);
        let lead = role(&mut ids, "lead", &[Permission::SeesAllBoxes]);
        let member = |name: &str, role: &Role| Member {
            user: user(name),
            roles: vec![role.id],
        };
        let uses = |group: &Group| AccountNumber {
            number,
            call_flow: None,
            text_flow: None,
            route: Route::Group(group.id),
        };
        let mut clinic = account(&mut ids, "clinic", "Riverside Clinic", programs[0], number);
        clinic.members = vec![
            member("ana", &staff),
            member("ben", &staff),
            member("lea", &lead),
            member("gone", &staff),
        ];
        clinic.numbers = vec![uses(&front)];
        let mut college = account(&mut ids, "college", "Lakeside College", programs[1], number);
        college.members = vec![member("ana", &teacher), member("cy", &teacher)];
        college.numbers = vec![uses(&admissions)];
        let (front_id, billing_id, admissions_id) = (front.id, billing.id, admissions.id);
        clinic.groups = vec![front, billing];
        clinic.roles = vec![staff, lead];
        college.groups = vec![admissions];
        college.roles = vec![teacher];
        let (clinic_id, college_id) = (clinic.id, college.id);
        let people = users.iter().map(|(key, id)| person(key, *id)).collect();
        let ours = Number {
            id: number,
            address: "+12025550100".to_owned(),
            connection: "twilio".to_owned(),
            sms: true,
            mms: true,
            voice: true,
            opt_out: None,
            manage_unmatched: clinic_id,
            calls: clinic_id,
            active: true,
            open_conversations: true,
        };
        let directory = Directory::new(1, vec![clinic, college], people, vec![ours], vec![]);
        Self {
            directory: Arc::new(directory),
            clinic: clinic_id,
            college: college_id,
            billing: billing_id,
            front: front_id,
            admissions: admissions_id,
            number,
            programs,
            users,
        }
    }

    pub(crate) fn user(&self, name: &str) -> UserId {
        self.users.iter().find(|one| one.0 == name).unwrap().1
    }

    fn conversation(&self, ids: &mut Ids, route: GroupId, phone: &str, age_s: u64) -> Conversation {
        let college = route == self.admissions;
        let at = NOW - Duration::from_secs(age_s);
        Conversation {
            id: ids.fresh(),
            account: if college { self.college } else { self.clinic },
            program: self.programs[usize::from(college)],
            number: self.number,
            party: Party::read(phone),
            contact: None,
            state: ConversationState::Open,
            route: Route::Group(route),
            assignment: None,
            tags: vec![],
            priority: false,
            flagged: false,
            unread: false,
            preview: String::new(),
            last_at: at,
            auto_replied_at: None,
            created_at: at - Duration::from_secs(86_400),
            version: 1,
        }
    }

    /// Writes the organisation, as `signalbox apply` does.
    async fn apply(&self, store: &Store) {
        let rows = self.directory.numbers().cloned().map(OrgRow::Number);
        let mut rows: Vec<OrgRow> = rows.collect();
        rows.extend(self.directory.users().cloned().map(OrgRow::User));
        for account in self.directory.accounts() {
            rows.push(OrgRow::Account(AccountRow {
                id: account.id,
                key: account.key.clone(),
                name: account.name.clone(),
                zone: account.zone.clone(),
                language: account.language.clone(),
                cost_centre: account.cost_centre,
                columns: account.columns.clone(),
                plan: account.plan.clone(),
            }));
            let of = account.id;
            rows.extend(
                account
                    .roles
                    .iter()
                    .cloned()
                    .map(|row| OrgRow::Role(of, row)),
            );
            rows.extend(
                account
                    .members
                    .iter()
                    .cloned()
                    .map(|row| OrgRow::Member(of, row)),
            );
            rows.extend(
                account
                    .groups
                    .iter()
                    .cloned()
                    .map(|row| OrgRow::Group(of, row)),
            );
            rows.extend(
                account
                    .programs
                    .iter()
                    .cloned()
                    .map(|row| OrgRow::Program(of, row)),
            );
            rows.extend(
                account
                    .numbers
                    .iter()
                    .cloned()
                    .map(|row| OrgRow::AccountNumber(of, row)),
            );
        }
        let changes = rows.into_iter().map(|what| OrgChange {
            what,
            subject: "sample".to_owned(),
            before: None,
            after: String::new(),
        });
        store
            .apply(&Actor::Node, NOW, 0, changes.collect())
            .await
            .unwrap();
    }

    /// Fills the boxes.
    pub(crate) async fn fill(&self, store: &Store, blobs: &Blobs) -> Put {
        let mut pen = Pen {
            of: self,
            ids: Ids::new(NOW - Duration::from_secs(40 * 86_400), 11),
            writes: vec![],
        };
        let put = pen.write(blobs).await;
        let writes = pen.writes;
        let turn = Turn {
            writes,
            rule: "sample",
            ..Turn::default()
        };
        let event = event(NOW, 5);
        let decided = move |_: &_, _, _: &_| Decision::Done(Box::new(turn.clone()));
        let answers = store
            .turn(NodeScope::daemon(), vec![event], decided)
            .await
            .unwrap();
        assert!(matches!(answers[0], Answer::Decided { .. }), "{answers:?}");
        put
    }
}

/// Writes the samples.
struct Pen<'a> {
    of: &'a Sample,
    ids: Ids,
    writes: Vec<Write>,
}

impl Pen<'_> {
    async fn write(&mut self, blobs: &Blobs) -> Put {
        let (of, front, billing) = (self.of, self.of.front, self.of.billing);
        let mut maria = of.conversation(&mut self.ids, front, "+12025550143", 260);
        maria.contact =
            Some(self.contact(&maria, Some("María José Ortega"), Some("maria@example.org")));
        maria.unread = true;
        maria.priority = true;
        maria.tags = vec!["new-patient".to_owned()];
        maria.preview = "Could I come a little earlier? My bus leaves at four.".to_owned();
        self.inbound(
            &maria,
            93_000,
            "Hello, can I get an appointment for my daughter this week?",
        );
        self.event(
            &maria,
            92_990,
            None,
            ThreadEventKind::Posted {
                to: Route::Group(front),
                note: Some("Came in by the APPOINTMENT keyword".to_owned()),
            },
        );
        self.ours(
            &maria,
            92_900,
            "Of course! We have Thursday at 15:30. Does that work for you?",
            Some("ben"),
            MessageStatus::Delivered,
            None,
        );
        self.inbound(&maria, 92_000, "Yes, that works 🙂");
        self.ours(
            &maria,
            91_900,
            "Great, see you on Thursday. Please bring her vaccination record.",
            Some("ana"),
            MessageStatus::Sent,
            None,
        );
        self.event(
            &maria,
            3_600,
            None,
            ThreadEventKind::Called {
                call: self.ids.clone().fresh(),
                outcome: "missed".to_owned(),
                user: None,
            },
        );
        self.event(
            &maria,
            1_800,
            Some("ben"),
            ThreadEventKind::Note {
                text: "Dr. Lee is free from 14:00 on.".to_owned(),
            },
        );
        self.inbound(
            &maria,
            260,
            "Could I come a little earlier? My bus leaves at four.",
        );

        let mut james = of.conversation(&mut self.ids, billing, "+12025550144", 4_100);
        james.contact =
            Some(self.contact(&james, Some("James Whitfield"), Some("james@example.org")));
        james.assignment = Some(Assignment {
            to: Route::User(of.user("ana")),
            by: Some(of.user("ben")),
            at: NOW - Duration::from_secs(7_200),
            note: Some("He asks about the second invoice".to_owned()),
        });
        james.preview = "I was charged twice, please look at it".to_owned();
        self.inbound(&james, 9_000, "I was charged twice, please look at it");
        self.event(
            &james,
            7_200,
            Some("ben"),
            ThreadEventKind::Assigned {
                to: Route::User(of.user("ana")),
                note: Some("He asks about the second invoice".to_owned()),
            },
        );
        self.ours(
            &james,
            5_000,
            "You are right, we are sending the money back today.",
            Some("ana"),
            MessageStatus::Refused,
            Some("opted_out"),
        );
        self.email(
            &james,
            4_100,
            "You are right, we are sending the money back today.",
        );
        self.consent(&james, Consent::Out, 6_000);
        self.event(&james, 6_000, None, ThreadEventKind::OptedOut);

        let mut stranger = of.conversation(&mut self.ids, front, "+12025550145", 20_000);
        stranger.flagged = true;
        stranger.unread = true;
        stranger.preview = "please dont text this phone anymore it is my work phone".to_owned();
        self.ours(
            &stranger,
            21_000,
            "Reminder: your appointment is tomorrow at 09:00.",
            None,
            MessageStatus::Undelivered,
            Some("unreachable"),
        );
        self.inbound(
            &stranger,
            20_000,
            "please dont text this phone anymore it is my work phone",
        );
        self.event(
            &stranger,
            19_999,
            None,
            ThreadEventKind::RevocationSuspected,
        );

        let mut noor = of.conversation(&mut self.ids, of.admissions, "+12025550146", 600);
        noor.contact = Some(self.contact(&noor, Some("Noor Haddad"), None));
        noor.unread = true;
        noor.preview = "<script>alert(1)</script> & when does term begin?".to_owned();
        self.inbound(
            &noor,
            600,
            "<script>alert(1)</script> & when does term begin?",
        );

        let voicemail = self.voicemails(&maria, &stranger, &noor, blobs).await;
        let (many, first) = (self.many(), [&maria, &james, &stranger, &noor]);
        let put = Put {
            maria: maria.id,
            james: james.id,
            noor: noor.id,
            stranger: stranger.id,
            voicemail: voicemail[0],
            college_voicemail: voicemail[1],
        };
        let rows: Vec<Conversation> = first.into_iter().cloned().chain(many).collect();
        self.writes.extend(
            rows.into_iter()
                .map(|row| Write::Conversation(Box::new(row))),
        );
        put
    }

    /// Enough for a list that scrolls: open, closed and automated ones.
    fn many(&mut self) -> Vec<Conversation> {
        let said = [
            (
                "Priya Raman",
                "Thank you, that was quick!",
                ConversationState::Open,
            ),
            (
                "Tom Becker",
                "Is the lab open on Saturdays?",
                ConversationState::Open,
            ),
            ("", "Ok", ConversationState::Closed),
            (
                "Elena Petrova",
                "Which forms do I need to bring?",
                ConversationState::Open,
            ),
            ("Sam O'Neill", "2", ConversationState::Automated),
            (
                "Grace Liu",
                "I will be ten minutes late, sorry",
                ConversationState::Open,
            ),
            (
                "Ahmed Farouk",
                "Perfect, see you then",
                ConversationState::Closed,
            ),
            (
                "Lucía Fernández",
                "¿Hablan español?",
                ConversationState::Open,
            ),
        ];
        let mut rows = vec![];
        for (at, (name, text, state)) in said.into_iter().enumerate() {
            let age = 30_000 + at as u64 * 40_000;
            let phone = format!("+1202555015{at}");
            let mut row = self
                .of
                .conversation(&mut self.ids, self.of.front, &phone, age);
            row.state = state;
            row.preview = text.to_owned();
            let name = Some(name).filter(|name| !name.is_empty());
            row.contact = Some(self.contact(&row, name, None));
            self.inbound(&row, age, text);
            rows.push(row);
        }
        rows
    }

    async fn voicemails(
        &mut self,
        maria: &Conversation,
        stranger: &Conversation,
        noor: &Conversation,
        blobs: &Blobs,
    ) -> [VoicemailId; 2] {
        let mut made = vec![];
        for (of, owner, age, seconds, state) in [
            (stranger, self.of.front, 86_400, 0, VoicemailState::Absent),
            (noor, self.of.admissions, 7_000, 4, VoicemailState::Ready),
            (maria, self.of.front, 3_500, 31, VoicemailState::Ready),
            (stranger, self.of.front, 400, 9, VoicemailState::Fetching),
        ] {
            let id: VoicemailId = self.ids.fresh();
            let missed = seconds == 0;
            let mut blob = None;
            if state == VoicemailState::Ready {
                let key = BlobKey::new(of.account, "recording", id, "audio/x-wav").unwrap();
                blobs.put(&key, Bytes::from(wav(seconds))).await.unwrap();
                blob = Some(key.to_string());
                made.push(id);
            }
            let text = "Hello, it is me again, about Thursday. Could you call me back when you have a moment?";
            self.writes.push(Write::Voicemail(Box::new(Voicemail {
                id,
                account: of.account,
                owner: Route::Group(owner),
                call: self.ids.fresh(),
                conversation: Some(of.id),
                party: of.party.clone(),
                recording: (!missed).then(|| format!("RE{id}")),
                duration_s: seconds,
                state,
                blob,
                transcript: (seconds > 20).then(|| text.to_owned()),
                heard: missed,
                created_at: NOW - Duration::from_secs(age),
                version: 1,
            })));
        }
        [made[1], made[0]]
    }

    fn contact(
        &mut self,
        of: &Conversation,
        name: Option<&str>,
        email: Option<&str>,
    ) -> crate::model::ContactId {
        let id = self.ids.fresh();
        let columns = BTreeMap::from([
            ("size".to_owned(), serde_json::json!("medium")),
            ("member_since".to_owned(), serde_json::json!("2024-05-01")),
        ]);
        let phone = |phone: Party, kind: &str, textable| ContactPhone {
            phone,
            kind: kind.to_owned(),
            textable,
        };
        self.writes.push(Write::Contact(Box::new(Contact {
            id,
            account: of.account,
            name: name.map(str::to_owned),
            phones: vec![
                phone(of.party.clone(), "mobile", true),
                phone(Party::read("+12025550199"), "home", false),
            ],
            email: email.map(str::to_owned),
            language: Some("en".to_owned()),
            source: if name.is_some() {
                "organisation"
            } else {
                "inbound"
            }
            .to_owned(),
            columns: if name.is_some() {
                columns
            } else {
                BTreeMap::new()
            },
            tags: vec![],
            forwarded_route: None,
            created_at: of.created_at,
            version: 1,
        })));
        id
    }

    fn inbound(&mut self, of: &Conversation, age_s: u64, text: &str) {
        let row = self.message(of, age_s, text);
        self.writes.push(Write::Message(Box::new(row)));
    }

    fn ours(
        &mut self,
        of: &Conversation,
        age_s: u64,
        text: &str,
        by: Option<&str>,
        status: MessageStatus,
        reason: Option<&str>,
    ) {
        let row = Message {
            kind: if by.is_some() {
                MessageKind::Staff
            } else {
                MessageKind::Automated
            },
            author: by.map(|name| self.of.user(name)),
            status,
            reason: reason.map(str::to_owned),
            ..self.message(of, age_s, text)
        };
        self.writes.push(Write::Message(Box::new(row)));
    }

    fn email(&mut self, of: &Conversation, age_s: u64, text: &str) {
        let row = Message {
            kind: MessageKind::Staff,
            author: Some(self.of.user("ana")),
            status: MessageStatus::Sent,
            via: Via::Email,
            reason: Some("opted_out".to_owned()),
            ..self.message(of, age_s, text)
        };
        self.writes.push(Write::Message(Box::new(row)));
    }

    fn message(&mut self, of: &Conversation, age_s: u64, text: &str) -> Message {
        let at = NOW - Duration::from_secs(age_s);
        Message {
            id: self.id_at(at),
            account: of.account,
            conversation: of.id,
            number: of.number,
            party: of.party.clone(),
            kind: MessageKind::Inbound,
            text: text.to_owned(),
            media: Vec::<MediaRef>::new(),
            status: MessageStatus::Received,
            via: Via::Text,
            segments: 1,
            carrier_id: None,
            reason: None,
            author: None,
            run: None,
            contact: of.contact,
            event: None,
            created_at: at,
            due_at: None,
            attempts: 0,
        }
    }

    fn event(&mut self, of: &Conversation, age_s: u64, by: Option<&str>, kind: ThreadEventKind) {
        let at = NOW - Duration::from_secs(age_s);
        let id = self.id_at(at);
        self.writes.push(Write::ThreadEvent(Box::new(ThreadEvent {
            id,
            account: of.account,
            conversation: of.id,
            at,
            by: by.map(|name| self.of.user(name)),
            kind,
        })));
    }

    fn consent(&mut self, of: &Conversation, verdict: Consent, age_s: u64) {
        self.writes.push(Write::Consent(Box::new(ConsentEntry {
            id: self.ids.fresh(),
            party: of.party.clone(),
            scope: ConsentScope::Number(of.number),
            verdict,
            at: NOW - Duration::from_secs(age_s),
            source: "text".to_owned(),
            event: None,
        })));
    }

    /// Ids are in the order of time, as real ones are.
    fn id_at<T: Id>(&mut self, at: Timestamp) -> T {
        let seed = self.ids.mix();
        Ids::new(at, seed).fresh()
    }
}

/// A daemon of which only the doors for staff are real.
pub(crate) struct TestStaff {
    pub(crate) sample: Sample,
    pub(crate) store: Store,
    pub(crate) live: broadcast::Sender<Notice>,
    pub(crate) stopping: CancellationToken,
    blobs: Blobs,
    _folder: TempDir,
}

impl TestStaff {
    pub(crate) async fn new(store: Store) -> (Self, Put) {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(folder.path()).unwrap();
        let sample = Sample::new();
        sample.apply(&store).await;
        let put = sample.fill(&store, &blobs).await;
        let made = Self {
            sample,
            store,
            live: broadcast::channel(8).0,
            stopping: CancellationToken::new(),
            blobs,
            _folder: folder,
        };
        (made, put)
    }

    /// A text comes in and is announced.
    pub(crate) async fn receive(&self, to: ConversationId, text: &str) {
        let now = crate::ambient::now();
        let (sample, text) = (&self.sample, text.to_owned());
        let notice = Notice {
            account: sample.clinic,
            conversation: Some(to),
            boxes: vec![Route::Group(sample.front)],
        };
        let needs = vec![crate::model::turn::Need::Conversation(to)];
        let mut event = event(now, crate::ambient::seed());
        event.needs = needs;
        let decide = move |state: &crate::model::turn::State, _: usize, _: &NewEvent| {
            let thread = state
                .threads
                .values()
                .flat_map(|thread| &thread.conversations);
            let Some(found) = thread.into_iter().find(|one| one.id == to) else {
                let place = state.conversations.get(&to).cloned().flatten().unwrap();
                return Decision::Need(vec![crate::model::turn::Need::Thread(place.0, place.1)]);
            };
            let mut row = found.clone();
            row.version += 1;
            row.unread = true;
            row.preview.clone_from(&text);
            row.last_at = now;
            let message = Message {
                id: Ids::new(now, crate::ambient::seed()).fresh(),
                account: row.account,
                conversation: row.id,
                number: row.number,
                party: row.party.clone(),
                kind: MessageKind::Inbound,
                text: text.clone(),
                media: vec![],
                status: MessageStatus::Received,
                via: Via::Text,
                segments: 1,
                carrier_id: None,
                reason: None,
                author: None,
                run: None,
                contact: row.contact,
                event: None,
                created_at: now,
                due_at: None,
                attempts: 0,
            };
            Decision::Done(Box::new(Turn {
                writes: vec![
                    Write::Conversation(Box::new(row)),
                    Write::Message(Box::new(message)),
                ],
                rule: "sample",
                ..Turn::default()
            }))
        };
        let answers = self
            .store
            .turn(NodeScope::daemon(), vec![event], decide)
            .await
            .unwrap();
        assert!(matches!(answers[0], Answer::Decided { .. }), "{answers:?}");
        let _ = self.live.send(notice);
    }

    async fn decided(&self, action: StaffAction) -> Result<Acted, ActRefused> {
        let world = World {
            directory: self.directory(),
            ..World::default()
        };
        let input = Input::Staff(action);
        let mut event = event(crate::ambient::now(), crate::ambient::seed());
        event.needs = decide::needs(&world, &input);
        let decide = move |state: &_, _: usize, event: &NewEvent| {
            let at = At {
                event: event.id,
                now: event.received_at,
                seed: event.seed,
            };
            decide::decide(&world, state, &input, at)
        };
        let answers = self
            .store
            .turn(NodeScope::daemon(), vec![event], decide)
            .await
            .unwrap();
        let Some(Answer::Decided { turn }) = answers.into_iter().next() else {
            panic!("not decided");
        };
        for notice in &turn.notices {
            let _ = self.live.send(notice.clone());
        }
        if let Some(refused) = turn.refused {
            return Err(ActRefused {
                code: refused.code,
                words: refused.words,
            });
        }
        let row = turn.writes.iter().rev().find_map(|write| match write {
            Write::Conversation(row) => Some(row),
            _ => None,
        });
        Ok(Acted {
            conversation: row.map(|row| row.id),
            version: row.map(|row| row.version),
        })
    }
}

impl Staff for TestStaff {
    fn act(&self, action: StaffAction) -> BoxFuture<'_, Result<Acted, ActRefused>> {
        self.decided(action).boxed()
    }

    fn directory(&self) -> Arc<Directory> {
        Arc::clone(&self.sample.directory)
    }

    fn store(&self) -> &Store {
        &self.store
    }

    fn live(&self) -> broadcast::Receiver<Notice> {
        self.live.subscribe()
    }

    fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    fn stopping(&self) -> CancellationToken {
        self.stopping.clone()
    }
}

fn event(now: Timestamp, seed: u64) -> NewEvent {
    NewEvent {
        id: Ids::new(now, seed).fresh::<EventId>(),
        connection: String::new(),
        hook: "sample".to_owned(),
        dedupe: None,
        received_at: now,
        seed,
        raw: b"{}".to_vec(),
        needs: vec![],
    }
}

fn person(key: &str, id: UserId) -> User {
    let names = [
        ("ana", "Ana Ruiz"),
        ("ben", "Ben Okafor"),
        ("cy", "Cy Lindqvist"),
        ("lea", "Lea Moreau"),
        ("ada", "Ada Novak"),
        ("gone", "Gil Gone"),
    ];
    User {
        id,
        key: key.to_owned(),
        name: names.iter().find(|one| one.0 == key).unwrap().1.to_owned(),
        email: Some(format!("{key}@example.org")),
        devices: vec![Device {
            phone: "+12025550111".parse().unwrap(),
            name: Some("desk".to_owned()),
        }],
        active: key != "gone",
        admin: key == "ada",
    }
}

fn account(ids: &mut Ids, key: &str, name: &str, program: ProgramId, number: NumberId) -> Account {
    Account {
        id: ids.fresh(),
        key: key.to_owned(),
        name: name.to_owned(),
        zone: "America/Chicago".to_owned(),
        language: "en".to_owned(),
        cost_centre: ids.fresh(),
        columns: BTreeMap::from([
            ("size".to_owned(), ColumnType::Text),
            ("member_since".to_owned(), ColumnType::Date),
        ]),
        plan: Plan {
            monthly: None,
            unit: PlanUnit::Messages,
            rate: 10.0,
            beyond: Beyond::Email,
        },
        groups: vec![],
        programs: vec![Program {
            id: program,
            key: "main".to_owned(),
            name: "Main".to_owned(),
            number: Some(number),
        }],
        calendars: BTreeMap::new(),
        numbers: vec![],
        members: vec![],
        roles: vec![],
    }
}

/// A silent recording, so that a player has something to play.
fn wav(seconds: u32) -> Vec<u8> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 8000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = std::io::Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut file, spec).unwrap();
    for _ in 0..seconds * 8000 {
        writer.write_sample(0i16).unwrap();
    }
    writer.finalize().unwrap();
    file.into_inner()
}
