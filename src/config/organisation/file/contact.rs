//! Contacts as they stand in the file.

use super::super::form;
use super::super::node::{At, Findings, Text};
use super::all;
use crate::config::tree::{Node, Value};
use crate::model::Phone;

#[derive(Debug, Clone)]
pub(in crate::config::organisation) struct ContactPart {
    pub(in crate::config::organisation) at: std::ops::Range<usize>,
    pub(in crate::config::organisation) name: Option<Text>,
    pub(in crate::config::organisation) phones: Vec<PhonePart>,
    pub(in crate::config::organisation) email: Option<Text>,
    pub(in crate::config::organisation) language: Option<Text>,
    pub(in crate::config::organisation) columns: Vec<(Text, At<ColumnValue>)>,
    pub(in crate::config::organisation) tags: Option<Vec<Text>>,
    pub(in crate::config::organisation) caseloads: Option<Vec<Text>>,
}

#[derive(Debug, Clone)]
pub(in crate::config::organisation) struct PhonePart {
    pub(in crate::config::organisation) phone: At<Phone>,
    pub(in crate::config::organisation) kind: Option<&'static str>,
    pub(in crate::config::organisation) textable: Option<bool>,
}

/// A column's value before its type is known.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::config::organisation) enum ColumnValue {
    Text(String),
    Number(f64),
    Bool(bool),
    Other,
}

pub(super) fn contact(node: &Node, found: &Findings<'_>) -> Option<ContactPart> {
    let known = [
        "name",
        "phones",
        "email",
        "language",
        "columns",
        "tags",
        "caseloads",
    ];
    let map = found.map(node, &known);
    map.required("phones")?;
    let columns = map
        .get("columns")
        .map_or(&[][..], |node| found.entries(node));
    let column = |(key, node): &(_, Node)| (form::map_key(key), column_value(node));
    Some(ContactPart {
        at: node.at.clone(),
        name: map.text("name"),
        phones: all(&map, "phones", found, contact_phone),
        email: form::email(&map, found),
        language: form::language(&map, found),
        columns: columns.iter().map(column).collect(),
        tags: map.texts("tags"),
        caseloads: map.texts("caseloads"),
    })
}

fn contact_phone(node: &Node, found: &Findings<'_>) -> Option<PhonePart> {
    let map = found.map(node, &["phone", "kind", "textable"]);
    let kinds = [("mobile", "mobile"), ("home", "home"), ("work", "work")];
    let part = PhonePart {
        kind: map.choice("kind", &kinds),
        textable: map.flag("textable"),
        phone: form::phone(map.required("phone")?, found)?,
    };
    Some(part)
}

fn column_value(node: &Node) -> At<ColumnValue> {
    let value = match &node.value {
        Value::Text(text) => ColumnValue::Text(text.clone()),
        Value::Number(number) => ColumnValue::Number(*number),
        Value::Bool(flag) => ColumnValue::Bool(*flag),
        _ => ColumnValue::Other,
    };
    At {
        at: node.at.clone(),
        value,
    }
}
