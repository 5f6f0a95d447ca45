//! A small organisation for the tests of this layer.

use std::collections::BTreeMap;

use crate::model::account::{Account, AccountNumber, Beyond, Plan, PlanUnit, Route};
use crate::model::conversation::{Conversation, ConversationState, Voicemail, VoicemailState};
use crate::model::directory::Directory;
use crate::model::people::{Contact, Group, Member, Permission, Role, User};
use crate::model::{AccountId, GroupId, Ids, NumberId, Party, Timestamp, UserId};

/// One account with two groups: `front` (ana, ben) and `gone`, whose only members have left or never belonged;
/// another account without anybody.
pub(super) struct Sample {
    pub(super) directory: Directory,
    pub(super) account: AccountId,
    pub(super) other_account: AccountId,
    pub(super) number: NumberId,
    pub(super) second_number: NumberId,
    pub(super) users: Vec<UserId>,
    groups: [GroupId; 2],
}

impl Sample {
    pub(super) const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);
    pub(super) const NAMES: [&'static str; 7] =
        ["ana", "ben", "cy", "sees_all", "admin", "left", "stranger"];

    pub(super) fn new() -> Self {
        let mut ids = Ids::new(Self::NOW, 1);
        let users: Vec<UserId> = Self::NAMES.iter().map(|_| ids.fresh()).collect();
        let groups = [ids.fresh(), ids.fresh()];
        let (number, second_number) = (ids.fresh(), ids.fresh());
        let mut account = account(&mut ids, "college");
        let other = account_of(&account, ids.fresh());
        let role = |ids: &mut Ids, key: &str, permission| Role {
            id: ids.fresh(),
            key: key.to_owned(),
            name: key.to_owned(),
            permissions: vec![permission],
        };
        account.roles = vec![
            role(&mut ids, "starts", Permission::MayStartTexts),
            role(&mut ids, "sees", Permission::SeesAllBoxes),
        ];
        let held = [vec![], vec![0], vec![], vec![1], vec![], vec![0]];
        account.members = [0, 1, 2, 3, 5]
            .into_iter()
            .map(|at| Member {
                user: users[at],
                roles: held[at]
                    .iter()
                    .map(|role: &usize| account.roles[*role].id)
                    .collect(),
            })
            .collect();
        account.groups = vec![
            group(groups[1], "gone", vec![users[5], users[6]]),
            group(groups[0], "front", vec![users[0], users[1]]),
        ];
        account.numbers = vec![
            uses(number, Route::Group(groups[0])),
            uses(second_number, Route::User(users[5])),
        ];
        Self {
            account: account.id,
            other_account: other.id,
            directory: Directory::new(1, vec![account, other], staff(&users), vec![], vec![]),
            number,
            second_number,
            users,
            groups,
        }
    }

    pub(super) fn user(&self, name: &str) -> UserId {
        self.users[Self::NAMES.iter().position(|known| *known == name).unwrap()]
    }

    pub(super) fn group(&self, key: &str) -> Route {
        Route::Group(self.groups[usize::from(key == "gone")])
    }

    /// An open conversation in the box `front`, at version 3.
    pub(super) fn conversation(&self) -> Conversation {
        let mut ids = Ids::new(Self::NOW, 2);
        Conversation {
            id: ids.fresh(),
            account: self.account,
            program: ids.fresh(),
            number: self.number,
            party: Party::read("+12025550143"),
            contact: None,
            state: ConversationState::Open,
            route: self.group("front"),
            assignment: None,
            tags: vec![],
            priority: false,
            flagged: false,
            unread: false,
            preview: String::new(),
            last_at: Self::NOW,
            auto_replied_at: None,
            created_at: Self::NOW,
            version: 3,
        }
    }

    pub(super) fn contact(&self, forwarded_route: Option<Route>) -> Contact {
        Contact {
            id: Ids::new(Self::NOW, 3).fresh(),
            account: self.account,
            name: None,
            phones: vec![],
            email: None,
            language: None,
            source: "inbound".to_owned(),
            columns: BTreeMap::new(),
            tags: vec![],
            caseloads: Vec::new(),
            forwarded_route,
            created_at: Self::NOW,
            version: 1,
        }
    }

    pub(super) fn voicemail(&self, party: &str) -> Voicemail {
        let mut ids = Ids::new(Self::NOW, 4);
        Voicemail {
            id: ids.fresh(),
            account: self.account,
            owner: self.group("front"),
            call: ids.fresh(),
            conversation: None,
            party: Party::read(party),
            recording: None,
            duration_s: 0,
            state: VoicemailState::Awaited,
            blob: None,
            transcript: None,
            heard: false,
            created_at: Self::NOW,
            version: 1,
        }
    }
}

fn account(ids: &mut Ids, key: &str) -> Account {
    Account {
        id: ids.fresh(),
        key: key.to_owned(),
        name: key.to_owned(),
        zone: "America/Chicago".to_owned(),
        language: "en".to_owned(),
        cost_centre: ids.fresh(),
        columns: BTreeMap::new(),
        plan: Plan {
            monthly: None,
            unit: PlanUnit::Messages,
            rate: 1.0,
            beyond: Beyond::Email,
            hours: None,
        },
        groups: vec![],
        programs: vec![],
        calendars: BTreeMap::new(),
        numbers: vec![],
        members: vec![],
        roles: vec![],
    }
}

/// An empty account like another one.
fn account_of(like: &Account, id: AccountId) -> Account {
    Account {
        id,
        key: "empty".to_owned(),
        ..like.clone()
    }
}

fn group(id: GroupId, key: &str, members: Vec<UserId>) -> Group {
    Group {
        id,
        key: key.to_owned(),
        name: key.to_owned(),
        members,
    }
}

fn uses(number: NumberId, route: Route) -> AccountNumber {
    AccountNumber {
        number,
        call_flow: None,
        text_flow: None,
        route,
    }
}

fn staff(ids: &[UserId]) -> Vec<User> {
    let made = ids.iter().zip(Sample::NAMES);
    made.map(|(id, name)| User {
        id: *id,
        key: name.to_owned(),
        name: name.to_owned(),
        email: None,
        devices: vec![],
        active: name != "left",
        admin: name == "admin",
    })
    .collect()
}
