//! Whether whom a step means can be reached at all: people with a phone, and phones that are not ours.

use crate::flow::Rung;
use crate::flow::reader::Reading;
use crate::flow::yaml::{At, Node};
use crate::model::Phone;

/// A group whose members are rung.
pub(super) fn rung_group(reading: &mut Reading<'_>, node: &Node) -> Option<String> {
    let key = reading.group(node)?;
    with_phone(reading, &node.at, Rung::Group(&key));
    Some(key)
}

/// A user who is rung.
pub(super) fn rung_user(reading: &mut Reading<'_>, node: &Node) -> Option<String> {
    let key = reading.user(node)?;
    with_phone(reading, &node.at, Rung::User(&key));
    Some(key)
}

/// Warns of those who have nothing that could ring; that nobody is there at all is told elsewhere.
fn with_phone(reading: &mut Reading<'_>, at: &At, rung: Rung<'_>) {
    let devices = reading.names.devices(&reading.account, rung);
    let devices = devices.unwrap_or_default();
    if !devices.is_empty() && devices.iter().all(|count| *count == 0) {
        let message = match rung {
            Rung::User(key) => format!("`{key}` has no phone that could ring"),
            Rung::Group(key) => format!("nobody in the group `{key}` has a phone that could ring"),
        };
        let help =
            "give somebody a device in the organisation; until then it is as if all were away";
        reading.warn(at, "no-device", message, help);
    }
}

/// A phone that is none of ours.
pub(super) fn foreign_phone(reading: &mut Reading<'_>, node: &Node) -> Option<Phone> {
    let phone = reading.phone(node)?;
    warn_of_own(reading, &node.at, phone);
    Some(phone)
}

/// Warns of one of our own numbers where somebody else's is meant.
pub(super) fn warn_of_own(reading: &mut Reading<'_>, at: &At, phone: Phone) {
    let ours = reading.names.numbers(&reading.account).unwrap_or_default();
    if ours.contains(&phone.to_string()) {
        let message = format!("{phone} is a number of ours, and would lead back to us");
        let help = "`goto` leads into another flow; name somebody's phone here, a user or a group";
        reading.warn(at, "own-number", message, help);
    }
}
