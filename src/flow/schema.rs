//! The JSON Schema (2020-12) of a flow file, for editors that complete and validate.
//!
//! It is made of the tables that the reader uses: the verbs with their outcomes ([`super::steps::SPECS`]) and their
//! keys ([`super::form`]), and the lines of tests ([`super::script`]). It knows nothing of an organisation, and takes all that the reader takes: what only
//! `signalbox flow check` can tell (names, conditions, whole paths) is left to it.

use serde_json::{Map, Value, json};

use super::Kind;
use super::form::{self, Body, Form, KeyForm, Shape};
use super::script;
use super::steps::{SPECS, Spec, Style};

/// The schema of a flow file.
pub fn schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A signalbox flow",
        "type": "object",
        "required": ["flow", "account", "on", "steps"],
        "properties": {
            "flow": {
                "description": "Its name, unique in the account.",
                "type": "string",
                "pattern": "^[a-z][a-z0-9-]{0,62}$",
            },
            "with": { "description": "The variables it takes from whoever calls it, and what they are otherwise.", "type": "object" },
            "account": { "description": "The key of the account whose flow it is.", "$ref": "#/$defs/word" },
            "on": { "description": "What it decides.", "enum": ["call", "sms"] },
            "steps": {
                "description": "The steps by name; the first one starts.",
                "type": "object",
                "minProperties": 1,
                "maxProperties": super::check::STEPS_MAX,
                "propertyNames": { "pattern": STEP_NAME, "not": { "const": "end" } },
            },
            "tests": {
                "description": "Conversations that the flow is tested with.",
                "type": "array",
                "items": { "$ref": "#/$defs/test" },
            },
        },
        "additionalProperties": false,
        "allOf": [of_kind(Kind::Call), of_kind(Kind::Sms)],
        "$defs": defs(),
    })
}

const STEP_NAME: &str = "^[a-z][a-z0-9_]{0,62}$";

fn of_kind(kind: Kind) -> Value {
    let step = format!("#/$defs/{}_step", kind.as_str());
    json!({
        "if": { "properties": { "on": { "const": kind.as_str() } }, "required": ["on"] },
        "then": { "properties": {
            "steps": { "additionalProperties": { "$ref": step } },
            "tests": { "items": {
                "required": [kind.as_str()],
                "properties": { "script": { "items": line(kind) } },
            } },
        } },
    })
}

/// One line of a script: a word alone, or with what it says.
fn line(kind: Kind) -> Value {
    let known: Vec<&str> = script::lines::known(kind).collect();
    json!({ "anyOf": [
        { "enum": known },
        {
            "type": "object",
            "minProperties": 1,
            "maxProperties": 1,
            "propertyNames": { "enum": known },
        },
    ] })
}

/// One test.
fn test() -> Value {
    let begins = |words: &[&str]| {
        let each = words
            .iter()
            .map(|word| ((*word).to_owned(), json!({ "$ref": "#/$defs/word" })));
        let properties: Map<String, Value> = each.collect();
        json!({
            "type": "object",
            "properties": properties,
            "required": words,
            "additionalProperties": false,
        })
    };
    let mut properties = Map::new();
    for key in script::read::KEYS {
        let schema = match key {
            "call" => begins(&["from", "to"]),
            "sms" => begins(&["from", "to", "text"]),
            "given" => {
                json!({ "type": ["object", "null"], "propertyNames": { "enum": script::given::KEYS } })
            }
            "expect" => {
                json!({ "type": ["object", "null"], "propertyNames": { "enum": script::read::EXPECT } })
            }
            "script" => json!({ "type": "array" }),
            _ => json!({ "$ref": "#/$defs/word" }),
        };
        properties.insert(key.to_owned(), schema);
    }
    json!({
        "type": "object",
        "properties": properties,
        "required": ["name"],
        // One that asks for nothing would always hold.
        "anyOf": [expects(), asserts()],
        "additionalProperties": false,
    })
}

/// A test that expects something in the end.
fn expects() -> Value {
    let no_tags = json!({
        "maxProperties": 1,
        "required": ["tags"],
        "properties": { "tags": { "type": "array", "maxItems": 0 } },
    });
    let of_contact = json!({ "type": "object", "minProperties": 1, "not": no_tags });
    let keys = script::read::EXPECT.iter();
    let keys = keys.map(|key| match *key {
        "contact" => json!({ "required": [key], "properties": { "contact": of_contact } }),
        _ => json!({ "required": [key] }),
    });
    let keys: Vec<Value> = keys.collect();
    json!({ "required": ["expect"], "properties": { "expect": { "type": "object", "anyOf": keys } } })
}

/// A test with a line that a flow can keep from being so.
fn asserts() -> Value {
    let happens = script::lines::HAPPEN;
    let happens = happens.map(|word| json!({ "type": "object", "required": [word] }));
    let leaves = json!({
        "type": "object",
        "required": ["hangs_up"],
        "properties": { "hangs_up": { "type": "null" } },
    });
    let mut happens = happens.to_vec();
    happens.extend([json!({ "const": "hangs_up" }), leaves]);
    let line = json!({ "not": { "anyOf": happens } });
    json!({
        "required": ["script"],
        "properties": { "script": { "type": "array", "contains": line } },
    })
}

/// What the rest refers to by name.
fn defs() -> Value {
    let mut defs = Map::new();
    for (name, schema) in [
        // A bare number or truth is read as it is spelled.
        ("word", json!({ "type": ["string", "number", "boolean"] })),
        (
            "target",
            json!({ "description": "A step's name, or end.", "type": "string", "pattern": STEP_NAME }),
        ),
        (
            "duration",
            json!({ "type": "string", "pattern": "^[0-9]+[smhd]$" }),
        ),
        ("boolean", json!({ "enum": [true, false, "true", "false"] })),
        (
            "phone",
            json!({ "type": ["string", "integer"], "pattern": "^\\+[0-9]" }),
        ),
        (
            "place",
            json!({ "type": "string", "pattern": "^(contact|flow)\\.[a-z][a-z0-9_]*$" }),
        ),
        ("text", text()),
        ("test", test()),
        (
            "words",
            json!({ "anyOf": [
            { "$ref": "#/$defs/word" },
            { "type": "array", "items": { "$ref": "#/$defs/word" } },
        ] }),
        ),
    ] {
        defs.insert(name.to_owned(), schema);
    }
    let known = || SPECS.iter().filter(|spec| spec.read.is_some());
    for spec in known() {
        defs.insert(format!("verb_{}", spec.word), verb(spec));
    }
    for kind in [Kind::Call, Kind::Sms] {
        let verbs = known().filter(|spec| spec.kinds.contains(&kind));
        defs.insert(
            format!("{}_step", kind.as_str()),
            step(verbs.collect(), kind),
        );
    }
    Value::Object(defs)
}

/// A text, or one by language.
fn text() -> Value {
    json!({ "anyOf": [
        { "type": ["string", "number", "boolean"], "not": { "const": "" } },
        {
            "type": "object",
            "minProperties": 1,
            "propertyNames": { "pattern": "^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$" },
            "additionalProperties": { "$ref": "#/$defs/word" },
        },
    ] })
}

/// Exactly one verb, and where its outcomes go.
fn step(verbs: Vec<&'static Spec>, kind: Kind) -> Value {
    let mut properties = Map::new();
    for spec in &verbs {
        let schema = json!({ "$ref": format!("#/$defs/verb_{}", spec.word) });
        properties.insert(spec.word.to_owned(), schema);
    }
    let next = json!({ "description": "What comes after it.", "$ref": "#/$defs/target" });
    properties.insert("next".to_owned(), next);
    properties.insert("then".to_owned(), json!({ "type": "object" }));
    let ways: Vec<Value> = verbs.iter().map(|spec| way(spec, kind)).collect();
    json!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
        "oneOf": ways,
    })
}

/// A step with this verb: how it says where its outcomes go.
fn way(spec: &Spec, kind: Kind) -> Value {
    let word = spec.word;
    match spec.style {
        Style::Leaves => json!({
            "required": [word],
            "properties": { "next": false, "then": false },
        }),
        // Without a key to ask for it nobody is called back.
        Style::Then(outcomes) if word == "queue" => {
            let rest: Vec<&str> = outcomes
                .iter()
                .copied()
                .filter(|name| *name != "callback")
                .collect();
            json!({
                "required": [word, "then"],
                "properties": { "next": false },
                "anyOf": [
                    { "properties": { word: { "required": ["callback_key"] }, "then": then(word, outcomes, kind, true) } },
                    { "properties": { word: { "properties": { "callback_key": false } }, "then": then(word, &rest, kind, true) } },
                ],
            })
        }
        Style::Then(outcomes) => json!({
            "required": [word, "then"],
            "properties": { "next": false, "then": then(word, outcomes, kind, true) },
        }),
        Style::Next(outcomes) => json!({
            "required": [word],
            "anyOf": [
                { "required": ["next"], "properties": { "then": then(word, outcomes, kind, false) } },
                { "required": ["then"], "properties": { "then": then(word, outcomes, kind, true) } },
            ],
        }),
    }
}

/// Outcomes and their targets; `full`: every one of them must be named, or taken by `else`.
fn then(word: &str, outcomes: &[&str], kind: Kind, full: bool) -> Value {
    let target = json!({ "$ref": "#/$defs/target" });
    let mut properties = Map::new();
    let hung_up = (kind == Kind::Call).then_some("caller_hung_up");
    for name in outcomes.iter().copied().chain(["else"]).chain(hung_up) {
        let mut target = target.clone();
        if let Some(meaning) = form::outcomes::meaning(word, name) {
            target["description"] = json!(meaning);
        }
        properties.insert(name.to_owned(), target);
    }
    let mut schema = Map::new();
    schema.insert("type".to_owned(), json!("object"));
    schema.insert("properties".to_owned(), Value::Object(properties));
    let named = form::of(word).is_some_and(|form| matches!(form.body, Body::Names(_)));
    let others = match word {
        "menu" => {
            // At least one key of the phone.
            let known: Vec<&str> = outcomes
                .iter()
                .copied()
                .chain(["else", "caller_hung_up"])
                .collect();
            schema.insert(
                "not".to_owned(),
                json!({ "propertyNames": { "enum": known } }),
            );
            schema.insert(
                "patternProperties".to_owned(),
                json!({ "^[0-9*#]{1,4}$": target }),
            );
            json!(false)
        }
        // The outcomes are names that the writer chose, or a form not described here.
        _ if named || outcomes.is_empty() || form::of(word).is_none() => target,
        _ => json!(false),
    };
    schema.insert("additionalProperties".to_owned(), others);
    if full {
        schema.insert(
            "anyOf".to_owned(),
            json!([{ "required": ["else"] }, { "required": outcomes }]),
        );
    }
    Value::Object(schema)
}

fn verb(spec: &Spec) -> Value {
    let Some(form) = form::of(spec.word) else {
        return json!({});
    };
    let mut schema = body(form);
    if let Some(object) = schema.as_object_mut() {
        object.insert("description".to_owned(), json!(form.about));
    }
    schema
}

fn body(form: &Form) -> Value {
    match form.body {
        Body::Empty => json!({ "type": "null" }),
        Body::Names(value) => json!({
            "type": "object",
            "minProperties": 1,
            "maxProperties": 30,
            "additionalProperties": match value {
                Shape::Words => json!({ "anyOf": [{ "type": "null" }, shape(value)] }),
                _ => shape(value),
            },
        }),
        Body::Keys {
            keys,
            one_of,
            any_of,
        } => {
            let whole = mapping(keys, one_of, any_of);
            let nothing =
                keys.iter().all(|key| !key.required) && one_of.is_empty() && any_of.is_empty();
            let main = keys.iter().find(|key| Some(key.word) == form.main);
            let mut ways = vec![whole];
            ways.extend(nothing.then(|| json!({ "type": "null" })));
            ways.extend(main.map(|key| shape(key.shape)));
            match ways.len() {
                1 => ways.remove(0),
                _ => json!({ "anyOf": ways }),
            }
        }
    }
}

fn mapping(keys: &[KeyForm], one_of: &[&str], any_of: &[&str]) -> Value {
    let mut properties = Map::new();
    for key in keys {
        let mut schema = shape(key.shape);
        if let Some(object) = schema.as_object_mut() {
            object.insert("description".to_owned(), json!(key.told()));
        }
        properties.insert(key.word.to_owned(), schema);
    }
    let required: Vec<&str> =
        (keys.iter().filter(|key| key.required).map(|key| key.word)).collect();
    let mut schema = json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    });
    let ways = |words: &[&str]| -> Vec<Value> {
        words
            .iter()
            .map(|word| json!({ "required": [word] }))
            .collect()
    };
    for (rule, words) in [("oneOf", one_of), ("anyOf", any_of)] {
        if let (Some(object), false) = (schema.as_object_mut(), words.is_empty()) {
            object.insert(rule.to_owned(), json!(ways(words)));
        }
    }
    schema
}

/// What the schema knows by name.
fn known(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}") })
}

fn shape(shape: Shape) -> Value {
    match shape {
        Shape::Text | Shape::Sms => known("text"),
        Shape::Word | Shape::Name | Shape::Condition | Shape::Reached | Shape::Mail => {
            known("word")
        }
        Shape::Value => json!({ "type": ["string", "number", "boolean", "null"] }),
        Shape::Duration | Shape::Within(..) => known("duration"),
        Shape::Count(min, max) => json!({
            "type": ["integer", "string"],
            "minimum": min,
            "maximum": max,
            "pattern": "^(0|[1-9][0-9]*)$",
        }),
        Shape::Bool => known("boolean"),
        Shape::OneOf(words) => json!({ "enum": words }),
        Shape::SomeOf(words) => json!({ "anyOf": [
            { "enum": words },
            { "type": "array", "items": { "enum": words } },
        ] }),
        Shape::Phone => known("phone"),
        Shape::CallerId => json!({ "anyOf": [{ "enum": ["caller", "number"] }, known("phone")] }),
        Shape::Url => json!({ "type": "string", "pattern": "^https?://" }),
        Shape::Place => known("place"),
        Shape::Digits => {
            json!({ "type": ["string", "integer"], "pattern": "^[0-9]+(\\.\\.[0-9]+)?$" })
        }
        Shape::Words | Shape::Names => known("words"),
        Shape::Told => told(),
        Shape::Headers => headers(),
        Shape::Saves => saves(),
        Shape::Choices => choices(),
        Shape::Targets => targets(),
        Shape::Values => values(),
        Shape::Any => json!({}),
    }
}

/// Who is told of a voicemail.
fn told() -> Value {
    json!({ "anyOf": [
        { "enum": ["members", "none"] },
        { "type": "array", "items": { "type": "string" }, "minItems": 1, "maxItems": 20 },
    ] })
}

/// Headers of a request; a secret by its name.
fn headers() -> Value {
    json!({
        "type": "object",
        "additionalProperties": { "anyOf": [known("word"), {
            "type": "object",
            "properties": { "secret": known("word"), "before": known("word") },
            "required": ["secret"],
            "additionalProperties": false,
        }] },
    })
}

/// Where an answer is kept: one place, or parts of it at several.
fn saves() -> Value {
    json!({ "anyOf": [known("place"), {
        "type": "object",
        "minProperties": 1,
        "propertyNames": known("place"),
        "additionalProperties": known("word"),
    }] })
}

/// Words by choice.
fn choices() -> Value {
    json!({
        "type": "object",
        "minProperties": 1,
        "maxProperties": 30,
        "additionalProperties": { "anyOf": [{ "type": "null" }, known("words")] },
    })
}

/// Who is rung, one behind the other.
fn targets() -> Value {
    json!({
        "type": "array",
        "minItems": 1,
        "items": { "type": "object", "minProperties": 1, "maxProperties": 1, "properties": {
            "group": known("word"), "user": known("word"), "number": known("phone"),
        }, "additionalProperties": false },
    })
}

/// Values by name.
fn values() -> Value {
    let value = json!({ "type": ["string", "number", "boolean", "null"] });
    json!({ "type": "object", "additionalProperties": value })
}
