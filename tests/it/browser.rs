//! The demo in a real browser: somebody outside texts and calls, a member of the clinic reads,
//! answers and listens.

use std::panic::AssertUnwindSafe;
use std::process::Command;
use std::time::Duration;

use futures_util::FutureExt;
use thirtyfour::prelude::*;

use crate::support::process::{PROGRAM, Process, Said};
use crate::support::services::free_port;

const CHROMEDRIVER: &str = "/usr/bin/chromedriver";
const FLAGS: [&str; 6] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--window-size=1500,1000",
    "--autoplay-policy=no-user-gesture-required",
];
/// Whoever plays the person outside.
const PHONE: &str = "+12025550141";
/// The clinic's number: its box for nurses gets texts that ask for one and, at any hour, the voicemails.
const CLINIC: &str = "+12025550101";
const PATIENCE: Duration = Duration::from_secs(40);
const LOOK_EVERY: Duration = Duration::from_millis(50);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs Chromium: ./check"]
async fn the_demo_is_played() {
    let demo = Demo::start().await;
    let port = free_port();
    let mut command = Command::new(CHROMEDRIVER);
    let _driver = Process::start(command.arg(format!("--port={port}")), &Said::default());
    let browser = browser(port).await;
    let played = AssertUnwindSafe(play(&demo, &browser)).catch_unwind().await;
    if played.is_err() {
        eprintln!("--- the demo said\n{}", demo.said.text());
        if let Ok(page) = browser.source().await {
            eprintln!("--- the page was\n{page}");
        }
    }
    // Before the panic goes on, so that no browser is left behind.
    let _ = browser.clone().quit().await;
    played.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}

async fn play(demo: &Demo, browser: &WebDriver) {
    sign_in(browser, &demo.printed_link().await).await;
    until(
        browser,
        "Carla is signed in",
        "document.body.textContent.includes('Carla Jensen')",
    )
    .await;
    browser.goto(format!("{}/demo", demo.staff)).await.unwrap();
    until(
        browser,
        "the inbox is beside the handset",
        "inbox() && inbox().querySelector('#rows')",
    )
    .await;
    click(browser, &format!("#from option[value='{PHONE}']")).await;
    click(browser, &format!("#to option[value='{CLINIC}']")).await;
    a_text_and_its_answer(browser).await;
    a_call_that_nobody_takes(browser).await;
}

async fn a_text_and_its_answer(browser: &WebDriver) {
    mark(browser).await;
    text(browser, "nurse").await;
    until(
        browser,
        "the flow answers on the handset",
        "texts().includes('A nurse will text you back')",
    )
    .await;
    until(browser, "the list shows it", "row('nurse')").await;
    still_marked(browser).await;

    run(browser, "row('nurse').click()").await;
    until(
        browser,
        "the thread is open",
        "inbox().querySelector('#reply #text')",
    )
    .await;
    mark(browser).await;
    text(browser, "My arm itches").await;
    until(
        browser,
        "the open thread shows it",
        "lines().includes('My arm itches')",
    )
    .await;
    still_marked(browser).await;

    let frame = browser.find(By::Id("frame")).await.unwrap();
    frame.enter_frame().await.unwrap();
    type_into(browser, "#reply #text", "Come in at ten").await;
    click(browser, "#reply button.main").await;
    browser.enter_default_frame().await.unwrap();
    until(
        browser,
        "the handset gets it",
        "texts().includes('Come in at ten')",
    )
    .await;
    until(
        browser,
        "the thread knows it arrived",
        "/deliver/i.test(lines())",
    )
    .await;
}

async fn a_call_that_nobody_takes(browser: &WebDriver) {
    run(
        browser,
        "document.getElementById('frame').src = '/voicemails'",
    )
    .await;
    until(
        browser,
        "the voicemails are shown",
        "inbox() && inbox().querySelector('#voicemails')",
    )
    .await;
    mark(browser).await;
    click(browser, "#tab-call").await;
    click(browser, "#call").await;
    until(
        browser,
        "the call is live",
        "!document.getElementById('speak').disabled",
    )
    .await;
    type_into(browser, "#says", "Please call me about my arm").await;
    click(browser, "#speak").await;
    until(
        browser,
        "the message is recorded",
        "heard().includes('recorded 12 s')",
    )
    .await;
    until(
        browser,
        "the box shows it",
        "inbox().querySelector('#voicemails audio')",
    )
    .await;
    still_marked(browser).await;
    until(
        browser,
        "it is of the nurses",
        "inbox().querySelector('.voicemail').textContent.includes('Nurses')",
    )
    .await;
    run(browser, "inbox().querySelector('audio').play()").await;
    until(
        browser,
        "it plays",
        "inbox().querySelector('audio').currentTime > 0",
    )
    .await;
    until(
        browser,
        "it has its length",
        "Math.round(inbox().querySelector('audio').duration) == 12",
    )
    .await;
}

/// A running demo in a folder of its own.
struct Demo {
    _process: Process,
    said: Said,
    staff: String,
    _folder: tempfile::TempDir,
}

impl Demo {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [carriers, staff, ops] =
            [free_port(), free_port(), free_port()].map(|port| format!("127.0.0.1:{port}"));
        let mut command = Command::new(PROGRAM);
        command.args([
            "demo",
            "--carriers",
            &carriers,
            "--staff",
            &staff,
            "--ops",
            &ops,
            "--hurry",
            "10",
        ]);
        command.arg("--data").arg(folder.path().join("data"));
        command.current_dir(env!("CARGO_MANIFEST_DIR"));
        let said = Said::default();
        let process = Process::start(&mut command, &said);
        Self {
            _process: process,
            said,
            staff: format!("http://{staff}"),
            _folder: folder,
        }
    }

    /// The link that the demo prints when all is ready.
    async fn printed_link(&self) -> String {
        let printed = async {
            loop {
                let said = self.said.text();
                let line = said
                    .split_once("Sign in (works once)")
                    .and_then(|(_, rest)| rest.split_once('\n'));
                if let Some((link, _)) = line {
                    return link.trim().to_owned();
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        let printed = tokio::time::timeout(PATIENCE, printed).await;
        printed.unwrap_or_else(|_| panic!("the demo printed no link: {}", self.said.text()))
    }
}

async fn browser(port: u16) -> WebDriver {
    let mut wishes = DesiredCapabilities::chrome();
    for flag in FLAGS {
        wishes.add_arg(flag).unwrap();
    }
    let started = async {
        loop {
            match WebDriver::new(format!("http://127.0.0.1:{port}"), wishes.clone()).await {
                Ok(browser) => return browser,
                Err(_) => tokio::time::sleep(LOOK_EVERY).await,
            }
        }
    };
    tokio::time::timeout(PATIENCE, started)
        .await
        .expect("chromedriver and chromium; ./check installs them")
}

/// Opens a link that signs in once; the page asks before it is used up.
async fn sign_in(browser: &WebDriver, link: &str) {
    browser.goto(link).await.unwrap();
    until(browser, "the link is taken", "location.pathname.startsWith('/inbox') || document.querySelector('form[action=\"/sign-in/link\"] button')").await;
    if browser
        .current_url()
        .await
        .unwrap()
        .path()
        .starts_with("/sign-in")
    {
        click(browser, "form[action='/sign-in/link'] button").await;
    }
}

/// What tests look at, in words.
const WORDS: &str = "const inbox = () => document.getElementById('frame').contentDocument; \
    const row = (words) => [...inbox().querySelectorAll('#rows a.row')].find((row) => row.textContent.includes(words)); \
    const lines = () => inbox().querySelector('#lines').textContent; \
    const texts = () => document.getElementById('thread').textContent; \
    const heard = () => document.getElementById('heard').textContent;";

async fn run(browser: &WebDriver, script: &str) -> serde_json::Value {
    let done = browser
        .execute(format!("{WORDS} return ({script});"), Vec::new())
        .await;
    done.map_or(serde_json::Value::Null, |value| value.json().clone())
}

/// Waits until an expression is true in the page. While a page is being loaded nothing is.
async fn until(browser: &WebDriver, what: &str, holds: &str) {
    let script = format!("Boolean({holds})");
    let held = async {
        while run(browser, &script).await != true {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    assert!(
        tokio::time::timeout(PATIENCE, held).await.is_ok(),
        "in vain: {what}"
    );
}

/// A mark that a reload of the inbox would wipe out.
async fn mark(browser: &WebDriver) {
    run(browser, "inbox().defaultView.marked = true").await;
}

async fn still_marked(browser: &WebDriver) {
    assert_eq!(
        run(browser, "inbox().defaultView.marked").await,
        true,
        "the page was loaded again"
    );
}

async fn text(browser: &WebDriver, words: &str) {
    type_into(browser, "#body", words).await;
    click(browser, "#send-button").await;
}

async fn type_into(browser: &WebDriver, place: &str, words: &str) {
    let found = browser
        .query(By::Css(place))
        .wait(PATIENCE, LOOK_EVERY)
        .first()
        .await;
    found.unwrap().send_keys(words).await.unwrap();
}

async fn click(browser: &WebDriver, place: &str) {
    let found = browser
        .query(By::Css(place))
        .wait(PATIENCE, LOOK_EVERY)
        .first()
        .await;
    found
        .unwrap_or_else(|error| panic!("{place}: {error}"))
        .click()
        .await
        .unwrap();
}
