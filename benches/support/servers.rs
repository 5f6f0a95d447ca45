//! The servers under load, each a process of its own: the daemon, and a bare axum server that gives the same
//! answer without doing anything for it.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use axum::Router;
use axum::routing::post;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, header};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};

use super::load;
use super::requests::Requests;

pub const ACCOUNT_SID: &str = "AC00000000000000000000000000000001";
pub const TOKEN: &str = "the token of the benches";
pub const NUMBER: &str = "+12025550100";
/// How long a server may take to start or to stop.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often it is looked at meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// What the bare server's process has in its environment: its port, its content type and its body.
const BARE: [&str; 3] = ["BENCH_BARE_PORT", "BENCH_BARE_TYPE", "BENCH_BARE_BODY"];

const ORGANISATION: &str = r#"
cost_centres: [{ key: main, name: Main }]
users: [{ key: ana, name: Ana Ruiz, email: ana@example.org, devices: [{ phone: "+12025550111" }] }]
numbers: [{ number: "+12025550100", connection: main, can: [sms, voice], manage_unmatched: college }]
accounts:
  - key: college
    name: Lakeside College
    zone: America/Chicago
    language: en
    cost_centre: main
    plan: { monthly: none, unit: messages, rate: 10000/s, beyond: email }
    members: [{ user: ana, roles: [staff] }]
    groups: [{ key: front-desk, name: Front desk, members: [ana] }]
    programs: [{ key: main, name: Lakeside College, number: "+12025550100" }]
    numbers: [{ number: "+12025550100", call_flow: none, text_flow: none, route: { group: front-desk } }]
    keywords: [{ number: "+12025550100", word: HELLO, flow: hello }]
"#;

const FLOW: &str = r#"
flow: hello
account: college
on: sms
steps:
  greet:
    reply: "Thank you for texting {{ account.name }}. We will be with you soon."
    next: end
"#;

/// A server, ended when dropped.
pub struct Server {
    child: Child,
    pub port: u16,
}

impl Server {
    fn start(command: &mut Command, port: u16) -> Self {
        // SAFETY: prctl is async-signal-safe and touches nothing but the child itself.
        unsafe {
            command.pre_exec(|| {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                Ok(())
            });
        }
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        Self {
            child: child.expect("the server starts"),
            port,
        }
    }

    /// Processor time of all its threads so far, user and system.
    pub fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()));
        let stat = stat.expect("the server runs");
        // The name, in parentheses, may hold anything; what follows is numbers.
        let numbers = stat.rsplit(')').next().unwrap_or_default();
        let ticks: u64 = numbers
            .split_whitespace()
            .skip(11)
            .take(2)
            .filter_map(|ticks| ticks.parse::<u64>().ok())
            .sum();
        // SAFETY: asks for a constant of the system.
        let per_second = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
        Duration::from_secs_f64(ticks as f64 / per_second as f64)
    }

    /// Asks it to stop and waits until it has.
    pub fn stop(mut self) {
        let pid = i32::try_from(self.child.id()).expect("a process's id");
        // SAFETY: the child is ours and not waited for yet.
        unsafe { libc::kill(pid, libc::SIGTERM) };
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            if let Ok(Some(_)) = self.child.try_wait() {
                return;
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The daemon on a new store.
pub struct Daemon {
    pub server: Server,
    /// Where its store is.
    pub store: PathBuf,
    /// Goes with its server.
    pub folder: tempfile::TempDir,
}

impl Daemon {
    /// Starts the program, or the one that `SIGNALBOX_BIN` names, and waits until it is ready.
    pub fn start() -> Self {
        let program = std::env::var_os("SIGNALBOX_BIN").map_or_else(
            || PathBuf::from(env!("CARGO_BIN_EXE_signalbox")),
            PathBuf::from,
        );
        // Beside the build, because /tmp may be memory.
        let on_disk = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let folder = tempfile::Builder::new()
            .prefix("bench-")
            .tempdir_in(on_disk)
            .expect("a folder");
        let ports = [free_port(), free_port(), free_port()];
        write(folder.path(), ports);
        let command = |args: &[&str]| {
            let mut command = Command::new(&program);
            command
                .args(args)
                .args(["--config", "signalbox.yaml"])
                .current_dir(folder.path())
                .env("SIGNALBOX_BENCH_TOKEN", TOKEN);
            command
        };
        let applied = command(&["apply", "organisation.yaml", "--yes"]).output();
        let applied = applied.expect("the program runs");
        let words = String::from_utf8_lossy(&applied.stderr);
        assert!(applied.status.success(), "the organisation: {words}");
        let server = Server::start(&mut command(&["serve"]), ports[0]);
        await_ready(ports[2]);
        Self {
            server,
            store: folder.path().join("data/signalbox.db"),
            folder,
        }
    }
}

fn write(folder: &Path, [carriers, staff, ops]: [u16; 3]) {
    let config = format!(
        "data: data\nflows: flows\npublic_url: http://127.0.0.1:{carriers}\n\
         listen: {{ carriers: 127.0.0.1:{carriers}, staff: 127.0.0.1:{staff}, ops: 127.0.0.1:{ops} }}\n\
         connections:\n  main:\n    kind: twilio\n    account_sid: {ACCOUNT_SID}\n    \
         auth_token: {{ env: SIGNALBOX_BENCH_TOKEN }}\n    api_base: http://127.0.0.1:9\n    rate: {RATE}\n"
    );
    for (name, text) in [
        ("signalbox.yaml", config.as_str()),
        ("organisation.yaml", ORGANISATION),
        ("flows/hello.yaml", FLOW),
    ] {
        let path = folder.join(name);
        let parent = path.parent().expect("it is in the folder");
        std::fs::create_dir_all(parent).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }
    std::fs::create_dir_all(folder.join("data")).expect("a folder");
}

/// Texts a second that may leave: next to none, so that replies stay in the outbox.
pub const RATE: f64 = 0.01;

fn free_port() -> u16 {
    let probe = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    probe.local_addr().expect("it is bound").port()
}

fn await_ready(port: u16) {
    let request = b"GET /health/ready HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n";
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE {
        if probe(port, request).is_some_and(|(status, _)| status == 200) {
            return;
        }
        std::thread::sleep(LOOK_EVERY);
    }
    panic!("the daemon is not ready in time");
}

/// The answer to one request.
fn probe(port: u16, request: &[u8]) -> Option<(u16, Vec<u8>)> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
        stream.write_all(request).await.ok()?;
        let mut buffer = vec![0; 64 * 1024];
        let (status, length) = load::answer(&mut stream, &mut buffer).await;
        buffer.truncate(length);
        Some((status, buffer))
    })
}

/// Starts the bare server with the answer that the daemon gives to the run's first request, which is thereby
/// used up.
pub fn bare_like(daemon: &Daemon) -> Server {
    let port = daemon.server.port;
    let first = Requests::make(port, 0, 1);
    let (status, answer) = probe(port, first.get(0)).expect("the daemon answers");
    let answer = String::from_utf8(answer).expect("text");
    assert_eq!(status, 200, "{answer}");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    let kind = head
        .split("\r\n")
        .filter_map(|line| line.split_once(": "))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-type"))
        .map_or("text/plain", |(_, value)| value);
    let port = free_port();
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command
        .env(BARE[0], port.to_string())
        .env(BARE[1], kind)
        .env(BARE[2], body);
    let server = Server::start(&mut command, port);
    let begin = Instant::now();
    while probe(port, first.get(0)).is_none() {
        assert!(begin.elapsed() < PATIENCE, "the bare server does not start");
        std::thread::sleep(LOOK_EVERY);
    }
    server
}

/// Serves and never returns, when this process was started to be the bare server.
pub fn be_bare_when_asked() {
    let [Ok(port), Ok(kind), Ok(body)] = BARE.map(std::env::var) else {
        return;
    };
    let kind = HeaderValue::from_str(&kind).expect("it was a header");
    let answer = move |_: Bytes| {
        let headers: [(HeaderName, HeaderValue); 1] = [(header::CONTENT_TYPE, kind.clone())];
        std::future::ready((headers, body.clone()))
    };
    let router = Router::new().route("/carriers/{connection}/{hook}", post(answer));
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let port: u16 = port.parse().expect("a port");
        let listener = TcpListener::bind(("127.0.0.1", port)).await;
        let served = axum::serve(listener.expect("the port is free"), router).await;
        served.expect("it serves");
    });
    std::process::exit(0);
}
