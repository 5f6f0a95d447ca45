//! How a dial is written.

use super::{Accept, CallerId, Devices, Dial, DialWho, Order, RING_S, Skip, TOTAL_S};
use crate::flow::reader::{Fields, Reading};
use crate::flow::steps::Verb;
use crate::flow::steps::reachable::{foreign_phone, rung_group, rung_user};
use crate::flow::steps::speak::required;
use crate::flow::template::{Text, by_language};
use crate::flow::yaml::Node;

const ORDERS: [(&str, Order); 4] = [
    ("sequential", Order::Sequential),
    ("simultaneous", Order::Simultaneous),
    ("round_robin", Order::RoundRobin),
    ("least_recent", Order::LeastRecent),
];
/// The orders in which one rings after another.
const ORDERS_OF_ONE: [(&str, Order); 3] = [ORDERS[0], ORDERS[2], ORDERS[3]];
const DEVICES: [(&str, Devices); 3] = [
    ("first", Devices::First),
    ("all", Devices::All),
    ("ordered", Devices::Ordered),
];

impl Dial {
    pub(in crate::flow::steps) fn read(reading: &mut Reading<'_>, node: &Node) -> Option<Verb> {
        let fields = reading.form(node, "dial")?;
        let who = read_who(reading, node, &fields);
        let order = read_order(reading, &fields, &ORDERS);
        let devices = fields
            .get("devices")
            .and_then(|node| reading.choice(node, "choice of devices", &DEVICES));
        let accept = read_accept(reading, &fields);
        let prompt = fields
            .get("prompt")
            .and_then(|node| reading.text(node, "the accept prompt"));
        let when_taken = fields
            .get("when_taken")
            .and_then(|node| reading.text(node, "`when_taken`"));
        let record = fields
            .get("record")
            .and_then(|node| reading.boolean(node, "record"));
        let ring_s = seconds(reading, &fields, "ring", RING_S);
        let total_s = seconds(reading, &fields, "total", TOTAL_S);
        let skip = read_skip(reading, &fields);
        let caller_id = fields
            .get("caller_id")
            .and_then(|node| read_caller_id(reading, node));
        let dial = Self {
            who: who?,
            order: order.unwrap_or(Order::Sequential),
            ring_s: ring_s.unwrap_or(RING_S.1),
            total_s,
            devices: devices.unwrap_or(Devices::First),
            skip,
            accept: accept.unwrap_or(Accept::Anyone),
            prompt: prompt.unwrap_or_else(default_prompt),
            when_taken,
            caller_id: caller_id.unwrap_or(CallerId::Caller),
            record: record.unwrap_or(false),
            enters_first: false,
        };
        dial.judge(reading, &fields);
        Some(Verb::Dial(Box::new(dial)))
    }

    /// What does not go together.
    fn judge(&self, reading: &mut Reading<'_>, fields: &Fields<'_>) {
        if let (Some(prompt), true) = (fields.get("prompt"), self.accept != Accept::Key) {
            let help = "add `accept: key`, or leave the prompt out";
            reading.warn(
                &prompt.at,
                "unused-prompt",
                "nobody hears this prompt",
                help,
            );
        }
        if let (Some(devices), Devices::Ordered, true) =
            (fields.get("devices"), self.devices, self.at_once())
        {
            let message =
                "`ordered` rings one device after another, and `simultaneous` all at once";
            let help = "write `devices: all`, or another order";
            reading.fault_help(&devices.at, "unknown-value", message, help);
        }
        if let (Some(total), Some(total_s)) = (fields.get("total"), self.total_s)
            && total_s < self.ring_s
        {
            let message = "`total` is shorter than the ring time of one";
            reading.fault(&total.at, "out-of-range", message);
        }
    }
}

pub(in crate::flow::steps) fn default_prompt() -> Text {
    by_language(&[
        ("en", "You have a call. Press 1 to accept it, 2 to decline."),
        (
            "es",
            "Tiene una llamada. Pulse 1 para aceptarla, 2 para rechazarla.",
        ),
        (
            "fr",
            "Vous avez un appel. Tapez 1 pour l'accepter, 2 pour le refuser.",
        ),
        (
            "de",
            "Sie haben einen Anruf. Drücken Sie 1, um ihn anzunehmen, 2, um ihn abzulehnen.",
        ),
    ])
}

/// `group`, `user`, `number`, or `to: [{ … }, …]`: exactly one of them.
fn read_who(reading: &mut Reading<'_>, node: &Node, fields: &Fields<'_>) -> Option<Vec<DialWho>> {
    let given: Vec<&str> = ["group", "user", "number", "to"]
        .into_iter()
        .filter(|key| fields.get(key).is_some())
        .collect();
    if given.len() > 1 {
        let help = "name several as `to: [{ user: … }, { group: … }]`";
        reading.fault_help(
            fields.at,
            "two-owners",
            "`dial` says twice who is rung",
            help,
        );
        return None;
    }
    if let Some(to) = fields.get("to") {
        let items = reading.list(to, "`to`");
        let mut found = Vec::new();
        for item in items {
            let fields = reading.fields(item, "to", &["group", "user", "number"], None)?;
            found.push(one(reading, item, &fields)?);
        }
        if found.is_empty() {
            reading.fault(&to.at, "empty", "nobody is named here");
            return None;
        }
        return Some(found);
    }
    one(reading, node, fields).map(|one| vec![one])
}

fn one(reading: &mut Reading<'_>, node: &Node, fields: &Fields<'_>) -> Option<DialWho> {
    if let Some(group) = fields.get("group") {
        return rung_group(reading, group).map(DialWho::Group);
    }
    if let Some(user) = fields.get("user") {
        return rung_user(reading, user).map(DialWho::User);
    }
    let number = required(reading, fields.get("number"), node, "dial", "group")?;
    foreign_phone(reading, number).map(DialWho::Number)
}

fn read_order(
    reading: &mut Reading<'_>,
    fields: &Fields<'_>,
    orders: &[(&str, Order)],
) -> Option<Order> {
    let node = fields.get("order")?;
    reading.choice(node, "order", orders)
}

/// The order in which members are rung one by one.
pub(in crate::flow::steps) fn read_order_of_one(
    reading: &mut Reading<'_>,
    fields: &Fields<'_>,
) -> Option<Order> {
    read_order(reading, fields, &ORDERS_OF_ONE)
}

pub(in crate::flow::steps) fn read_accept(
    reading: &mut Reading<'_>,
    fields: &Fields<'_>,
) -> Option<Accept> {
    let ways = [
        ("key", Accept::Key),
        ("amd", Accept::Person),
        ("none", Accept::Anyone),
    ];
    let node = fields.get("accept")?;
    reading.choice(node, "way to accept", &ways)
}

pub(in crate::flow::steps) fn seconds(
    reading: &mut Reading<'_>,
    fields: &Fields<'_>,
    key: &str,
    (min, _, max): (u32, u32, u32),
) -> Option<u32> {
    let node = fields.get(key)?;
    reading.duration(node, &format!("`{key}`"), min, max)
}

/// By default nobody is rung who is away or talking, nor the caller's own phone.
fn read_skip(reading: &mut Reading<'_>, fields: &Fields<'_>) -> Skip {
    let Some(node) = fields.get("skip") else {
        return Skip {
            busy: true,
            offline: true,
            caller: true,
        };
    };
    let mut skip = Skip {
        busy: false,
        offline: false,
        caller: false,
    };
    for item in reading.list(node, "`skip`") {
        match reading.choice(
            item,
            "reason to skip",
            &[("busy", 0), ("offline", 1), ("caller", 2)],
        ) {
            Some(0) => skip.busy = true,
            Some(1) => skip.offline = true,
            Some(_) => skip.caller = true,
            None => {}
        }
    }
    skip
}

pub(in crate::flow::steps) fn read_caller_id(
    reading: &mut Reading<'_>,
    node: &Node,
) -> Option<CallerId> {
    match reading.word(node, "the caller id")? {
        "caller" => Some(CallerId::Caller),
        "number" => Some(CallerId::Ours),
        _ => reading.phone(node).map(CallerId::Other),
    }
}
