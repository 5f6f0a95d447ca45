//! The pages in a real browser: they fit a phone and a desk, change without being loaded again, and can be used
//! with the keyboard alone. Leaves pictures in `target/look/` for people to look at.

use std::net::{SocketAddr, TcpListener as StdListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::routes;
use super::samples::{Put, TestStaff};
use crate::ambient;
use crate::api::auth;
use crate::api::door::{Door, DoorSettings};
use crate::store::Actor;
use crate::store::testing::Bench;

const PHONE: (u32, u32) = (390, 844);
const DESK: (u32, u32) = (1280, 800);

/// Keys as WebDriver writes them.
const TAB: &str = "\u{E004}";
const ENTER: &str = "\u{E007}";
const CONTROL: &str = "\u{E009}";

/// The served samples and a browser, driven by the WebDriver protocol.
struct Look {
    staff: Arc<TestStaff>,
    put: Put,
    at: SocketAddr,
    client: reqwest::Client,
    session: String,
    driver: Child,
    _bench: Bench,
}

impl Look {
    async fn open() -> Self {
        let bench = Bench::sqlite().await;
        let (staff, put) = TestStaff::new(bench.store.clone()).await;
        let staff = Arc::new(staff);
        let door = Door::new(staff.clone(), DoorSettings::default());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let served = routes(Arc::new(door));
        tokio::spawn(async move { axum::serve(listener, served).await });
        let port = StdListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let driver = Command::new("chromedriver")
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver");
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let client = reqwest::Client::new();
        let driver_at = format!("http://127.0.0.1:{port}/session");
        let session = begin(&client, &driver_at).await;
        Self {
            staff,
            put,
            at,
            client,
            session: format!("{driver_at}/{session}"),
            driver,
            _bench: bench,
        }
    }

    async fn close(mut self) {
        let _ = self.client.delete(&self.session).send().await;
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }

    /// One command of the protocol; what it answers.
    async fn tell(&self, command: &str, body: Value) -> Value {
        let sent = self
            .client
            .post(format!("{}/{command}", self.session))
            .json(&body);
        let answer: Value = sent.send().await.unwrap().json().await.unwrap();
        answer["value"].clone()
    }

    async fn run(&self, script: &str) -> Value {
        self.tell("execute/sync", json!({ "script": script, "args": [] }))
            .await
    }

    async fn keys(&self, selector: &str, keys: &str) {
        let found = self
            .tell(
                "element",
                json!({ "using": "css selector", "value": selector }),
            )
            .await;
        let id = found
            .as_object()
            .unwrap()
            .values()
            .next()
            .unwrap()
            .as_str()
            .unwrap()
            .to_owned();
        self.tell(&format!("element/{id}/value"), json!({ "text": keys }))
            .await;
    }

    async fn cdp(&self, command: &str, params: Value) {
        self.tell(
            "goog/cdp/execute",
            json!({ "cmd": command, "params": params }),
        )
        .await;
    }

    async fn size(&self, (width, height): (u32, u32)) {
        // A window has a least width; an emulated screen has none.
        let screen = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500 });
        self.cdp("Emulation.setDeviceMetricsOverride", screen).await;
    }

    async fn dark(&self, dark: bool) {
        let value = if dark { "dark" } else { "light" };
        let wish = json!({ "features": [{ "name": "prefers-color-scheme", "value": value }] });
        self.cdp("Emulation.setEmulatedMedia", wish).await;
    }

    async fn go(&self, path: &str) {
        self.tell("url", json!({ "url": format!("http://{}{path}", self.at) }))
            .await;
    }

    async fn sign_in(&self, name: &str) {
        let (token, hash) = auth::new_token();
        let (user, now) = (self.staff.sample.user(name), ambient::now());
        let store = &self.staff.store;
        store
            .link_make(&Actor::Node, &hash, user, now, now + auth::LINK_LASTS)
            .await
            .unwrap();
        self.go(&format!("/sign-in/link?token={token}&next=/me"))
            .await;
        self.until("the way in", "return location.pathname === '/me'")
            .await;
        self.go("/inbox").await;
    }

    /// Waits until a script says true.
    async fn until(&self, what: &str, script: &str) {
        for _ in 0..100 {
            if self.run(script).await == json!(true) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        self.picture("failed").await;
        panic!("waited in vain for {what}");
    }

    /// A text comes again and again until its effect is seen: the page may not listen yet at the first.
    async fn until_it_appears(&self, text: &str, script: &str) {
        for _ in 0..5 {
            self.staff.receive(self.put.maria, text).await;
            for _ in 0..20 {
                if self.run(script).await == json!(true) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        self.picture("failed").await;
        panic!("{text} did not appear by itself");
    }

    async fn picture(&self, name: &str) {
        let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/target/look"));
        std::fs::create_dir_all(&folder).unwrap();
        let answer = self
            .client
            .get(format!("{}/screenshot", self.session))
            .send()
            .await
            .unwrap();
        let answer: Value = answer.json().await.unwrap();
        let png = STANDARD.decode(answer["value"].as_str().unwrap()).unwrap();
        std::fs::write(folder.join(format!("{name}.png")), png).unwrap();
    }

    /// Nothing sticks out at the side.
    async fn fits(&self, name: &str) {
        self.picture(name).await;
        let over =
            "const page = document.documentElement; return page.scrollWidth - page.clientWidth";
        assert_eq!(self.run(over).await, json!(0), "{name} is too wide");
    }
}

/// The driver needs a moment to listen.
async fn begin(client: &reqwest::Client, at: &str) -> String {
    let args = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
    ];
    let wish =
        json!({ "capabilities": { "alwaysMatch": { "goog:chromeOptions": { "args": args } } } });
    for _ in 0..100 {
        let answer = client.post(at).json(&wish).send().await;
        if let Ok(answer) = answer {
            let answer: Value = answer.json().await.unwrap();
            return answer["value"]["sessionId"]
                .as_str()
                .unwrap_or_else(|| panic!("{answer}"))
                .to_owned();
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("no browser at {at}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium: ./check"]
async fn pages_fit_a_phone_and_a_desk() {
    let look = Look::open().await;
    look.size(DESK).await;
    look.go("/sign-in").await;
    look.fits("desk-sign-in").await;
    look.sign_in("ana").await;
    look.run("document.querySelector('form[action=\"/account\"] button:not([disabled])').click()")
        .await;
    look.until(
        "the other account",
        "return document.querySelector('.account').textContent === 'Riverside Clinic'",
    )
    .await;
    let pages = [
        ("inbox", "/inbox".to_owned()),
        ("james", format!("/inbox/{}", look.put.james)),
        ("stranger", format!("/inbox/{}", look.put.stranger)),
        ("maria", format!("/inbox/{}", look.put.maria)),
        ("person", format!("/inbox/{}#person", look.put.james)),
        ("voicemails", "/voicemails".to_owned()),
        ("me", "/me".to_owned()),
        ("missing", "/inbox/nothing".to_owned()),
    ];
    for (dark, mode) in [(false, ""), (true, "-dark")] {
        look.dark(dark).await;
        for (size, name) in [(PHONE, "phone"), (DESK, "desk")] {
            look.size(size).await;
            for (page, path) in &pages {
                look.go(path).await;
                look.fits(&format!("{name}-{page}{mode}")).await;
            }
        }
    }
    look.dark(false).await;
    look.sign_in("ada").await;
    look.go("/ops").await;
    look.fits("desk-ops").await;
    look.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Chromium: ./check"]
async fn texts_appear_by_themselves_and_the_keyboard_is_enough() {
    let look = Look::open().await;
    look.size(DESK).await;
    look.sign_in("ben").await;
    // The page is marked: a load would take the mark away.
    look.run("window.mark = 1").await;
    let shown = "return [...document.querySelectorAll('.preview')].some((it) => it.textContent === 'Is anybody there?')";
    look.until_it_appears("Is anybody there?", shown).await;
    look.until("no load", "return window.mark === 1").await;
    look.go(&format!("/inbox/{}", look.put.maria)).await;
    look.run("window.mark = 1").await;
    look.keys("#text", "Yes, ").await;
    let shown = "return document.querySelector('#lines').textContent.includes('Hello??')";
    look.until_it_appears("Hello??", shown).await;
    look.until(
        "the warning",
        "return window.mark === 1 && !document.querySelector('#came').hidden",
    )
    .await;
    look.until(
        "what is read out",
        "return document.querySelector('#news').textContent.includes('Hello??')",
    )
    .await;
    look.picture("desk-came").await;
    look.keys("#text", &format!("we are here{CONTROL}{ENTER}"))
        .await;
    look.until(
        "the question",
        "return document.querySelector('#moved') !== null",
    )
    .await;
    look.picture("desk-moved").await;
    assert_eq!(
        look.run("return document.querySelector('#text').value")
            .await,
        json!("Yes, we are here")
    );
    look.keys("#text", TAB).await;
    assert_eq!(
        look.run("return document.activeElement.textContent").await,
        json!("Send anyway")
    );
    look.keys(":focus", ENTER).await;
    let sent = "return [...document.querySelectorAll('.ours .text')].at(-1).textContent === 'Yes, we are here'";
    look.until("the reply", sent).await;
    look.close().await;
}
