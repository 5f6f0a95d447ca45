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
use crate::model::calendar::Calendar;
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

mod pen;
mod staff;

use pen::Pen;
pub(crate) use staff::TestStaff;
use staff::event;

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
            rate: None,
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
            hours: None,
        },
        groups: vec![],
        programs: vec![Program {
            id: program,
            key: "main".to_owned(),
            name: "Main".to_owned(),
            number: Some(number),
            caseloads: Vec::new(),
        }],
        calendars: BTreeMap::from([(
            "office".to_owned(),
            Calendar::always(jiff::tz::TimeZone::UTC),
        )]),
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
