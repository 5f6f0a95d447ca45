//! An organisation made up from what flows name, for tests of a file that stands alone.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;

use crate::flow::Checked;
use crate::model::account::{
    Account, AccountNumber, Beyond, Number, Plan, PlanUnit, Program, Route,
};
use crate::model::calendar::Calendar;
use crate::model::directory::Directory;
use crate::model::people::{Caseload, Device, Group, Member, User};
use crate::model::{AccountId, Ids, Phone, Timestamp};

/// The zone in which a made-up account tells the time.
const ZONE: &str = "UTC";
/// The number of a flow that has no tests.
const NUMBER: &str = "+12025550100";
/// The group that gets what no flow takes.
const REST: &str = "everybody-else";

/// An organisation in which every name of these flows means something: groups have one member each unless a test
/// says otherwise, everybody may see every box, calendars are always open, and numbers lead to the flow that is
/// tried.
pub fn made_up(flows: &[&Checked]) -> Directory {
    let mut making = Making {
        ids: Ids::new(Timestamp::default(), 1),
        phones: free_phones(flows),
        users: BTreeMap::new(),
    };
    let keys: BTreeSet<&str> = flows.iter().map(|one| one.flow.account.as_str()).collect();
    let mut accounts: Vec<Account> = keys
        .iter()
        .map(|key| {
            let of: Vec<&Checked> = flows
                .iter()
                .copied()
                .filter(|one| one.flow.account == *key)
                .collect();
            making.account(key, &of)
        })
        .collect();
    let numbers = making.numbers(&mut accounts, flows);
    let users = making.users.into_values().collect();
    Directory::new(1, accounts, users, numbers, Vec::new())
}

struct Making {
    ids: Ids,
    phones: Vec<Phone>,
    users: BTreeMap<String, User>,
}

/// Phones that stand for nobody and that no test uses.
fn free_phones(flows: &[&Checked]) -> Vec<Phone> {
    let tests = || flows.iter().flat_map(|one| &one.tests);
    let used: BTreeSet<String> = tests()
        .flat_map(|test| [test.from.to_string(), test.to.clone()])
        .collect();
    let all = (100..200).rev().map(|last| format!("+12025550{last}"));
    all.filter(|phone| !used.contains(phone) && phone != NUMBER)
        .filter_map(|phone| phone.parse().ok())
        .collect()
}

impl Making {
    fn account(&mut self, key: &str, flows: &[&Checked]) -> Account {
        let names = |of: fn(&Checked) -> &BTreeSet<String>| -> BTreeSet<String> {
            flows.iter().flat_map(|one| of(one).clone()).collect()
        };
        let users = names(|one| &one.used.users);
        for user in &users {
            self.user(user);
        }
        let mut groups = names(|one| &one.used.groups);
        groups.insert(REST.to_owned());
        let groups: Vec<Group> = groups.iter().map(|key| self.group(key)).collect();
        let calendars = names(|one| &one.used.calendars).into_iter();
        let caseloads = names(|one| &one.used.caseloads).into_iter();
        let caseload = |key: String| Caseload {
            name: key.clone(),
            key,
        };
        let always = || Calendar::always(TimeZone::UTC);
        Account {
            id: self.ids.fresh(),
            key: key.to_owned(),
            name: key.to_owned(),
            zone: ZONE.to_owned(),
            language: "en".to_owned(),
            cost_centre: self.ids.fresh(),
            columns: BTreeMap::new(),
            plan: Plan {
                monthly: None,
                unit: PlanUnit::Messages,
                rate: 10.0,
                beyond: Beyond::Hold,
                hours: None,
            },
            members: self.members(&users, &groups),
            groups,
            programs: vec![Program {
                id: self.ids.fresh(),
                key: "main".to_owned(),
                name: key.to_owned(),
                number: None,
                caseloads: caseloads.map(caseload).collect(),
            }],
            calendars: calendars.map(|key| (key, always())).collect(),
            numbers: Vec::new(),
            roles: Vec::new(),
        }
    }

    fn members(&self, users: &BTreeSet<String>, groups: &[Group]) -> Vec<Member> {
        let named = users.iter().filter_map(|key| self.users.get(key));
        let named = named.map(|user| user.id);
        let in_groups = groups
            .iter()
            .flat_map(|group| group.members.iter().copied());
        let all: BTreeSet<_> = named.chain(in_groups).collect();
        let member = |user| Member {
            user,
            roles: Vec::new(),
        };
        all.into_iter().map(member).collect()
    }

    fn user(&mut self, key: &str) -> User {
        if let Some(user) = self.users.get(key) {
            return user.clone();
        }
        let device = |phone| Device { phone, name: None };
        let user = User {
            id: self.ids.fresh(),
            key: key.to_owned(),
            name: key.to_owned(),
            email: Some(format!("{key}@example.org")),
            devices: self.phones.pop().map(device).into_iter().collect(),
            active: true,
            admin: true,
        };
        self.users.insert(key.to_owned(), user.clone());
        user
    }

    fn group(&mut self, key: &str) -> Group {
        let member = self.user(&format!("{key}-member")).id;
        Group {
            id: self.ids.fresh(),
            key: key.to_owned(),
            name: key.to_owned(),
            members: vec![member],
        }
    }

    /// The numbers that tests call and text, each used by the accounts of these tests.
    fn numbers(&mut self, accounts: &mut [Account], flows: &[&Checked]) -> Vec<Number> {
        let mut made: BTreeMap<String, Number> = BTreeMap::new();
        for flow in flows {
            let Some(account) = accounts.iter_mut().find(|one| one.key == flow.flow.account) else {
                continue;
            };
            let tests = flow.tests.iter().map(|test| test.to.as_str());
            let alone = flow.tests.is_empty().then_some(NUMBER);
            for address in tests.chain(alone) {
                let number = made
                    .entry(address.to_owned())
                    .or_insert_with(|| number(&mut self.ids, address, account.id));
                use_number(account, number);
            }
        }
        made.into_values().collect()
    }
}

fn number(ids: &mut Ids, address: &str, account: AccountId) -> Number {
    Number {
        id: ids.fresh(),
        address: address.to_owned(),
        connection: "twilio".to_owned(),
        sms: true,
        mms: true,
        voice: true,
        opt_out: None,
        manage_unmatched: account,
        calls: account,
        active: true,
        open_conversations: true,
        rate: None,
    }
}

fn use_number(account: &mut Account, number: &Number) {
    let rest = account.group(REST).map(|group| Route::Group(group.id));
    if let (None, Some(route)) = (account.number(number.id), rest) {
        account.numbers.push(AccountNumber {
            number: number.id,
            call_flow: None,
            text_flow: None,
            route,
        });
    }
}
