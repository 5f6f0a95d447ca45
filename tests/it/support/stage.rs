//! One daemon with all around it: a folder, a database, free ports, a carrier, a mail server.

use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::StatusCode;
use signalbox::twin::{Line, LineKind, Twin, TwinNumber, TwinPerson, TwinSettings};
use tokio::net::TcpListener;

use super::mail::{Mail, MailSink};
use super::process::{PROGRAM, Process, Said};
use super::rows::Rows;
use super::services::{Postgres, free_port};
use super::signing::{Signer, encoded, text_form};

pub const ACCOUNT_SID: &str = "AC00000000000000000000000000000001";
pub const TOKEN: &str = "the token of the tests";
/// The college's number, shared with the clinic.
pub const SHARED: &str = "+12025550100";
/// The clinic's own number.
pub const CLINIC: &str = "+12025550101";
/// The college's number where callers wait in line.
pub const LINE: &str = "+12025550102";
pub const ANA: &str = "+12025550111";
pub const BEN: &str = "+12025550112";
pub const CLEO: &str = "+12025550113";
/// A contact of both accounts, with an e-mail address.
pub const NOOR: &str = "+12025550140";
/// Nobody knows this phone.
pub const STRANGER: &str = "+12025550143";
/// How long a test waits for what must happen.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// What stands for systemd's end of the line, in the stage's folder.
const SUPERVISOR: &str = "supervisor";
/// How long the daemon may be silent, in microseconds: it shows life three times as often.
const WATCHDOG_US: &str = "300000";
/// How long a start may take, migrations included.
const START_PATIENCE: Duration = Duration::from_secs(60);

const ORGANISATION: &str = include_str!("../cases/organisation.yaml");
/// The flows that a stage has from the start.
const FLOWS: [(&str, &str); 6] = [
    ("hello.yaml", include_str!("../cases/flows/hello.yaml")),
    ("size.yaml", include_str!("../cases/flows/size.yaml")),
    ("refill.yaml", include_str!("../cases/flows/refill.yaml")),
    (
        "together.yaml",
        include_str!("../cases/flows/together.yaml"),
    ),
    ("in-turn.yaml", include_str!("../cases/flows/in-turn.yaml")),
    ("line.yaml", include_str!("../cases/flows/line.yaml")),
];

/// Which database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
}

/// What a stage should be like.
pub struct Wish {
    pub kind: Kind,
    /// An address for the store, in place of a new database.
    pub store: Option<String>,
    /// Lines under `limits:`.
    pub limits: &'static [&'static str],
    /// Seconds of the carrier in one real second.
    pub hurry: f64,
    /// The carrier's API, when it is not the twin.
    pub api_base: Option<String>,
    /// Lines of the configuration.
    pub config: String,
}

impl Wish {
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            store: None,
            limits: &[],
            hurry: 20.0,
            api_base: None,
            config: String::new(),
        }
    }
}

/// What daemons told systemd, line by line.
type Told = Arc<Mutex<Vec<String>>>;

/// See the module.
pub struct Stage {
    pub twin: Twin,
    pub rows: Rows,
    mail: MailSink,
    carrier_url: String,
    folder: tempfile::TempDir,
    ports: [u16; 3],
    process: Option<Process>,
    said: Said,
    told: Told,
    client: reqwest::Client,
    signer: Signer,
}

impl Stage {
    /// A running daemon on a new store, with the tests' organisation.
    pub async fn start(kind: Kind) -> Self {
        Self::wished(Wish::new(kind)).await
    }

    pub async fn wished(wish: Wish) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("signalbox-it-")
            .tempdir()
            .unwrap();
        let ports = [free_port(), free_port(), free_port()];
        let carrier = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own_base = format!("http://{}", carrier.local_addr().unwrap());
        let twin = Twin::new(twin_settings(ports[0], &own_base, wish.hurry)).unwrap();
        let serving = twin.clone();
        tokio::spawn(async move { serving.serve(carrier).await });
        let mail = MailSink::start().await;
        let rows = match (wish.kind, &wish.store) {
            (_, Some(url)) => Rows::Postgres(url.clone()),
            (Kind::Sqlite, None) => Rows::Sqlite(folder.path().join("data/signalbox.db")),
            (Kind::Postgres, None) => {
                let database =
                    tokio::task::spawn_blocking(|| Postgres::start().database("it")).await;
                Rows::Postgres(database.unwrap())
            }
        };
        let mut stage = Self {
            told: listen(&folder.path().join(SUPERVISOR)),
            twin,
            rows,
            mail,
            carrier_url: own_base.clone(),
            folder,
            ports,
            process: None,
            said: Said::default(),
            client: reqwest::Client::builder()
                .no_proxy()
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .unwrap(),
            signer: Signer::new(TOKEN),
        };
        stage.write(&wish, wish.api_base.as_deref().unwrap_or(&own_base));
        let organisation = stage.folder.path().join("organisation.yaml");
        stage.run(&[
            "apply",
            organisation.to_str().unwrap(),
            "--yes",
            "--config",
            &stage.config(),
        ]);
        stage.restart().await;
        stage
    }

    fn write(&self, wish: &Wish, api_base: &str) {
        let folder = self.folder.path();
        std::fs::create_dir_all(folder.join("flows")).unwrap();
        std::fs::create_dir_all(folder.join("data")).unwrap();
        let store = match &self.rows {
            Rows::Sqlite(_) => "sqlite",
            Rows::Postgres(url) => url,
        };
        let [carriers, staff, ops] = self.ports;
        let at = folder.display();
        let mut config = format!(
            "data: {at}/data\nstore: {store}\nflows: {at}/flows\npublic_url: http://127.0.0.1:{carriers}\n\
             listen: {{ carriers: 127.0.0.1:{carriers}, staff: 127.0.0.1:{staff}, ops: 127.0.0.1:{ops} }}\n\
             smtp: {{ host: 127.0.0.1, port: {}, tls: none, from: signalbox@example.org }}\n\
             connections:\n  main:\n    kind: twilio\n    account_sid: {ACCOUNT_SID}\n    \
             auth_token: {{ env: SIGNALBOX_TEST_TOKEN }}\n    api_base: {api_base}\n    rate: 100000\n    \
             calls_per_second: 1000\nlimits:\n  directory_poll_ms: 50\n",
            self.mail.port(),
        );
        for line in wish.limits {
            config.push_str(&format!("  {line}\n"));
        }
        config.push_str(&wish.config);
        std::fs::write(self.config(), config).unwrap();
        std::fs::write(folder.join("organisation.yaml"), ORGANISATION).unwrap();
        for (name, text) in FLOWS {
            self.write_flow(name, text);
        }
    }

    /// The configuration's path.
    pub fn config(&self) -> String {
        self.folder
            .path()
            .join("signalbox.yaml")
            .display()
            .to_string()
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Publishes a flow file, and waits until it is in force.
    pub async fn publish(&self, name: &str, text: &str) {
        let published = || self.metric("signalbox_flow_reloads_total", &[("outcome", "published")]);
        let before = published().await;
        self.write_flow(name, text);
        self.eventually("it is published", async || published().await > before)
            .await;
        let version = "SELECT CAST(version AS TEXT) FROM directory_version";
        let version: f64 = self.rows.column(version).await[0].parse().unwrap();
        let known = || self.metric("signalbox_directory_version", &[]);
        self.eventually("it is in force", async || known().await >= version)
            .await;
    }

    /// Writes a flow file as an editor does: whole, under its name at once.
    pub fn write_flow(&self, name: &str, text: &str) {
        let folder = self.folder.path().join("flows");
        let draft = folder.join(format!(".{name}.draft"));
        std::fs::write(&draft, text).unwrap();
        std::fs::rename(draft, folder.join(name)).unwrap();
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .args(args)
            .current_dir(self.folder.path())
            .env("SIGNALBOX_TEST_TOKEN", TOKEN);

        command
    }

    /// Runs a command that must succeed; what it printed.
    pub fn run(&self, args: &[&str]) -> String {
        let done = self.command(args).output().unwrap();
        let (out, err) = (
            String::from_utf8_lossy(&done.stdout),
            String::from_utf8_lossy(&done.stderr),
        );
        assert!(
            done.status.success(),
            "signalbox {args:?}: {}\n{out}\n{err}",
            done.status
        );
        out.into_owned()
    }

    /// Starts the daemon, again where it ran before, and waits until it is ready.
    pub async fn restart(&mut self) {
        self.begin();
        self.begun().await;
    }

    /// Starts the daemon as systemd does, with a watchdog.
    pub fn begin(&mut self) {
        let config = self.config();
        let mut command = self.command(&["serve", "--config", &config]);
        command
            .env("NOTIFY_SOCKET", self.folder.path().join(SUPERVISOR))
            .env("WATCHDOG_USEC", WATCHDOG_US);
        self.process = Some(Process::start(&mut command, &self.said));
    }

    /// What the daemon told systemd since this was last asked.
    pub fn told(&self) -> Vec<String> {
        std::mem::take(&mut *self.told.lock().unwrap())
    }

    /// Waits until the daemon is ready.
    pub async fn begun(&mut self) {
        let ready = async {
            while !self.is_ready().await {
                let running = self.process.as_mut().is_some_and(Process::is_running);
                assert!(running, "the daemon ended at its start");
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        tokio::time::timeout(START_PATIENCE, ready)
            .await
            .expect("the daemon is ready in time");
    }

    async fn is_ready(&self) -> bool {
        let asked = self
            .client
            .get(format!("{}/health/ready", self.ops_url()))
            .send()
            .await;
        asked.is_ok_and(|answer| answer.status() == StatusCode::OK)
    }

    pub fn process(&mut self) -> &mut Process {
        self.process.as_mut().expect("the daemon was started")
    }

    /// Ends the daemon without a word.
    pub fn kill(&mut self) {
        self.process().kill();
    }

    /// What the daemon logged.
    pub fn said(&self) -> String {
        self.said.text()
    }

    pub fn client(&self) -> reqwest::Client {
        self.client.clone()
    }

    /// Where the twin is reached.
    pub fn carrier_url(&self) -> &str {
        &self.carrier_url
    }

    pub fn carriers_port(&self) -> u16 {
        self.ports[0]
    }

    pub fn hook(&self, hook: &str) -> String {
        format!("http://127.0.0.1:{}/carriers/main/{hook}", self.ports[0])
    }

    pub fn staff_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[1])
    }

    pub fn ops_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports[2])
    }

    /// A webhook of these fields, signed for its address.
    pub fn signed(&self, url: &str, form: &[(String, String)]) -> reqwest::RequestBuilder {
        let signature = self.signer.sign(url, form);
        let kind = "application/x-www-form-urlencoded";
        let request = self.client.post(url).header("content-type", kind);
        request
            .header("x-twilio-signature", signature)
            .body(encoded(form))
    }

    /// Delivers a text as the carrier does.
    pub fn deliver(&self, sid: &str, from: &str, to: &str, text: &str) -> reqwest::RequestBuilder {
        self.signed(&self.hook("sms"), &text_form(sid, from, to, text))
    }

    /// Delivers a text and returns the answer's status.
    pub async fn delivered(&self, sid: &str, from: &str, to: &str, text: &str) -> StatusCode {
        self.deliver(sid, from, to, text)
            .send()
            .await
            .expect("an answer")
            .status()
    }

    /// A metric: the sum of its samples that have all these labels.
    pub async fn metric(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let asked = self
            .client
            .get(format!("{}/metrics", self.ops_url()))
            .send()
            .await;
        let text = asked.unwrap().text().await.unwrap();
        let wanted: Vec<String> = labels
            .iter()
            .map(|(key, value)| format!("{key}=\"{value}\""))
            .collect();
        let samples = text.lines().filter_map(|line| {
            let (sample, value) = line.rsplit_once(' ')?;
            let (found, rest) = sample.split_once('{').unwrap_or((sample, ""));
            (found == name && wanted.iter().all(|label| rest.contains(label.as_str())))
                .then_some(value)
        });
        samples.map(|value| value.parse::<f64>().unwrap()).sum()
    }

    /// Waits until a look into the store shows this; panics with what it shows at last.
    pub async fn until(&self, sql: &str, wanted: &[&[&str]]) {
        let wanted: Vec<Vec<String>> = wanted
            .iter()
            .map(|row| row.iter().map(|&cell| cell.to_owned()).collect())
            .collect();
        let mut found = Vec::new();
        let same = async {
            loop {
                found = self.rows.all(sql).await;
                if found == wanted {
                    return;
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, same).await.is_ok();
        assert!(in_time, "{sql}\n shows {found:?}\nwanted {wanted:?}");
    }

    /// Waits for something that is neither in the store nor at the twin.
    pub async fn eventually(&self, what: &str, mut holds: impl AsyncFnMut() -> bool) {
        let held = async {
            while !holds().await {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        assert!(
            tokio::time::timeout(PATIENCE, held).await.is_ok(),
            "in vain: {what}"
        );
    }

    /// Waits for an e-mail with these words.
    pub async fn mail(&self, words: &str) -> Mail {
        let found = || {
            self.mail
                .mails()
                .into_iter()
                .find(|mail| mail.content.contains(words))
        };
        self.eventually(&format!("an e-mail with {words:?}"), async || {
            found().is_some()
        })
        .await;
        found().unwrap()
    }

    pub fn mails(&self) -> Vec<Mail> {
        self.mail.mails()
    }

    /// Waits for a line of the twin after `after`: of this kind, of this phone (any when empty), with this text.
    pub async fn sees_after(&self, after: u64, kind: LineKind, phone: &str, text: &str) -> Line {
        let wanted = |line: &Line| {
            let same = phone.is_empty() || line.phone.as_deref() == Some(phone);
            line.kind == kind && same && line.text.contains(text)
        };
        let found = self.twin.wait_for(after, PATIENCE, wanted).await;
        found.unwrap_or_else(|| {
            panic!(
                "no {kind:?} of {phone:?} with {text:?} in\n{}",
                self.script()
            )
        })
    }

    pub async fn sees(&self, kind: LineKind, phone: &str, text: &str) -> Line {
        self.sees_after(0, kind, phone, text).await
    }

    /// The twin's lines, for whoever wonders.
    fn script(&self) -> String {
        let line = |line: &Line| {
            format!(
                "  {:>3} {:?} {} {:?}\n",
                line.id,
                line.kind,
                line.phone.as_deref().unwrap_or("-"),
                line.text
            )
        };
        self.twin.lines(0).iter().map(line).collect()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            process.kill();
        }
        if std::thread::panicking() {
            eprintln!(
                "--- the twin saw\n{}--- the daemon said\n{}---",
                self.script(),
                self.said()
            );
        }
    }
}

/// Hears what daemons tell systemd. Somebody must: a line that nobody reads is soon full, and stops who tells.
fn listen(at: &Path) -> Told {
    let line = UnixDatagram::bind(at).unwrap();
    line.set_read_timeout(Some(PATIENCE)).unwrap();
    let told = Told::default();
    let kept = Arc::downgrade(&told);
    std::thread::spawn(move || {
        let mut part = [0; 4096];
        while let Some(told) = kept.upgrade() {
            if let Ok(read) = line.recv(&mut part) {
                let text = String::from_utf8_lossy(&part[..read]);
                told.lock().unwrap().extend(text.lines().map(str::to_owned));
            }
        }
    });
    told
}

fn twin_settings(port: u16, own_base: &str, hurry: f64) -> TwinSettings {
    let person = |name: &str, phone: &str| TwinPerson {
        name: name.to_owned(),
        phone: phone.to_owned(),
    };
    let number = |number: &str| TwinNumber {
        number: number.to_owned(),
        name: "Ours".to_owned(),
    };
    TwinSettings {
        account_sid: ACCOUNT_SID.to_owned(),
        auth_token: TOKEN.to_owned(),
        hooks_base: format!("http://127.0.0.1:{port}/carriers/main")
            .parse()
            .unwrap(),
        hook_options: "rc=5&rp=all".to_owned(),
        own_base: own_base.parse().unwrap(),
        numbers: vec![number(SHARED), number(CLINIC), number(LINE)],
        people: vec![person("Ana", ANA), person("Ben", BEN), person("Cleo", CLEO)],
        outside: vec![person("Noor", NOOR), person("Stranger", STRANGER)],
        inbox: None,
        seconds_per_second: hurry,
        opt_out: false,
        now: signalbox::ambient::now,
        seed: 7,
    }
}

/// A new carrier id of a text.
pub fn new_sid() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("SM{:032x}", NEXT.fetch_add(1, Ordering::Relaxed))
}
