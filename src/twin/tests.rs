//! The twin against a small daemon that answers as told and keeps what it got.

mod calls;
mod daemon;

use serde_json::{Value, json};

use super::world::{Direction, Leg};
use super::*;
use daemon::{ANA, CALLER, OURS, stage, stage_of};

/// A leg for the field tables.
pub(super) fn leg(direction: Direction, status: LegStatus) -> Leg {
    let (mailbox, _) = tokio::sync::mpsc::channel(1);
    Leg {
        sid: "CA1".to_owned(),
        parent: None,
        from: CALLER.to_owned(),
        to: OURS.to_owned(),
        direction,
        status,
        created: crate::model::Timestamp::default(),
        answered: None,
        ended: None,
        doing: String::new(),
        token: Some("token".to_owned()),
        mailbox,
    }
}

#[tokio::test]
async fn a_text_arrives_signed_and_its_inline_answer_is_delivered() {
    let on = stage(&[(
        "/hooks/sms",
        "<Response><Message action='/status'>Thank you</Message></Response>",
    )])
    .await;
    let sid = on.twin.text(CALLER, OURS, "Hello ☂", &[]).expect("a text");
    on.sees(LineKind::TextOut, CALLER, "Thank you").await;
    on.sees(LineKind::Receipt, CALLER, "delivered").await;
    let seen = on.daemon.wait("/status", 2).await;
    assert_eq!(seen[0].get("MessageStatus"), "sent");
    assert_eq!(seen[1].get("MessageStatus"), "delivered");
    let text = &on.daemon.seen("/hooks/sms")[0];
    assert_eq!(
        (text.get("MessageSid"), text.get("Body")),
        (sid.as_str(), "Hello ☂")
    );
    assert!(
        on.daemon.all().iter().all(|hook| hook.signed),
        "all are signed"
    );
}

#[tokio::test]
async fn a_failed_hook_is_repeated_with_the_same_token_as_its_address_asks() {
    let on = stage(&[]).await;
    on.daemon.answer("/hooks/sms", 503, "");
    on.daemon.answer("/hooks/sms", 503, "");
    on.daemon.answer("/hooks/sms", 200, "");
    on.twin.text(CALLER, OURS, "Hello", &[]).expect("a text");
    let seen = on.daemon.wait("/hooks/sms", 3).await;
    assert!(
        seen.iter()
            .all(|hook| hook.token == seen[0].token && !hook.token.is_empty())
    );
}

#[tokio::test]
async fn the_api_demands_the_right_credentials() {
    let on = stage(&[]).await;
    for (account, user, password, wanted) in [
        ("AC1", "AC1", "wrong", (401, 20_003)),
        ("AC1", "AC2", "secret", (401, 20_003)),
        ("AC2", "AC1", "secret", (404, 20_404)),
    ] {
        let url = format!("{}2010-04-01/Accounts/{account}/Messages.json", on.base);
        let answer = on
            .client
            .post(url)
            .basic_auth(user, Some(password))
            .send()
            .await;
        let answer = answer.expect("an answer");
        let status = answer.status().as_u16();
        let body: Value = answer.json().await.expect("JSON");
        assert_eq!((status, body["code"].as_i64()), (wanted.0, Some(wanted.1)));
    }
    assert_eq!(on.twin.requests().len(), 3);
}

#[tokio::test]
async fn sends_are_checked_in_the_carriers_words() {
    let on = stage(&[]).await;
    let long = "x".repeat(1_601);
    for (from, to, body, wanted) in [
        (OURS, "+1202", "Hi", 21_211),
        (ANA, CALLER, "Hi", 21_606),
        (OURS, CALLER, "", 21_602),
        (OURS, CALLER, long.as_str(), 21_617),
    ] {
        let (status, body) = on.send(from, to, body).await.expect("an answer");
        assert_eq!((status, body["code"].as_i64()), (400, Some(wanted)));
    }
    let (status, body) = on.send(OURS, CALLER, "Hi").await.expect("an answer");
    assert_eq!((status, body["status"].as_str()), (201, Some("queued")));
    assert_eq!(on.twin.sends_to(CALLER), 4);
}

#[tokio::test]
async fn a_lost_answer_leaves_a_text_that_the_list_shows() {
    let on = stage(&[]).await;
    on.twin.set_faults(Faults {
        lose_answer_of_next_send: 1,
        ..Faults::default()
    });
    assert!(
        on.send(OURS, CALLER, "once").await.is_none(),
        "no answer at all"
    );
    let found = on
        .get(&format!(
            "Messages.json?To={}&PageSize=20",
            "%2B12025550143"
        ))
        .await;
    let messages = found["messages"].as_array().expect("a list");
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0]["body"], "once");
    assert_eq!(on.daemon.wait("/status", 2).await.len(), 2);
    assert_eq!(
        on.get("Messages.json?DateSent%3E=2999-01-01").await["messages"],
        json!([])
    );
    assert_eq!(
        on.send(OURS, CALLER, "twice")
            .await
            .map(|(status, _)| status),
        Some(201)
    );
}

#[tokio::test]
async fn receipts_come_as_the_faults_have_it() {
    for (receipts, wanted) in [
        (Receipts::Normal, vec!["sent", "delivered"]),
        (Receipts::Reversed, vec!["delivered", "sent"]),
        (
            Receipts::Repeated,
            vec!["sent", "sent", "delivered", "delivered"],
        ),
        (Receipts::Early, vec!["sent", "delivered"]),
        (Receipts::Undelivered, vec!["sent", "undelivered"]),
        (Receipts::Failed, vec!["failed"]),
    ] {
        let on = stage(&[]).await;
        on.twin.set_faults(Faults {
            receipts,
            ..Faults::default()
        });
        on.send(OURS, CALLER, "Hi").await.expect("an answer");
        if receipts == Receipts::Early {
            assert_eq!(on.daemon.seen("/status").len(), 2, "before the answer");
        }
        let seen = on.daemon.wait("/status", wanted.len()).await;
        let got: Vec<&str> = seen.iter().map(|hook| hook.get("MessageStatus")).collect();
        assert_eq!(got, wanted);
    }
}

#[tokio::test]
async fn refusals_and_double_delivery_on_purpose() {
    let on = stage(&[]).await;
    on.twin.set_faults(Faults {
        answer_next_send_with: Some(Refusal {
            status: 429,
            code: 20_429,
        }),
        deliver_twice: true,
        ..Faults::default()
    });
    let (status, body) = on.send(OURS, CALLER, "Hi").await.expect("an answer");
    assert_eq!((status, body["code"].as_i64()), (429, Some(20_429)));
    on.twin.text(CALLER, OURS, "Hello", &[]).expect("a text");
    let seen = on.daemon.wait("/hooks/sms", 2).await;
    assert_eq!(seen[0].token, seen[1].token);
}

#[tokio::test]
async fn a_carrier_that_keeps_stop_refuses_and_tells() {
    let on = stage_of(&[], |settings| settings.opt_out = true).await;
    for (word, kind, wanted) in [("Stop", "STOP", 21_610), ("START", "START", 0)] {
        on.twin.text(CALLER, OURS, word, &[]).expect("a text");
        let (_, body) = on.send(OURS, CALLER, "Hi").await.expect("an answer");
        assert_eq!(body["code"].as_i64().unwrap_or(0), wanted);
        let is = |hook: &daemon::Seen| hook.get("OptOutType") == kind;
        on.daemon
            .wait_until("/hooks/sms", |seen| seen.iter().any(is))
            .await;
    }
}

#[tokio::test]
async fn a_picture_is_fetched_with_credentials_over_a_redirect() {
    let on = stage(&[]).await;
    let media = TwinMedia {
        content_type: "image/png".to_owned(),
        bytes: None,
    };
    on.twin.text(CALLER, OURS, "", &[media]).expect("a text");
    let text = on.daemon.wait("/hooks/sms", 1).await.remove(0);
    assert_eq!((text.get("NumMedia"), text.get("Body")), ("1", ""));
    let url = text.get("MediaUrl0");
    let refused = on.client.get(url).send().await.expect("an answer");
    assert_eq!(refused.status().as_u16(), 401);
    let moved = on
        .client
        .get(url)
        .basic_auth("AC1", Some("secret"))
        .send()
        .await
        .expect("an answer");
    assert_eq!(moved.status().as_u16(), 302);
    let location = moved.headers()["location"]
        .to_str()
        .expect("text")
        .to_owned();
    let file = on.client.get(location).send().await.expect("an answer");
    let bytes = file.bytes().await.expect("bytes");
    assert!(bytes.starts_with(b"\x89PNG"));
}

#[tokio::test]
async fn the_page_and_its_control_routes_answer() {
    let on = stage(&[("/hooks/call", "<Response><Say>Hello.</Say></Response>")]).await;
    let page = on
        .client
        .get(format!("{}demo", on.base))
        .send()
        .await
        .expect("a page");
    let policy = page.headers()["content-security-policy"]
        .to_str()
        .expect("text");
    assert!(policy.contains("script-src 'self'"));
    let post = |path: &str, body: Value| {
        on.client
            .post(format!("{}demo/api/{path}", on.base))
            .json(&body)
    };
    let called = post("call", json!({ "from": CALLER, "to": OURS }))
        .send()
        .await
        .expect("an answer");
    assert_eq!(called.status().as_u16(), 200);
    let nobody = post("call", json!({ "from": CALLER, "to": ANA }))
        .send()
        .await
        .expect("an answer");
    assert_eq!(nobody.status().as_u16(), 404);
    let foreign =
        post("call", json!({ "from": CALLER, "to": OURS })).header("sec-fetch-site", "cross-site");
    assert_eq!(
        foreign.send().await.expect("an answer").status().as_u16(),
        403
    );
    let faults = post("faults", json!({ "receipts": "reversed" }))
        .send()
        .await
        .expect("an answer");
    let faults: Value = faults.json().await.expect("JSON");
    assert_eq!(faults["receipts"], "reversed");
    on.sees(LineKind::Ended, CALLER, "").await;
    let events = on
        .client
        .get(format!("{}demo/api/events", on.base))
        .header("last-event-id", "1");
    let mut events = events.send().await.expect("a stream");
    let first = events.chunk().await.expect("a part").expect("not the end");
    assert!(String::from_utf8_lossy(&first).contains("id: 2"));
    on.twin.stop().await;
    while let Ok(Some(_)) = events.chunk().await {}
}
