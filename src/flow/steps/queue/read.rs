//! How a queue is written.

use super::{MAX_WAIT_S, Queue};
use crate::flow::reader::Reading;
use crate::flow::steps::Verb;
use crate::flow::steps::dial::{
    Accept, CallerId, OneByOne, Order, RING_S, default_prompt, read_accept, read_caller_id,
    read_order_of_one, seconds,
};
use crate::flow::steps::reachable::rung_group;
use crate::flow::steps::speak::{read_file, required};
use crate::flow::yaml::Node;

/// The keys that may ask to be called back.
const KEYS: &str = "0123456789";

impl Queue {
    pub(in crate::flow::steps) fn read(reading: &mut Reading<'_>, node: &Node) -> Option<Verb> {
        let fields = reading.form(node, "queue")?;
        let group = required(reading, fields.get("group"), node, "queue", "group");
        let group = group.and_then(|node| rung_group(reading, node));
        let order = read_order_of_one(reading, &fields);
        let accept = read_accept(reading, &fields);
        let prompt = fields
            .get("prompt")
            .and_then(|node| reading.text(node, "the accept prompt"));
        let caller_id = fields
            .get("caller_id")
            .and_then(|node| read_caller_id(reading, node));
        let ring_s = seconds(reading, &fields, "ring", RING_S);
        let max_wait_s = seconds(reading, &fields, "max_wait", MAX_WAIT_S);
        let music = fields
            .get("music")
            .and_then(|node| read_file(reading, node));
        let position = fields
            .get("position")
            .and_then(|node| reading.boolean(node, "position"));
        let callback_key = fields
            .get("callback_key")
            .and_then(|node| read_key(reading, node));
        let record = fields
            .get("record")
            .and_then(|node| reading.boolean(node, "record"));
        if let (Some(node), Some(Accept::Anyone | Accept::Person)) = (fields.get("prompt"), accept)
        {
            let help = "write `accept: key`, or leave the prompt out";
            reading.warn(&node.at, "unused-prompt", "nobody hears this prompt", help);
        }
        let group = group?;
        let how = OneByOne {
            group: group.clone(),
            order: order.unwrap_or(Order::Sequential),
            ring_s: ring_s.unwrap_or(RING_S.1),
            accept: accept.unwrap_or(Accept::Key),
            prompt: prompt.unwrap_or_else(default_prompt),
            caller_id: caller_id.unwrap_or(CallerId::Caller),
            record: record.unwrap_or(false),
        };
        Some(Verb::Queue(Box::new(Self {
            group,
            dial: how.into(),
            max_wait_s: max_wait_s.unwrap_or(MAX_WAIT_S.1),
            music,
            position: position.unwrap_or(false),
            callback_key,
        })))
    }
}

fn read_key(reading: &mut Reading<'_>, node: &Node) -> Option<char> {
    let word = reading.word(node, "`callback_key`")?;
    let mut chars = word.chars();
    match (chars.next(), chars.next()) {
        (Some(key), None) if KEYS.contains(key) => Some(key),
        _ => {
            let message = format!("`{word}` is no key that asks to be called back");
            reading.fault_help(&node.at, "digits", message, "write one digit, such as 9");
            None
        }
    }
}
