//! What is no good webhook: each fault its own refusal and its own count.

use http::{Method, StatusCode, header};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::on_both_stores;
use crate::support::signing::{form, text_form};
use crate::support::stage::{ACCOUNT_SID, Kind, SHARED, STRANGER, Stage, Wish, new_sid};

on_both_stores!(refusals_have_reasons, an_unknown_number_is_kept);

async fn refusals_have_reasons(kind: Kind) {
    let stage = Stage::wished(Wish {
        limits: &["body_seconds: 1", "body_bytes_max: 4096"],
        ..Wish::new(kind)
    })
    .await;
    let here = format!("http://127.0.0.1:{}", stage.carriers_port());
    let text = || text_form(&new_sid(), STRANGER, SHARED, "hello");
    let client = stage.client();
    let signed =
        |path: &str, form: &[(String, String)]| stage.signed(&format!("{here}{path}"), form);
    let without_sid = form(&[
        ("From", STRANGER),
        ("To", SHARED),
        ("Body", "hello"),
        ("AccountSid", ACCOUNT_SID),
    ]);
    let long = text_form(&new_sid(), STRANGER, SHARED, &"long ".repeat(2_000));
    let json = stage
        .client()
        .post(stage.hook("sms"))
        .header("content-type", "application/json");
    let forged = client
        .post(stage.hook("sms"))
        .form(&text())
        .header("x-twilio-signature", "AAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    let requests = [
        (
            "unknown_connection",
            404,
            signed("/carriers/nobody/sms", &text()),
        ),
        ("unknown_hook", 404, signed("/carriers/main/fax", &text())),
        (
            "unknown_hook",
            404,
            client.post(format!("{here}/elsewhere")),
        ),
        (
            "method",
            405,
            client.request(Method::PUT, stage.hook("sms")),
        ),
        (
            "method",
            405,
            client.request(Method::DELETE, stage.hook("call")),
        ),
        (
            "signature",
            403,
            client.post(stage.hook("sms")).form(&text()),
        ),
        ("signature", 403, forged),
        ("signature", 403, json.body("{}")),
        // A signature is for one address and one body.
        (
            "signature",
            403,
            signed("/carriers/main/sms", &text()).body("From=x"),
        ),
        ("malformed", 400, signed("/carriers/main/sms", &without_sid)),
        ("too_large", 413, signed("/carriers/main/sms", &long)),
    ];
    for (reason, status, request) in requests {
        let before = stage
            .metric("signalbox_refused_total", &[("reason", reason)])
            .await;
        let answer = request.send().await.unwrap();
        let (found, allow) = (
            answer.status(),
            answer.headers().get(header::ALLOW).cloned(),
        );
        let words = answer.text().await.unwrap();
        assert_eq!(found.as_u16(), status, "{reason}: {words}");
        assert_eq!(allow.is_some(), status == 405, "{reason}");
        let after = stage
            .metric("signalbox_refused_total", &[("reason", reason)])
            .await;
        assert_eq!(after, before + 1.0, "{reason}");
        assert!(!words.contains(STRANGER), "a refusal repeats nothing");
    }
    assert_eq!(slow(&stage).await, 408);
    assert_eq!(
        stage
            .metric("signalbox_refused_total", &[("reason", "too_slow")])
            .await,
        1.0
    );
    assert_eq!(stage.rows.count("event").await, 0, "nothing of it is kept");
    assert_eq!(
        stage.delivered(&new_sid(), STRANGER, SHARED, "hello").await,
        StatusCode::OK
    );
    let said = stage.said();
    assert!(
        !said.contains(STRANGER) && !said.contains(crate::support::stage::TOKEN),
        "no personal data in logs"
    );
}

/// The status for a body that never comes to its end.
async fn slow(stage: &Stage) -> u16 {
    let mut socket = TcpStream::connect(("127.0.0.1", stage.carriers_port()))
        .await
        .unwrap();
    let head = "POST /carriers/main/sms HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-length: 100\r\n\
                content-type: application/x-www-form-urlencoded\r\n\r\nBody=";
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    socket.read_exact(&mut answer).await.unwrap();
    let answer = String::from_utf8(answer.to_vec()).unwrap();
    answer.rsplit(' ').next().unwrap().parse().unwrap()
}

/// Signed, so somebody pays for that number: kept, answered and shown to ops.
async fn an_unknown_number_is_kept(kind: Kind) {
    let stage = Stage::start(kind).await;
    assert_eq!(
        stage
            .delivered(&new_sid(), STRANGER, "+12025550199", "hello")
            .await,
        StatusCode::OK
    );
    assert_eq!(
        stage
            .metric("signalbox_unknown_number_total", &[("connection", "main")])
            .await,
        1.0
    );
    stage
        .until("SELECT code FROM ops_notice", &[&["unknown_number"]])
        .await;
    stage
        .until("SELECT rule FROM event", &[&["unknown_number"]])
        .await;
    let counts = (
        stage.rows.count("message").await,
        stage.rows.count("conversation").await,
    );
    assert_eq!(counts, (0, 0));
}
