//! The organisation as one test has it.

use std::sync::Arc;

use jiff::civil::DateTime;
use serde_json::{Value, json};

use super::Ground;
use crate::decide::World;
use crate::flow::{Flow, Given, GivenContact, GivenHours, Kind, Test};
use crate::model::account::{Account, AccountNumber, ColumnType, Keyword, Number, Route};
use crate::model::calendar::{Calendar, CalendarSpec, zone};
use crate::model::directory::Directory;
use crate::model::people::{Contact, ContactPhone, User};
use crate::model::{Ids, NumberId, Timestamp};

/// The organisation of a test, and where the test takes place in it.
pub(super) struct Set {
    pub(super) world: World,
    pub(super) account: Account,
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
    let directory = changed(base, &account, &number);
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
    let zoned = at.to_zoned(zone).map_err(|error| error.to_string())?;
    Ok(Timestamp::from_jiff(zoned.timestamp()))
}

/// The organisation with this account and number in the place of its own.
fn changed(base: &Directory, account: &Account, number: &Number) -> Directory {
    let others = base.accounts().filter(|one| one.id != account.id);
    let accounts = others.chain([account]).cloned().collect();
    let others = base.numbers().filter(|one| one.id != number.id);
    let numbers: Vec<Number> = others.chain([number]).cloned().collect();
    let keywords = numbers.iter().flat_map(|one| base.keywords(one.id));
    let keywords: Vec<Keyword> = keywords.cloned().collect();
    let users: Vec<User> = base.users().cloned().collect();
    Directory::new(base.version, accounts, users, numbers, keywords)
}

/// Who a phone belongs to in a test: those of the organisation, save where the test says otherwise.
pub(super) fn contacts(ground: &Ground, set: &Set, test: &Test) -> Vec<Contact> {
    let given = &test.given.contacts;
    let is_given = |contact: &Contact| {
        let phones = contact.phones.iter();
        contact.account == set.account.id
            && phones
                .clone()
                .any(|phone| given.iter().any(|one| one.phone == phone.phone))
    };
    let kept = ground.contacts.iter().filter(|one| !is_given(one));
    let mut ids = Ids::new(Timestamp::default(), 2);
    let made = given.iter().map(|one| contact(&mut ids, set, one));
    let made: Vec<Contact> = made.collect();
    kept.cloned().chain(made).collect()
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
