//! Texts from phones: whose they are, what answers them, and that each has one effect.

use futures_util::future::join_all;
use http::StatusCode;
use signalbox::twin::{Faults, LineKind, TwinMedia};

use crate::support::on_both_stores;
use crate::support::staff::Staff;
use crate::support::stage::{CLINIC, Kind, NOOR, SHARED, STRANGER, Stage, new_sid};

on_both_stores!(
    keyword_is_answered,
    unmatched_on_a_shared_number,
    stop_then_a_send,
    ask_and_answer,
    pictures_are_kept,
    repeats_have_one_effect,
    same_words_twice_are_two_texts,
);

/// Our texts to a phone: kind, status, way.
fn ours(phone: &str) -> String {
    format!(
        "SELECT kind, status, via FROM message WHERE kind <> 'inbound' AND party = '{phone}' ORDER BY id"
    )
}

/// The threads of a phone: whose, in which state, whose box.
fn threads(phone: &str) -> String {
    format!(
        "SELECT account.key, conversation.state, user_group.key FROM conversation \
         JOIN account ON account.id = conversation.account_id \
         LEFT JOIN user_group ON user_group.id = conversation.responsible_id \
         WHERE party = '{phone}' ORDER BY conversation.id"
    )
}

async fn keyword_is_answered(kind: Kind) {
    let stage = Stage::start(kind).await;
    stage.twin.text(STRANGER, SHARED, "  hello!", &[]).unwrap();
    stage
        .sees(LineKind::TextOut, STRANGER, "Hello from Lakeside College")
        .await;
    stage
        .until(&ours(STRANGER), &[&["automated", "delivered", "text"]])
        .await;
    stage
        .until(
            &threads(STRANGER),
            &[&["college", "automated", "front-desk"]],
        )
        .await;
    let (before, after) = (
        stage.rows.count("contact").await,
        stage.twin.sends_to(STRANGER),
    );
    assert_eq!(
        (before, after),
        (3, 1),
        "the stranger is a contact now and was answered once"
    );
    // Counted after the commit that the look into the store saw.
    let matched = || stage.metric("signalbox_decided_total", &[("rule", "keyword")]);
    let delivered = || stage.metric("signalbox_receipts_total", &[("status", "delivered")]);
    stage
        .eventually("the text and its receipt are counted", async || {
            matched().await >= 1.0 && delivered().await >= 1.0
        })
        .await;

    // The same number, but a keyword of the other account.
    stage.twin.text(STRANGER, SHARED, "refill", &[]).unwrap();
    stage
        .sees(LineKind::TextOut, STRANGER, "Your refill is under way")
        .await;
    let both: &[&[&str]] = &[
        &["college", "automated", "front-desk"],
        &["clinic", "automated", "nurses"],
    ];
    stage.until(&threads(STRANGER), both).await;
}

async fn unmatched_on_a_shared_number(kind: Kind) {
    let stage = Stage::start(kind).await;
    stage
        .twin
        .text(STRANGER, SHARED, "Is there a parking lot?", &[])
        .unwrap();
    stage
        .until(&threads(STRANGER), &[&["college", "open", "front-desk"]])
        .await;
    // Counted after the commit that the look into the store saw.
    let counted = || stage.metric("signalbox_decided_total", &[("rule", "unmatched")]);
    stage
        .eventually("the rule is counted", async || counted().await == 1.0)
        .await;
    let ana = Staff::sign_in(&stage, "ana", "college").await;
    let conversation = ana.conversation("parking lot").await;
    assert!(
        ana.page(&conversation)
            .await
            .contains("Is there a parking lot?")
    );
    // Cleo is of the clinic and sees nothing of it.
    let cleo = Staff::sign_in(&stage, "cleo", "clinic").await;
    assert!(!cleo.page("/inbox").await.contains("parking"));
    assert_eq!(
        cleo.get(&conversation).await.status(),
        StatusCode::NOT_FOUND
    );
    assert_eq!(stage.twin.sends_to(STRANGER), 0);
}

/// Both an e-mail with the reason, where there is an address, and a refusal where there is none.
async fn stop_then_a_send(kind: Kind) {
    let stage = Stage::start(kind).await;
    let ana = Staff::sign_in(&stage, "ana", "college").await;
    for (phone, words) in [
        (NOOR, "a question from Noor"),
        (STRANGER, "a question from outside"),
    ] {
        stage.twin.text(phone, SHARED, words, &[]).unwrap();
        stage
            .until(&threads(phone), &[&["college", "open", "front-desk"]])
            .await;
        let conversation = ana.conversation(words).await;
        stage.twin.text(phone, SHARED, "Stop.", &[]).unwrap();
        stage
            .until(&ours(phone), &[&["compliance", "delivered", "text"]])
            .await;
        // Said twice, confirmed once.
        stage.twin.text(phone, SHARED, "STOPALL", &[]).unwrap();
        let texts = format!("message WHERE kind = 'inbound' AND party = '{phone}'");
        stage
            .eventually("the second stop", async || {
                stage.rows.count(&texts).await == 3
            })
            .await;
        let answer = format!("the answer to {words}");
        let (status, page) = ana.reply(&conversation, &answer).await;
        match phone {
            NOOR => assert_eq!(status, StatusCode::SEE_OTHER),
            _ => assert!(
                status.is_client_error() && page.contains("has opted out"),
                "{status}"
            ),
        }
    }
    let sent = stage.mail("the answer to a question from Noor").await;
    assert_eq!(sent.to, "noor@example.org");
    stage
        .until(
            &ours(NOOR),
            &[
                &["compliance", "delivered", "text"],
                &["staff", "sent", "email"],
            ],
        )
        .await;
    stage
        .until(
            "SELECT DISTINCT reason FROM message WHERE kind = 'staff'",
            &[&["opted_out"]],
        )
        .await;
    for phone in [NOOR, STRANGER] {
        assert_eq!(stage.twin.sends_to(phone), 1, "only the confirmation left");
    }
    assert!(
        !stage
            .mails()
            .iter()
            .any(|mail| mail.content.contains("from outside"))
    );

    // START opens the number again.
    stage.twin.text(STRANGER, SHARED, "start", &[]).unwrap();
    stage
        .eventually("the welcome", async || stage.twin.sends_to(STRANGER) == 2)
        .await;
    stage.twin.text(STRANGER, SHARED, "hello", &[]).unwrap();
    stage.sees(LineKind::TextOut, STRANGER, "Hello from").await;
}

async fn ask_and_answer(kind: Kind) {
    let mut stage = Stage::start(kind).await;
    let mut seen = 0;
    let script = [
        ("size", "Which size, SMALL or LARGE?"),
        ("huge", "Please say SMALL or LARGE."),
        ("either", "Please say SMALL or LARGE."),
        ("L", "Noted: large"),
    ];
    for (says, hears) in script {
        stage.twin.text(STRANGER, SHARED, says, &[]).unwrap();
        seen = stage
            .sees_after(seen, LineKind::TextOut, STRANGER, hears)
            .await
            .id;
        if says == "huge" {
            // A question outlives the process that asked it.
            stage.kill();
            stage.restart().await;
        }
    }
    let columns = stage
        .rows
        .column("SELECT CAST(columns AS TEXT) FROM contact WHERE name IS NULL")
        .await;
    assert!(columns[0].contains("large"), "{columns:?}");
    assert_eq!(stage.twin.sends_to(STRANGER), script.len());
}

async fn pictures_are_kept(kind: Kind) {
    let stage = Stage::start(kind).await;
    let bytes = b"not really a picture".to_vec();
    let picture = TwinMedia {
        content_type: "image/png".to_owned(),
        bytes: Some(bytes.clone()),
    };
    stage.twin.text(STRANGER, CLINIC, "", &[picture]).unwrap();
    stage
        .until("SELECT content_type FROM message_media", &[&["image/png"]])
        .await;
    let blob = stage
        .rows
        .column("SELECT blob FROM message_media")
        .await
        .remove(0);
    let kept = std::fs::read(stage.folder().join("data/blobs").join(blob)).unwrap();
    assert_eq!(kept, bytes);
    let fetched = stage
        .twin
        .requests()
        .into_iter()
        .filter(|request| request.path.contains("/Media/"));
    assert_eq!(
        fetched.map(|request| request.status).collect::<Vec<_>>(),
        [302],
        "asked once, with credentials"
    );
}

async fn repeats_have_one_effect(kind: Kind) {
    let mut stage = Stage::start(kind).await;
    let sid = new_sid();
    for round in 0..3 {
        let copies = (0..8).map(|_| stage.delivered(&sid, STRANGER, SHARED, "hello"));
        assert_eq!(join_all(copies).await, [StatusCode::OK; 8], "round {round}");
        stage
            .until(&ours(STRANGER), &[&["automated", "delivered", "text"]])
            .await;
        match round {
            0 => stage.kill(),
            _ => {
                stage.process().signal(libc::SIGTERM);
                assert!(
                    stage
                        .process()
                        .ended(std::time::Duration::from_secs(30))
                        .await
                        .is_some()
                );
            }
        }
        stage.restart().await;
    }
    // The carrier's own way of saying it twice at once.
    stage.twin.set_faults(Faults {
        deliver_twice: true,
        ..Faults::default()
    });
    stage.twin.text(NOOR, SHARED, "hello", &[]).unwrap();
    stage
        .until(&ours(NOOR), &[&["automated", "delivered", "text"]])
        .await;
    stage
        .eventually("both copies", async || {
            stage.metric("signalbox_duplicates_total", &[]).await >= 1.0
        })
        .await;
    assert_eq!(stage.rows.count("message WHERE kind = 'inbound'").await, 2);
    assert_eq!(
        (stage.twin.sends_to(STRANGER), stage.twin.sends_to(NOOR)),
        (1, 1)
    );
}

async fn same_words_twice_are_two_texts(kind: Kind) {
    let stage = Stage::start(kind).await;
    let (one, two) = (new_sid(), new_sid());
    let both =
        join_all([&one, &two].map(|sid| stage.delivered(sid, STRANGER, SHARED, "hello"))).await;
    assert_eq!(both, [StatusCode::OK; 2]);
    let answers: &[&[&str]] = &[
        &["automated", "delivered", "text"],
        &["automated", "delivered", "text"],
    ];
    stage.until(&ours(STRANGER), answers).await;
    assert_eq!(stage.rows.count("message WHERE kind = 'inbound'").await, 2);
    assert_eq!(stage.rows.count("conversation").await, 1);
    assert_eq!(stage.twin.sends_to(STRANGER), 2);
}
