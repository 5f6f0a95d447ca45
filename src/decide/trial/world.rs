//! The organisation as one test has it.

use std::sync::Arc;

use jiff::civil::DateTime;
use serde_json::{Value, json};

use super::Ground;
use crate::decide::World;
use crate::flow::{Flow, Given, GivenContact, GivenHours, Kind, Test};
use crate::model::account::{Account, AccountNumber, ColumnType, Number, Route};
use crate::model::calendar::{Calendar, CalendarSpec, instant, zone};
use crate::model::directory::Directory;
use crate::model::people::{Contact, ContactPhone};
use crate::model::{Ids, NumberId, Timestamp, UserId};

/// The organisation of a test, and where the test takes place in it.
pub(super) struct Set {
    pub(super) world: World,
    pub(super) account: Arc<Account>,
    pub(super) number: Number,
    pub(super) now: Timestamp,
}

/// Lays what a test is given over the organisation. The number it names leads to the flow it tries, whose ever it is
/// otherwise; keywords still come first.
pub(super) fn set(ground: &Ground, flow: &Flow, test: &Test) -> Result<Set, String> {
    let base = &ground.world.directory;
    let mut account = base
        .account_by_key(&flow.account)
        .cloned()
        .ok_or_else(|| format!("there is no account `{}`", flow.account))?;
    let mut number = base
        .number_by_address(&test.to)
        .cloned()
        .ok_or_else(|| format!("the organisation has no number {}", test.to))?;
    (number.calls, number.manage_unmatched) = (account.id, account.id);
    lead(&mut account, number.id, flow)?;
    give(&mut account, base, &test.given, test.at)?;
    let now = moment(&account, test.at)?;
    let account = Arc::new(account);
    let mut directory = base.with(account.clone(), number.clone());
    let back = back_again(base, &test.given);
    if !back.is_empty() {
        directory = directory.with_active(&back);
    }
    let world = World {
        directory: Arc::new(directory),
        ..ground.world.clone()
    };
    Ok(Set {
        world,
        account,
        number,
        now,
    })
}

/// Whom a test puts into a group, or says to be there, and who has left: a test does not break when somebody goes.
fn back_again(base: &Directory, given: &Given) -> Vec<UserId> {
    let grouped = given.groups.iter().flat_map(|(_, members)| members);
    let present = given.presence.iter().map(|(key, _)| key);
    let named = grouped.chain(present);
    let users = named.filter_map(|key| base.user_by_key(key));
    let gone = users.filter(|user| !user.active);
    gone.map(|user| user.id).collect()
}

/// Has the number's calls or texts begin this flow.
fn lead(account: &mut Account, number: NumberId, flow: &Flow) -> Result<(), String> {
    if account.number(number).is_none() {
        let route = account.groups.first().map(|group| Route::Group(group.id));
        let user = account.members.first().map(|one| Route::User(one.user));
        let nobody = || format!("account `{}` has neither groups nor members", account.key);
        let route = route.or(user).ok_or_else(nobody)?;
        account.numbers.push(AccountNumber {
            number,
            call_flow: None,
            text_flow: None,
            route,
        });
    }
    for uses in account
        .numbers
        .iter_mut()
        .filter(|one| one.number == number)
    {
        match flow.kind {
            Kind::Call => uses.call_flow = Some(flow.key.clone()),
            Kind::Sms => uses.text_flow = Some(flow.key.clone()),
        }
    }
    Ok(())
}

fn give(
    account: &mut Account,
    base: &Directory,
    given: &Given,
    at: DateTime,
) -> Result<(), String> {
    for (key, members) in &given.groups {
        let users = members.iter().map(|key| {
            let user = base.user_by_key(key);
            user.map(|user| user.id)
                .ok_or_else(|| format!("there is no user `{key}`"))
        });
        let users = users.collect::<Result<_, _>>()?;
        let group = account.groups.iter_mut().find(|group| group.key == *key);
        let group = group.ok_or_else(|| format!("there is no group `{key}`"))?;
        group.members = users;
    }
    for (key, hours) in &given.calendars {
        let calendar = calendar(&account.zone, hours, at)?;
        account.calendars.insert(key.clone(), calendar);
    }
    Ok(())
}

fn calendar(zone_name: &str, hours: &GivenHours, at: DateTime) -> Result<Calendar, String> {
    let zone = zone(zone_name).map_err(|error| error.to_string())?;
    let spec = match hours {
        GivenHours::Open => return Ok(Calendar::always(zone)),
        GivenHours::Closed => CalendarSpec::default(),
        GivenHours::Holiday => CalendarSpec {
            holidays: vec![at.date().to_string()],
            ..CalendarSpec::default()
        },
        GivenHours::Hours(spec) => spec.clone(),
    };
    Calendar::new(&spec, &zone).map_err(|wrong| {
        let words: Vec<String> = wrong.iter().map(ToString::to_string).collect();
        words.join("; ")
    })
}

fn moment(account: &Account, at: DateTime) -> Result<Timestamp, String> {
    let zone = zone(&account.zone).map_err(|error| error.to_string())?;
    instant(&zone, at).ok_or_else(|| format!("{at} is out of range"))
}

/// Who a phone belongs to in a test: those whom it is given, and nobody else, so that it goes the same way wherever it
/// is played.
pub(super) fn contacts(set: &Set, test: &Test) -> Vec<Contact> {
    let mut ids = Ids::new(Timestamp::default(), 2);
    let given = test.given.contacts.iter();
    given.map(|one| contact(&mut ids, set, one)).collect()
}

fn contact(ids: &mut Ids, set: &Set, given: &GivenContact) -> Contact {
    let mut made = Contact {
        id: ids.fresh(),
        account: set.account.id,
        name: None,
        phones: vec![ContactPhone {
            phone: given.phone.clone(),
            kind: "mobile".to_owned(),
            textable: true,
        }],
        email: None,
        language: None,
        source: "organisation".to_owned(),
        columns: Default::default(),
        tags: given.tags.clone(),
        caseloads: given.caseloads.clone(),
        forwarded_route: None,
        created_at: set.now,
        version: 1,
    };
    for (field, value) in &given.fields {
        match field.as_str() {
            "name" => made.name = Some(value.clone()),
            "email" => made.email = Some(value.clone()),
            "language" => made.language = Some(value.clone()),
            _ => {
                let kind = set.account.columns.get(field).copied();
                made.columns.insert(field.clone(), column(kind, value));
            }
        }
    }
    made
}

/// A column's value by its type; where no column is known, as it looks.
fn column(kind: Option<ColumnType>, text: &str) -> Value {
    let number = || text.parse::<f64>().ok().map(|number| json!(number));
    let boolean = || match text {
        "true" | "yes" => Some(json!(true)),
        "false" | "no" => Some(json!(false)),
        _ => None,
    };
    let read = match kind {
        Some(ColumnType::Number) => number(),
        Some(ColumnType::Bool) => boolean(),
        Some(ColumnType::Text | ColumnType::Date) => None,
        None => number().or_else(boolean),
    };
    read.unwrap_or_else(|| json!(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::{DirectoryNames, NoNames, check};
    use crate::model::people::User;

    #[test]
    fn a_test_has_its_own_account_and_shares_the_rest() {
        let source = "flow: a\naccount: clinic\non: call\nsteps:\n  a: { say: Hi, next: end }\ntests:\n  - name: t\n    \
            call: { from: \"+12025550143\", to: \"+12025550101\" }\n    given: { groups: { nurses: [] } }\n    \
            expect: { sent: 0 }\n";
        let checked = check("a", source, &NoNames).unwrap();
        let other = check("b", &source.replace("clinic", "school"), &NoNames).unwrap();
        let directory = Arc::new(super::super::made_up(&[&checked, &other]));
        let world = World {
            directory: directory.clone(),
            ..World::default()
        };
        let set = set(&Ground { world }, &checked.flow, &checked.tests[0]).unwrap();
        let (made, base) = (&set.world.directory, &directory);
        let nurses = |one: &Directory| {
            let account = one.account_by_key("clinic").unwrap();
            account.group("nurses").unwrap().members.len()
        };
        assert_eq!((nurses(made), nurses(base)), (0, 1));
        let flow = |one: &Directory| {
            let account = one.account_by_key("clinic").unwrap();
            account.number(set.number.id).unwrap().call_flow.clone()
        };
        assert_eq!((flow(made), flow(base)), (Some("a".to_owned()), None));
        let school = |one: &Directory| std::ptr::from_ref(one.account_by_key("school").unwrap());
        let user = |one: &Directory| std::ptr::from_ref(one.user_by_key("nurses-member").unwrap());
        assert_eq!((school(made), user(made)), (school(base), user(base)));
    }

    #[test]
    fn whoever_a_test_puts_into_a_group_is_there_though_they_have_left() {
        let source = "flow: a\naccount: clinic\non: call\nsteps:\n  a: { dial: { group: nurses }, then: { else: end } }\ntests:\n  - name: t\n    \
            call: { from: \"+12025550143\", to: \"+12025550101\" }\n    given: { groups: { nurses: [nurses-member] } }\n    \
            expect: { sent: 0 }\n";
        let checked = check("a", source, &NoNames).unwrap();
        let made = super::super::made_up(&[&checked]);
        let left = |user: &User| User {
            active: false,
            ..user.clone()
        };
        let base = Directory::new(
            1,
            made.accounts().cloned().collect(),
            made.users().map(left).collect(),
            made.numbers().cloned().collect(),
            Vec::new(),
        );
        let active = |one: &Directory| one.user_by_key("nurses-member").unwrap().active;
        let names = DirectoryNames::new(&base, Vec::new());
        let faults = check("a", source, &names).map(|checked| checked.warnings);
        assert!(faults.is_ok(), "{faults:?}");
        let world = World {
            directory: Arc::new(base),
            ..World::default()
        };
        let ground = Ground { world };
        let set = set(&ground, &checked.flow, &checked.tests[0]).unwrap();
        assert!(active(&set.world.directory) && !active(&ground.world.directory));
    }
}
