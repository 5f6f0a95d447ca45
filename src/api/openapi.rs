//! The OpenAPI 3.1 document, made from the table of endpoints.

use axum::Json;
use serde_json::{Map, Value, json};

use super::{ENDPOINTS, Endpoint, Parameter};

/// `GET /openapi.json`
pub(super) async fn serve() -> Json<Value> {
    Json(document())
}

/// The whole document.
pub(super) fn document() -> Value {
    let mut paths = Map::new();
    for endpoint in ENDPOINTS {
        let path = paths.entry(endpoint.path).or_insert_with(|| json!({}));
        path[endpoint.method] = operation(endpoint);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "signalbox",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "The shared inbox and the voicemail boxes of an organisation, for programs.",
        },
        "servers": [{ "url": "/api/v1" }],
        "security": [{ "session": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "session": { "type": "apiKey", "in": "cookie", "name": "__Host-signalbox" },
            },
            "schemas": schemas(),
        },
    })
}

fn operation(endpoint: &Endpoint) -> Value {
    let in_path = endpoint.path.split('/').filter_map(|part| {
        let name = part.strip_prefix('{')?.strip_suffix('}')?;
        Some(
            json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } }),
        )
    });
    let in_query = endpoint.query.iter().map(parameter);
    let parameters: Vec<Value> = in_path.chain(in_query).collect();
    let (status, schema) = endpoint.answer;
    let mut answers = Map::new();
    let content = json!({ "application/json": { "schema": reference(schema) } });
    answers.insert(
        status.to_string(),
        json!({ "description": "Done.", "content": content }),
    );
    for refusal in endpoint.refusals {
        let content = json!({ "application/problem+json": { "schema": reference("Problem") } });
        answers.insert(
            refusal.to_string(),
            json!({ "description": refused(*refusal), "content": content }),
        );
    }
    let mut operation = json!({
        "operationId": endpoint.operation,
        "summary": endpoint.summary,
        "parameters": parameters,
        "responses": answers,
    });
    if let Some(body) = endpoint.body {
        let content = json!({ "application/json": { "schema": reference(body) } });
        operation["requestBody"] = json!({ "required": true, "content": content });
    }
    operation
}

fn parameter(parameter: &Parameter) -> Value {
    let mut schema = json!({ "type": parameter.kind });
    if !parameter.one_of.is_empty() {
        schema["enum"] = json!(parameter.one_of);
    }
    json!({ "name": parameter.name, "in": "query", "description": parameter.words, "schema": schema })
}

fn refused(status: u16) -> &'static str {
    match status {
        400 => "The request cannot be read.",
        401 => "Nobody is signed in.",
        403 => "The request came from another site.",
        404 => "There is no such thing, or none that the caller may see.",
        409 => "The conversation moved since `read_version` (code `thread_moved`).",
        422 => "It cannot be done; `code` says why.",
        _ => "Refused.",
    }
}

fn reference(schema: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{schema}") })
}

/// An object all of whose fields are always there. A field is its name and its schema.
fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let names = fields.each_ref().map(|(name, _)| *name);
    let fields: Map<String, Value> = fields
        .into_iter()
        .map(|(name, schema)| (name.to_owned(), schema))
        .collect();
    json!({ "type": "object", "properties": fields, "required": names.to_vec() })
}

fn kind(name: &str) -> Value {
    json!({ "type": name })
}

fn or_null(name: &str) -> Value {
    json!({ "type": [name, "null"] })
}

fn words(words: &[&str]) -> Value {
    json!({ "type": "string", "enum": words })
}

fn time() -> Value {
    json!({ "type": "string", "format": "date-time" })
}

fn list(schema: &str) -> Value {
    json!({ "type": "array", "items": reference(schema) })
}

fn one_or_null(schema: &str) -> Value {
    json!({ "anyOf": [reference(schema), { "type": "null" }] })
}

fn schemas() -> Value {
    json!({
        "Problem": object([
            ("type", kind("string")), ("title", kind("string")), ("status", kind("integer")),
            ("code", kind("string")), ("detail", kind("string")),
        ]),
        "Route": object([
            ("kind", words(&["group", "user"])), ("key", or_null("string")), ("name", kind("string")),
        ]),
        "Contact": object([("id", kind("string")), ("name", or_null("string"))]),
        "Assignment": object([
            ("to", reference("Route")), ("by", or_null("string")), ("at", time()), ("note", or_null("string")),
        ]),
        "Conversation": object([
            ("id", kind("string")), ("state", words(&["automated", "open", "closed"])), ("party", kind("string")),
            ("contact", one_or_null("Contact")), ("number", or_null("string")), ("program", or_null("string")),
            ("route", reference("Route")), ("assignment", one_or_null("Assignment")),
            ("tags", json!({ "type": "array", "items": { "type": "string" } })), ("priority", kind("boolean")),
            ("flagged", kind("boolean")), ("unread", kind("boolean")), ("preview", kind("string")),
            ("last_at", time()), ("created_at", time()), ("version", kind("integer")),
        ]),
        "ConversationPage": object([("items", list("Conversation")), ("next", or_null("string"))]),
        "Text": object([
            ("type", words(&["text"])), ("id", kind("string")), ("at", time()),
            ("kind", words(&["inbound", "compliance", "automated", "staff", "campaign"])), ("text", kind("string")),
            ("files", kind("integer")), ("status", kind("string")), ("via", words(&["text", "email"])),
            ("segments", kind("integer")), ("reason", or_null("string")), ("author", or_null("string")),
        ]),
        "Event": object([
            ("type", words(&["event"])), ("id", kind("string")), ("at", time()), ("by", or_null("string")),
            ("event", json!({ "type": "object", "properties": { "kind": { "type": "string" } }, "required": ["kind"] })),
        ]),
        "Thread": object([
            ("items", json!({ "type": "array", "items": { "anyOf": [reference("Text"), reference("Event")] } })),
            ("next", or_null("string")), ("conversation", reference("Conversation")),
        ]),
        "Reply": json!({
            "type": "object",
            "properties": {
                "text": { "type": "string", "minLength": 1, "maxLength": 1600 },
                "read_version": { "type": "integer", "description": "`version` of the conversation as it was read." },
                "anyway": { "type": "boolean", "default": false },
            },
            "required": ["text", "read_version"],
            "additionalProperties": false,
        }),
        "Replied": object([("conversation", kind("string")), ("version", or_null("integer"))]),
        "Voicemail": object([
            ("id", kind("string")), ("at", time()), ("box", reference("Route")), ("party", kind("string")),
            ("name", or_null("string")), ("conversation", or_null("string")), ("missed_call", kind("boolean")),
            ("duration_s", kind("integer")), ("state", words(&["awaited", "fetching", "ready", "absent"])),
            ("audio", or_null("string")), ("transcript", or_null("string")), ("heard", kind("boolean")),
            ("version", kind("integer")),
        ]),
        "VoicemailPage": object([("items", list("Voicemail")), ("next", or_null("string"))]),
        "OpenApi": kind("object"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_endpoint_is_described_for_people_too() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/api.md");
        let page = std::fs::read_to_string(path).unwrap();
        for endpoint in ENDPOINTS {
            let method = endpoint.method.to_uppercase();
            let line = format!("`{method} /api/v1{}`", endpoint.path);
            assert!(page.contains(&line), "docs/api.md lacks {line}");
            for parameter in endpoint.query {
                let name = format!("`{}`", parameter.name);
                assert!(page.contains(&name), "docs/api.md lacks {name}");
            }
        }
    }

    #[test]
    fn every_reference_leads_somewhere() {
        let document = document();
        let mut left = vec![&document];
        while let Some(value) = left.pop() {
            match value {
                Value::Object(fields) => {
                    if let Some(Value::String(target)) = fields.get("$ref") {
                        let pointer = target.trim_start_matches('#');
                        assert!(document.pointer(pointer).is_some(), "{target}");
                    }
                    left.extend(fields.values());
                }
                Value::Array(items) => left.extend(items),
                _ => {}
            }
        }
    }
}
