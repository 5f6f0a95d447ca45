//! The organisation's file as a person writes it. Every key may be left out save those that name a thing;
//! what is left out stays as it is in the store.

use std::collections::BTreeMap;

use super::form;
use super::node::{At, Findings, Map, Text};
use crate::config::tree::{Node, Value};
use crate::model::account::{Beyond, ColumnType, Matching, OptOutBy, PlanUnit};
use crate::model::calendar::{CalendarSpec, DayRanges};
use crate::model::people::{Device, Permission};

mod contact;

use contact::contact;
pub(super) use contact::{ColumnValue, ContactPart, PhonePart};

#[derive(Debug, Clone, Default)]
pub(super) struct Parts {
    pub(super) cost_centres: Vec<CostCentrePart>,
    pub(super) users: Vec<UserPart>,
    pub(super) numbers: Vec<NumberPart>,
    pub(super) accounts: Vec<AccountPart>,
}

#[derive(Debug, Clone)]
pub(super) struct CostCentrePart {
    pub(super) key: Text,
    pub(super) name: Option<Text>,
}

#[derive(Debug, Clone)]
pub(super) struct UserPart {
    pub(super) key: Text,
    pub(super) name: Option<Text>,
    pub(super) email: Option<Text>,
    pub(super) devices: Option<Vec<Device>>,
    pub(super) active: Option<bool>,
    pub(super) admin: Option<bool>,
}

#[derive(Debug, Clone)]
pub(super) struct NumberPart {
    pub(super) number: Text,
    /// What a new number must say and this one does not.
    pub(super) missing: Vec<&'static str>,
    pub(super) connection: Option<Text>,
    pub(super) can: Option<Vec<Can>>,
    pub(super) opt_out: Option<OptOutBy>,
    pub(super) manage_unmatched: Option<Text>,
    pub(super) calls: Option<Text>,
    pub(super) active: Option<bool>,
    pub(super) open_conversations: Option<bool>,
    pub(super) rate: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Can {
    Sms,
    Mms,
    Voice,
}

#[derive(Debug, Clone)]
pub(super) struct AccountPart {
    pub(super) key: Text,
    /// What a new account must say and this one does not.
    pub(super) missing: Vec<&'static str>,
    pub(super) name: Option<Text>,
    pub(super) zone: Option<Text>,
    pub(super) language: Option<Text>,
    pub(super) cost_centre: Option<Text>,
    /// `None`: the type is unreadable.
    pub(super) columns: Vec<(Text, Option<ColumnType>)>,
    pub(super) plan: PlanPart,
    pub(super) roles: Vec<RolePart>,
    pub(super) members: Vec<MemberPart>,
    pub(super) groups: Vec<GroupPart>,
    pub(super) calendars: Vec<CalendarPart>,
    pub(super) programs: Vec<ProgramPart>,
    pub(super) numbers: Vec<AccountNumberPart>,
    pub(super) keywords: Vec<KeywordPart>,
    pub(super) contacts: Vec<ContactPart>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct PlanPart {
    /// `Some(None)`: no limit.
    pub(super) monthly: Option<Option<u32>>,
    pub(super) unit: Option<PlanUnit>,
    pub(super) rate: Option<f64>,
    pub(super) beyond: Option<Beyond>,
    /// `none`: at any hour.
    pub(super) hours: Option<Text>,
}

#[derive(Debug, Clone)]
pub(super) struct RolePart {
    pub(super) key: Text,
    pub(super) name: Option<Text>,
    pub(super) permissions: Option<Vec<Permission>>,
}

#[derive(Debug, Clone)]
pub(super) struct MemberPart {
    pub(super) user: Text,
    pub(super) roles: Option<Vec<Text>>,
}

#[derive(Debug, Clone)]
pub(super) struct GroupPart {
    pub(super) key: Text,
    pub(super) name: Option<Text>,
    pub(super) members: Option<Vec<Text>>,
}

#[derive(Debug, Clone)]
pub(super) struct CalendarPart {
    pub(super) key: Text,
    pub(super) spec: CalendarSpec,
    /// Every text in it, to show mistakes in place.
    pub(super) texts: Vec<Text>,
}

#[derive(Debug, Clone)]
pub(super) struct ProgramPart {
    pub(super) key: Text,
    pub(super) name: Option<Text>,
    pub(super) number: Option<Text>,
    pub(super) caseloads: Vec<CaseloadPart>,
}

#[derive(Debug, Clone)]
pub(super) struct CaseloadPart {
    pub(super) key: Text,
    pub(super) name: Option<Text>,
}

#[derive(Debug, Clone)]
pub(super) struct AccountNumberPart {
    pub(super) number: Text,
    /// What a new use must say and this one does not.
    pub(super) missing: Vec<&'static str>,
    pub(super) call_flow: Option<FlowName>,
    pub(super) text_flow: Option<FlowName>,
    pub(super) route: Option<RoutePart>,
}

/// A flow's key, or `None` for the word `none`.
pub(super) type FlowName = At<Option<String>>;

#[derive(Debug, Clone)]
pub(super) enum RoutePart {
    Group(Text),
    User(Text),
}

#[derive(Debug, Clone)]
pub(super) struct KeywordPart {
    pub(super) number: Text,
    pub(super) word: Text,
    pub(super) aliases: Option<Vec<Text>>,
    pub(super) matching: Option<Matching>,
    pub(super) program: Option<Text>,
    pub(super) flow: Option<FlowName>,
    pub(super) sub: Option<Vec<SubPart>>,
}

#[derive(Debug, Clone)]
pub(super) struct SubPart {
    pub(super) word: Text,
    pub(super) aliases: Vec<Text>,
    pub(super) flow: Option<FlowName>,
    pub(super) program: Option<Text>,
}

/// Reads a whole file; an empty one has nothing in it.
pub(super) fn read(root: &Node, found: &Findings<'_>) -> Parts {
    if matches!(root.value, Value::Null) {
        return Parts::default();
    }
    let map = found.map(root, &["cost_centres", "users", "numbers", "accounts"]);
    let all = |key: &str| map.get(key).map_or(&[][..], |node| found.list(node));
    Parts {
        cost_centres: each(all("cost_centres"), found, cost_centre),
        users: each(all("users"), found, user),
        numbers: each(all("numbers"), found, number),
        accounts: each(all("accounts"), found, account),
    }
}

fn each<T>(
    nodes: &[Node],
    found: &Findings<'_>,
    read: fn(&Node, &Findings<'_>) -> Option<T>,
) -> Vec<T> {
    nodes.iter().filter_map(|node| read(node, found)).collect()
}

/// The items under a key of a map.
fn all<T>(
    map: &Map<'_>,
    key: &str,
    found: &Findings<'_>,
    read: fn(&Node, &Findings<'_>) -> Option<T>,
) -> Vec<T> {
    map.each(key, |node| read(node, found)).unwrap_or_default()
}

/// The key that names a thing; it is kept when its form is wrong, so that its users resolve.
fn key(map: &Map<'_>, found: &Findings<'_>) -> Option<Text> {
    let key = found.text(map.required("key")?)?;
    form::check_key(&key, found);
    Some(key)
}

fn cost_centre(node: &Node, found: &Findings<'_>) -> Option<CostCentrePart> {
    let map = found.map(node, &["key", "name"]);
    let name = form::name(&map, found);
    let key = key(&map, found)?;
    Some(CostCentrePart { key, name })
}

fn user(node: &Node, found: &Findings<'_>) -> Option<UserPart> {
    let known = ["key", "name", "email", "devices", "active", "admin"];
    let map = found.map(node, &known);
    let part = UserPart {
        name: form::name(&map, found),
        email: form::email(&map, found),
        devices: map.each("devices", |node| device(node, found)),
        active: map.flag("active"),
        admin: map.flag("admin"),
        key: key(&map, found)?,
    };
    Some(part)
}

fn device(node: &Node, found: &Findings<'_>) -> Option<Device> {
    let map = found.map(node, &["phone", "name"]);
    let name = map.text("name").map(|name| name.value);
    let phone = form::phone(map.required("phone")?, found)?.value;
    Some(Device { phone, name })
}

fn number(node: &Node, found: &Findings<'_>) -> Option<NumberPart> {
    let known = [
        "number",
        "connection",
        "can",
        "opt_out",
        "manage_unmatched",
        "calls",
        "state",
        "open_conversations",
        "rate",
    ];
    let map = found.map(node, &known);
    let abilities = [("sms", Can::Sms), ("mms", Can::Mms), ("voice", Can::Voice)];
    let part = NumberPart {
        missing: map.missing(&["connection", "can"]),
        connection: map.text("connection"),
        can: map.each("can", |node| found.choice(node, &abilities)),
        opt_out: map.choice(
            "opt_out",
            &[("us", OptOutBy::Us), ("carrier", OptOutBy::Carrier)],
        ),
        manage_unmatched: map.text("manage_unmatched"),
        calls: map.text("calls"),
        active: map.choice("state", &[("active", true), ("placeholder", false)]),
        open_conversations: map
            .choice("open_conversations", &[("follow", true), ("ignore", false)]),
        rate: map.get("rate").and_then(|node| form::rate(node, found)),
        number: form::our_number(&map, found)?,
    };
    Some(part)
}

const ACCOUNT_KEYS: [&str; 15] = [
    "key",
    "name",
    "zone",
    "language",
    "cost_centre",
    "columns",
    "plan",
    "roles",
    "members",
    "groups",
    "calendars",
    "programs",
    "numbers",
    "keywords",
    "contacts",
];

fn account(node: &Node, found: &Findings<'_>) -> Option<AccountPart> {
    let map = found.map(node, &ACCOUNT_KEYS);
    let part = AccountPart {
        name: form::name(&map, found),
        missing: map.missing(&["zone", "cost_centre"]),
        zone: form::zone(&map, found),
        language: form::language(&map, found),
        cost_centre: map.text("cost_centre"),
        columns: map
            .get("columns")
            .map_or_else(Vec::new, |node| columns(node, found)),
        plan: map
            .get("plan")
            .map_or_else(PlanPart::default, |node| plan(node, found)),
        roles: all(&map, "roles", found, role),
        members: all(&map, "members", found, member),
        groups: all(&map, "groups", found, group),
        calendars: map
            .get("calendars")
            .map_or_else(Vec::new, |node| calendars(node, found)),
        programs: all(&map, "programs", found, program),
        numbers: all(&map, "numbers", found, account_number),
        keywords: all(&map, "keywords", found, keyword),
        contacts: all(&map, "contacts", found, contact),
        key: key(&map, found)?,
    };
    Some(part)
}

fn columns(node: &Node, found: &Findings<'_>) -> Vec<(Text, Option<ColumnType>)> {
    let kinds = [
        ("text", ColumnType::Text),
        ("number", ColumnType::Number),
        ("date", ColumnType::Date),
        ("bool", ColumnType::Bool),
    ];
    let mut columns = Vec::new();
    for (key, node) in found.entries(node) {
        let key = form::map_key(key);
        form::check_column_key(&key, found);
        columns.push((key, found.choice(node, &kinds)));
    }
    columns
}

fn plan(node: &Node, found: &Findings<'_>) -> PlanPart {
    let map = found.map(node, &["monthly", "unit", "rate", "beyond", "hours"]);
    let beyond = [
        ("email", Beyond::Email),
        ("hold", Beyond::Hold),
        ("refuse", Beyond::Refuse),
    ];
    let units = [
        ("messages", PlanUnit::Messages),
        ("segments", PlanUnit::Segments),
    ];
    PlanPart {
        monthly: map
            .get("monthly")
            .and_then(|node| form::monthly(node, found)),
        unit: map.choice("unit", &units),
        rate: map.get("rate").and_then(|node| form::rate(node, found)),
        beyond: map.choice("beyond", &beyond),
        hours: map.text("hours"),
    }
}

fn role(node: &Node, found: &Findings<'_>) -> Option<RolePart> {
    let map = found.map(node, &["key", "name", "permissions"]);
    let known = [
        ("may_start_texts", Permission::MayStartTexts),
        ("sees_all_boxes", Permission::SeesAllBoxes),
        ("manages_account", Permission::ManagesAccount),
    ];
    let part = RolePart {
        name: form::name(&map, found),
        permissions: map.each("permissions", |node| found.choice(node, &known)),
        key: key(&map, found)?,
    };
    Some(part)
}

fn member(node: &Node, found: &Findings<'_>) -> Option<MemberPart> {
    let map = found.map(node, &["user", "roles"]);
    let roles = map.texts("roles");
    let user = found.text(map.required("user")?)?;
    Some(MemberPart { user, roles })
}

fn group(node: &Node, found: &Findings<'_>) -> Option<GroupPart> {
    let map = found.map(node, &["key", "name", "members"]);
    let part = GroupPart {
        name: form::name(&map, found),
        members: map.texts("members"),
        key: key(&map, found)?,
    };
    Some(part)
}

fn calendars(node: &Node, found: &Findings<'_>) -> Vec<CalendarPart> {
    let entries = found.entries(node).iter();
    entries
        .map(|(key, node)| calendar(form::map_key(key), node, found))
        .collect()
}

fn calendar(key: Text, node: &Node, found: &Findings<'_>) -> CalendarPart {
    form::check_key(&key, found);
    let map = found.map(node, &["zone", "open", "holidays", "dates"]);
    let mut spec = CalendarSpec::default();
    let mut texts: Vec<Text> = map.text("zone").into_iter().collect();
    spec.zone = texts.first().map(|zone| zone.value.clone());
    spec.open = day_ranges(map.get("open"), &mut texts, found);
    spec.dates = day_ranges(map.get("dates"), &mut texts, found);
    let holidays = map.texts("holidays").unwrap_or_default();
    spec.holidays = values(&holidays);
    texts.extend(holidays);
    CalendarPart { key, spec, texts }
}

/// Days or dates with their ranges.
fn day_ranges(
    node: Option<&Node>,
    texts: &mut Vec<Text>,
    found: &Findings<'_>,
) -> BTreeMap<String, DayRanges> {
    let mut days = BTreeMap::new();
    for (day, node) in node.map_or(&[][..], |node| found.entries(node)) {
        let ranges: Vec<Text> = match &node.value {
            Value::Null => Vec::new(),
            Value::List(items) => items.iter().filter_map(|item| found.text(item)).collect(),
            _ => found.text(node).into_iter().collect(),
        };
        days.insert(day.text.clone(), DayRanges(values(&ranges)));
        texts.push(form::map_key(day));
        texts.extend(ranges);
    }
    days
}

fn values(texts: &[Text]) -> Vec<String> {
    texts.iter().map(|text| text.value.clone()).collect()
}

fn program(node: &Node, found: &Findings<'_>) -> Option<ProgramPart> {
    let map = found.map(node, &["key", "name", "number", "caseloads"]);
    let part = ProgramPart {
        name: form::name(&map, found),
        number: map.get("number").and_then(|node| found.phone_text(node)),
        caseloads: all(&map, "caseloads", found, caseload),
        key: key(&map, found)?,
    };
    Some(part)
}

/// Its key alone, or its key and name.
fn caseload(node: &Node, found: &Findings<'_>) -> Option<CaseloadPart> {
    if matches!(node.value, Value::Map(_)) {
        let map = found.map(node, &["key", "name"]);
        let name = form::name(&map, found);
        let key = key(&map, found)?;
        return Some(CaseloadPart { key, name });
    }
    let key = found.text(node)?;
    form::check_key(&key, found);
    Some(CaseloadPart { key, name: None })
}

fn account_number(node: &Node, found: &Findings<'_>) -> Option<AccountNumberPart> {
    let map = found.map(node, &["number", "call_flow", "text_flow", "route"]);
    let part = AccountNumberPart {
        missing: map.missing(&["call_flow", "text_flow", "route"]),
        call_flow: map.get("call_flow").and_then(|node| flow(node, found)),
        text_flow: map.get("text_flow").and_then(|node| flow(node, found)),
        route: map.get("route").and_then(|node| route(node, found)),
        number: found.phone_text(map.required("number")?)?,
    };
    Some(part)
}

fn flow(node: &Node, found: &Findings<'_>) -> Option<FlowName> {
    let text = found.text(node)?;
    let value = (text.value != "none").then_some(text.value);
    Some(At { at: text.at, value })
}

fn route(node: &Node, found: &Findings<'_>) -> Option<RoutePart> {
    if matches!(node.value, Value::Map(_)) {
        let map = found.map(node, &["group", "user"]);
        match (map.text("group"), map.text("user")) {
            (Some(group), None) => return Some(RoutePart::Group(group)),
            (None, Some(user)) => return Some(RoutePart::User(user)),
            _ => {}
        }
    }
    let help = "write { group: KEY } or { user: KEY }".to_owned();
    found.wrong(&node.at, "a route is one group or one user", Some(help));
    None
}

fn keyword(node: &Node, found: &Findings<'_>) -> Option<KeywordPart> {
    let known = [
        "number", "word", "aliases", "match", "program", "flow", "sub",
    ];
    let map = found.map(node, &known);
    let ways = [
        ("first_word", Matching::FirstWord),
        ("whole", Matching::Whole),
        ("phrase", Matching::Phrase),
    ];
    let part = KeywordPart {
        aliases: map.texts("aliases"),
        matching: map.choice("match", &ways),
        program: map.text("program"),
        flow: map.get("flow").and_then(|node| flow(node, found)),
        sub: map.get("sub").map(|node| subs(node, found)),
        number: found.phone_text(map.required("number")?)?,
        word: found.text(map.required("word")?)?,
    };
    Some(part)
}

fn subs(node: &Node, found: &Findings<'_>) -> Vec<SubPart> {
    let read = |(word, node): &(_, Node)| {
        let map = found.map(node, &["aliases", "flow", "program"]);
        SubPart {
            word: form::map_key(word),
            aliases: map.texts("aliases").unwrap_or_default(),
            flow: map.get("flow").and_then(|node| flow(node, found)),
            program: map.text("program"),
        }
    };
    found.entries(node).iter().map(read).collect()
}
