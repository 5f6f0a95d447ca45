//! Texts that leave: receipts in any order, lost answers, limits.

use http::StatusCode;
use signalbox::twin::{Faults, Line, LineKind, Receipts, Refusal};

use crate::support::on_both_stores;
use crate::support::signing::form;
use crate::support::staff::Staff;
use crate::support::stage::{CLINIC, Kind, NOOR, SHARED, STRANGER, Stage};

on_both_stores!(
    receipts_in_any_order,
    a_lost_answer_is_never_resent,
    a_busy_carrier_is_asked_again,
    beyond_the_monthly_limit,
    opted_out_at_the_carrier,
    pages_hear_what_a_send_came_to,
    refused_credentials_are_shown_to_ops,
);

/// Our texts to a phone: status and reason.
fn ours(phone: &str) -> String {
    format!(
        "SELECT status, reason, via FROM message WHERE kind <> 'inbound' AND party = '{phone}' ORDER BY id"
    )
}

async fn receipts_in_any_order(kind: Kind) {
    let stage = Stage::start(kind).await;
    let cases = [
        (Receipts::Reversed, "delivered", "", 2),
        (Receipts::Repeated, "delivered", "", 4),
        (Receipts::Early, "delivered", "", 2),
        (Receipts::Undelivered, "undelivered", "30003", 2),
        (Receipts::Failed, "failed", "30007", 1),
    ];
    let is_answered =
        |line: &Line| line.kind == LineKind::Hook && line.text.contains("/status answered 2");
    let (mut wanted, mut count): (Vec<[&str; 3]>, _) = (Vec::new(), 0);
    for (receipts, status, reason, receipts_sent) in cases {
        stage.twin.set_faults(Faults {
            receipts,
            ..Faults::default()
        });
        stage.twin.text(STRANGER, SHARED, "hello", &[]).unwrap();
        count += receipts_sent;
        let answered = || {
            stage
                .twin
                .lines(0)
                .iter()
                .filter(|line| is_answered(line))
                .count()
        };
        stage
            .eventually("all receipts", async || answered() == count)
            .await;
        wanted.push([status, reason, "text"]);
        let rows: Vec<&[&str]> = wanted.iter().map(<[&str; 3]>::as_slice).collect();
        stage.until(&ours(STRANGER), &rows).await;
    }
    assert_eq!(stage.twin.sends_to(STRANGER), cases.len());
}

/// The carrier took the text, but nobody heard it say so: unknown, settled by the receipt, sent once.
async fn a_lost_answer_is_never_resent(kind: Kind) {
    let mut stage = Stage::start(kind).await;
    let status = "SELECT status FROM message WHERE kind <> 'inbound'";
    stage.twin.set_faults(Faults {
        lose_answer_of_next_send: 1,
        receipts: Receipts::Off,
        ..Faults::default()
    });
    stage.twin.text(STRANGER, SHARED, "hello", &[]).unwrap();
    stage.until(status, &[&["unknown"]]).await;
    assert!(
        stage
            .metric("signalbox_sent_total", &[("outcome", "unknown")])
            .await
            >= 1.0
    );
    // Neither time nor a restart makes it leave again.
    stage.kill();
    stage.restart().await;
    stage.until(status, &[&["unknown"]]).await;
    assert_eq!(stage.twin.sends_to(STRANGER), 1);

    // Its receipt comes home by our id in the address, though we never learnt the carrier's.
    let mut sends = stage
        .twin
        .requests()
        .into_iter()
        .filter(|request| request.path.ends_with("/Messages.json"));
    let fields = sends.next_back().unwrap().form;
    let callback = fields
        .iter()
        .find(|(name, _)| name == "StatusCallback")
        .map(|(_, value)| value.clone());
    let callback = callback.unwrap().split('#').next().unwrap().to_owned();
    let receipt = form(&[
        ("MessageSid", "SM00000000000000000000000000000abc"),
        ("SmsSid", "SM00000000000000000000000000000abc"),
        ("MessageStatus", "delivered"),
        ("SmsStatus", "delivered"),
        ("AccountSid", crate::support::stage::ACCOUNT_SID),
        ("From", SHARED),
        ("To", STRANGER),
        ("ApiVersion", "2010-04-01"),
    ]);
    let answer = stage.signed(&callback, &receipt).send().await.unwrap();
    assert!(answer.status().is_success(), "{}", answer.status());
    stage.until(status, &[&["delivered"]]).await;
    assert_eq!(stage.twin.sends_to(STRANGER), 1);
    assert_eq!(stage.rows.count("attempt").await, 1);
}

/// "Too many requests" was not taken, so it is sent later; "invalid number" never.
async fn a_busy_carrier_is_asked_again(kind: Kind) {
    let stage = Stage::start(kind).await;
    let refuse = |status, code| Faults {
        answer_next_send_with: Some(Refusal { status, code }),
        ..Faults::default()
    };
    stage.twin.set_faults(refuse(429, 20_429));
    stage.twin.text(STRANGER, SHARED, "hello", &[]).unwrap();
    stage
        .until(&ours(STRANGER), &[&["delivered", "", "text"]])
        .await;
    assert_eq!(stage.twin.sends_to(STRANGER), 2);
    stage.twin.set_faults(refuse(400, 21_211));
    stage.twin.text(NOOR, SHARED, "hello", &[]).unwrap();
    stage
        .until(&ours(NOOR), &[&["failed", "21211", "text"]])
        .await;
    assert_eq!(stage.twin.sends_to(NOOR), 1);
}

/// Only the carrier knew of it: written down here, and the words go by e-mail to whom has an address.
async fn opted_out_at_the_carrier(kind: Kind) {
    let stage = Stage::start(kind).await;
    for (phone, mailed) in [(NOOR, 1), (STRANGER, 1)] {
        stage.twin.set_faults(Faults {
            answer_next_send_with: Some(Refusal {
                status: 400,
                code: 21_610,
            }),
            ..Faults::default()
        });
        stage.twin.text(phone, SHARED, "hello", &[]).unwrap();
        stage
            .until(&ours(phone), &[&["failed", "21610", "text"]])
            .await;
        let said = format!("SELECT verdict, source FROM consent WHERE party = '{phone}'");
        stage.until(&said, &[&["out", "carrier"]]).await;
        stage
            .eventually("the mail, and no other", async || {
                stage.mails().len() == mailed
            })
            .await;
    }
    let mail = stage.mail("Hello from Lakeside College").await;
    assert_eq!(mail.to, "noor@example.org");
}

/// Receipts are off, so that nothing but the carrier's answer changes the thread after the text came.
async fn pages_hear_what_a_send_came_to(kind: Kind) {
    let stage = Stage::start(kind).await;
    stage.twin.set_faults(Faults {
        receipts: Receipts::Off,
        ..Faults::default()
    });
    let ana = Staff::sign_in(&stage, "ana", "college").await;
    let heard = ana.listen().await;
    stage.twin.text(STRANGER, SHARED, "hello", &[]).unwrap();
    stage
        .until(&ours(STRANGER), &[&["accepted", "", "text"]])
        .await;
    stage
        .eventually("the text and its way are told", async || {
            heard.lock().unwrap().matches("event: changed").count() >= 2
        })
        .await;
}

/// Refused credentials are told to who can mend them: once, however many texts fail for it.
async fn refused_credentials_are_shown_to_ops(kind: Kind) {
    let stage = Stage::start(kind).await;
    let notices = "SELECT words FROM ops_notice WHERE code = 'connection_fault'";
    let told = "main: the carrier refuses the credentials of the connection (20003)";
    for phone in [STRANGER, NOOR] {
        stage.twin.set_faults(Faults {
            answer_next_send_with: Some(Refusal {
                status: 401,
                code: 20_003,
            }),
            ..Faults::default()
        });
        stage.twin.text(phone, SHARED, "hello", &[]).unwrap();
        // It waits for a while for somebody to mend it.
        stage
            .until(&ours(phone), &[&["queued", "20003", "text"]])
            .await;
        stage.until(notices, &[&[told]]).await;
    }
}

/// Two texts a month are the clinic's; the third goes by e-mail to whom has an address and nowhere else.
async fn beyond_the_monthly_limit(kind: Kind) {
    let stage = Stage::start(kind).await;
    for round in 1..=2 {
        stage.twin.text(STRANGER, CLINIC, "refill", &[]).unwrap();
        stage
            .eventually("a refill", async || stage.twin.sends_to(STRANGER) == round)
            .await;
    }
    stage.twin.text(NOOR, SHARED, "refill", &[]).unwrap();
    let mail = stage.mail("Your refill is under way").await;
    assert_eq!(mail.to, "noor@example.org");
    let via = format!("SELECT via FROM message WHERE kind <> 'inbound' AND party = '{NOOR}'");
    stage.until(&via, &[&["email"]]).await;
    stage.twin.text(STRANGER, CLINIC, "refill", &[]).unwrap();
    stage.until(&format!("SELECT status FROM message WHERE kind <> 'inbound' AND party = '{STRANGER}' ORDER BY id"),
        &[&["delivered"], &["delivered"], &["refused"]]).await;
    assert_eq!(
        (stage.twin.sends_to(STRANGER), stage.twin.sends_to(NOOR)),
        (2, 0)
    );
    assert_eq!(
        stage
            .rows
            .column("SELECT CAST(messages AS TEXT) FROM usage")
            .await,
        ["2"]
    );
    assert!(
        stage
            .metric("signalbox_withheld_total", &[("reason", "plan_exhausted")])
            .await
            >= 2.0
    );
    // The other account on the number has a plan of its own.
    stage.twin.text(NOOR, SHARED, "hello", &[]).unwrap();
    stage.sees(LineKind::TextOut, NOOR, "Hello from").await;
    assert_eq!(
        stage
            .client()
            .get(format!("{}/health/live", stage.ops_url()))
            .send()
            .await
            .unwrap()
            .status(),
        StatusCode::OK
    );
}
