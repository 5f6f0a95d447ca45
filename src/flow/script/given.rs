//! `given:`: what a test has otherwise than the organisation.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;

use super::read::{field, field_value, pairs, words};
use super::{Given, GivenContact, GivenHours};
use crate::flow::reader::Reading;
use crate::flow::yaml::{At, Key, Node, Value};
use crate::model::Party;
use crate::model::calendar::{Calendar, CalendarSpec, DayRanges};
use crate::model::people::Presence;

pub(crate) const KEYS: [&str; 5] = ["groups", "calendars", "contacts", "presence", "opted_out"];

pub(super) fn read(reading: &mut Reading<'_>, node: &Node) -> Given {
    let mut given = Given::default();
    let Some(fields) = reading.fields(node, "given", &KEYS, None) else {
        return given;
    };
    if let Some(node) = fields.get("groups") {
        given.groups = groups(reading, node);
    }
    if let Some(node) = fields.get("calendars") {
        given.calendars = calendars(reading, node);
    }
    if let Some(node) = fields.get("contacts") {
        given.contacts = contacts(reading, node);
    }
    if let Some(node) = fields.get("presence") {
        given.presence = presence(reading, node);
    }
    if let Some(node) = fields.get("opted_out") {
        given.opted_out = opted_out(reading, node);
    }
    given
}

fn groups(reading: &mut Reading<'_>, node: &Node) -> Vec<(String, Vec<String>)> {
    let mut all = Vec::new();
    for (key, members) in pairs(reading, node, "groups") {
        let known = reading.names.groups(&reading.account);
        reading.known(&key.at, "unknown-group", "group", &key.text, known);
        let nodes = reading.list(members, "a group's members");
        let users = nodes.into_iter().filter_map(|node| reading.player(node));
        let users: Vec<String> = users.collect();
        all.push((key.text.clone(), users));
    }
    all
}

fn calendars(reading: &mut Reading<'_>, node: &Node) -> Vec<(String, GivenHours)> {
    let mut all = Vec::new();
    for (key, value) in pairs(reading, node, "calendars") {
        let known = reading.names.calendars(&reading.account);
        reading.known(&key.at, "unknown-calendar", "calendar", &key.text, known);
        let hours = hours(reading, value);
        all.extend(hours.map(|hours| (key.text.clone(), hours)));
    }
    all
}

/// `open`, `closed`, `holiday`, or hours as in an organisation's file.
fn hours(reading: &mut Reading<'_>, node: &Node) -> Option<GivenHours> {
    if matches!(node.value, Value::Scalar { .. }) {
        let choices = [("open", 0), ("closed", 1), ("holiday", 2)];
        return reading
            .choice(node, "state of a calendar", &choices)
            .map(|which| match which {
                0 => GivenHours::Open,
                1 => GivenHours::Closed,
                _ => GivenHours::Holiday,
            });
    }
    let keys = ["open", "holidays", "dates", "zone"];
    let fields = reading.fields(node, "a calendar", &keys, None)?;
    let mut of_key = |key| {
        let node = fields.get(key);
        node.map_or_else(BTreeMap::new, |node| days(reading, node, key))
    };
    let (open, dates) = (of_key("open"), of_key("dates"));
    let zone = fields.get("zone");
    let zone = zone.and_then(|node| reading.word(node, "a time zone").map(str::to_owned));
    let holidays = fields.get("holidays");
    let holidays = holidays.map(|node| words(reading, node, "`holidays`"));
    let spec = CalendarSpec {
        zone,
        open,
        holidays: holidays.unwrap_or_default(),
        dates,
    };
    match Calendar::new(&spec, &TimeZone::UTC) {
        Ok(_) => Some(GivenHours::Hours(spec)),
        Err(wrong) => {
            for one in wrong {
                reading.fault(&node.at, "calendar", one.to_string());
            }
            None
        }
    }
}

/// Days or dates with their ranges; without any they are closed.
fn days(reading: &mut Reading<'_>, node: &Node, key: &str) -> BTreeMap<String, DayRanges> {
    let mut days = BTreeMap::new();
    for (day, ranges) in pairs(reading, node, key) {
        let ranges = match ranges.value {
            Value::Null => Vec::new(),
            _ => words(reading, ranges, "hours"),
        };
        days.insert(day.text.clone(), DayRanges(ranges));
    }
    days
}

fn contacts(reading: &mut Reading<'_>, node: &Node) -> Vec<GivenContact> {
    let mut all = Vec::new();
    for (key, value) in pairs(reading, node, "contacts") {
        let help = "write { \"+12025550143\": { name: … } }";
        let phone = phone(reading, &key.at, &key.text, help);
        all.extend(phone.map(|phone| contact(reading, phone, value)));
    }
    all
}

/// A phone that texts can go to.
fn phone(reading: &mut Reading<'_>, at: &At, text: &str, help: &str) -> Option<Party> {
    let phone = Party::read(text);
    if !phone.can_receive() {
        reading.fault_help(at, "phone", "this is no phone number", help);
        return None;
    }
    Some(phone)
}

fn opted_out(reading: &mut Reading<'_>, node: &Node) -> Vec<Party> {
    let help = "write [\"+12025550143\"]";
    let mut all = Vec::new();
    for node in reading.list(node, "`opted_out`") {
        let text = reading.word(node, "a phone").map(str::to_owned);
        all.extend(text.and_then(|text| phone(reading, &node.at, &text, help)));
    }
    all
}

fn contact(reading: &mut Reading<'_>, phone: Party, node: &Node) -> GivenContact {
    let mut made = GivenContact {
        phone,
        fields: Vec::new(),
        tags: Vec::new(),
        caseloads: Vec::new(),
    };
    for (key, value) in pairs(reading, node, "contact") {
        if key.text == "tags" {
            made.tags = words(reading, value, "`tags`");
        } else if key.text == "caseloads" {
            made.caseloads = reading.caseloads(value);
        } else if let Some(kind) = field(reading, key) {
            let value = field_value(reading, key, kind, value);
            made.fields
                .extend(value.map(|value| (key.text.clone(), value)));
        }
    }
    made
}

fn presence(reading: &mut Reading<'_>, node: &Node) -> Vec<(String, Presence)> {
    let mut all = Vec::new();
    for (key, value) in pairs(reading, node, "presence") {
        let choices = [
            ("offline", (true, false)),
            ("busy", (false, true)),
            ("there", (false, false)),
        ];
        let user = user(reading, key);
        let Some((offline, busy)) = reading.choice(value, "presence", &choices) else {
            continue;
        };
        all.extend(user.map(|user| {
            (
                user,
                Presence {
                    offline,
                    busy,
                    ..Presence::default()
                },
            )
        }));
    }
    all
}

fn user(reading: &mut Reading<'_>, key: &Key) -> Option<String> {
    if reading.names.has_left(&reading.account, &key.text) {
        return Some(key.text.clone());
    }
    let known = reading.names.users(&reading.account);
    reading
        .known(&key.at, "unknown-user", "active user", &key.text, known)
        .then(|| key.text.clone())
}
