//! Throw-away PostgreSQL and Redis servers for tests: on free ports of this machine, in temporary folders, gone
//! with the test process even when that is killed.
#![allow(dead_code, unreachable_pub)]

use std::ffi::OsStr;
use std::io;
use std::net::TcpListener;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

/// How long a server may take to start on a busy machine.
const START_TRIES: u32 = 600;
const START_PAUSE: Duration = Duration::from_millis(50);

/// A PostgreSQL cluster.
#[derive(Debug)]
pub struct Postgres {
    folder: Folder,
    port: u16,
    durable: bool,
    server: Mutex<Option<Server>>,
}

impl Postgres {
    /// The cluster of this test process: fast, as it need not survive a power cut.
    pub fn start() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(|| Self::own(false))
    }

    /// A cluster of one's own, ended when dropped. A durable one waits for the disk at every commit.
    pub fn own(durable: bool) -> Self {
        let folder = Folder::new("postgres");
        let data = folder.path("data");
        let mut initdb = program("initdb");
        initdb.arg("-D").arg(&data).args([
            "-U",
            "postgres",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-sync",
        ]);
        run(&mut initdb);
        let cluster = Self {
            folder,
            port: free_port(),
            durable,
            server: Mutex::new(None),
        };
        cluster.run();
        cluster
    }

    /// The URL of a new, empty database whose name begins with `name`.
    pub fn database(&self, name: &str) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("{name}_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        run(self.client("createdb").args(["-U", "postgres"]).arg(&name));
        format!("postgres://postgres@127.0.0.1:{}/{name}", self.port)
    }

    /// Ends the server at once, as a crash would.
    pub fn crash(&self) {
        self.server.lock().unwrap().take();
    }

    /// Starts it again, on the same port and data.
    pub fn run(&self) {
        let mut server = program("postgres");
        server
            .arg("-D")
            .arg(self.folder.path("data"))
            .arg("-p")
            .arg(self.port.to_string());
        let socket = self.folder.path("");
        let mut options = vec![
            "listen_addresses=127.0.0.1".to_owned(),
            format!("unix_socket_directories={}", socket.display()),
            "max_connections=300".to_owned(),
            "shared_buffers=64MB".to_owned(),
        ];
        if !self.durable {
            options.extend(
                [
                    "fsync=off",
                    "synchronous_commit=off",
                    "full_page_writes=off",
                ]
                .map(str::to_owned),
            );
        }
        for option in options {
            server.arg("-c").arg(option);
        }
        // Immediate shutdown: the postmaster takes its children with it.
        let running = Server::spawn(server, libc::SIGQUIT);
        wait_for("PostgreSQL", &self.folder.path("log"), &running, || {
            self.client("pg_isready")
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .unwrap()
                .success()
        });
        *self.server.lock().unwrap() = Some(running);
    }

    fn client(&self, name: &str) -> Command {
        let mut client = program(name);
        client.args(["-h", "127.0.0.1", "-p", &self.port.to_string()]);
        client
    }
}

/// A Redis server, ended when dropped.
#[derive(Debug)]
pub struct Redis {
    folder: Folder,
    port: u16,
    server: Option<Server>,
}

impl Redis {
    /// A new, empty one.
    pub fn start() -> Self {
        let mut redis = Self {
            folder: Folder::new("redis"),
            port: free_port(),
            server: None,
        };
        redis.run();
        redis
    }

    /// Starts it again, empty, on the same port.
    pub fn run(&mut self) {
        let mut server = Command::new("redis-server");
        server.args([
            "--bind",
            "127.0.0.1",
            "--save",
            "",
            "--appendonly",
            "no",
            "--port",
            &self.port.to_string(),
        ]);
        server.arg("--dir").arg(self.folder.path(""));
        let running = Server::spawn(server, libc::SIGKILL);
        let port = self.port;
        wait_for("Redis", &self.folder.path("log"), &running, || {
            std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        self.server = Some(running);
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Ends it at once.
    pub fn crash(&mut self) {
        self.server.take();
    }

    /// Makes it keep connections and answer nothing, until `resume`.
    pub fn freeze(&self) {
        self.server.as_ref().unwrap().signal(libc::SIGSTOP);
    }

    /// Lets it answer again.
    pub fn resume(&self) {
        self.server.as_ref().unwrap().signal(libc::SIGCONT);
    }
}

/// A running server process, ended when dropped.
#[derive(Debug)]
struct Server {
    pid: i32,
    end: i32,
    ended: Receiver<ExitStatus>,
}

impl Server {
    /// Starts it from a thread that lives as long as it does: the kernel ends a child with the *thread* that
    /// started it, so the child ends with this process, however that ends, but not with a single test.
    fn spawn(mut command: Command, end: i32) -> Self {
        let (started, start) = channel();
        let (ending, ended) = channel();
        std::thread::spawn(move || {
            // SAFETY: prctl is async-signal-safe and touches nothing but the child itself.
            unsafe {
                command.pre_exec(move || match libc::prctl(libc::PR_SET_PDEATHSIG, end) {
                    0 => Ok(()),
                    _ => Err(io::Error::last_os_error()),
                });
            }
            let child = command
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn();
            let mut child = child.unwrap_or_else(|error| missing(command.get_program(), &error));
            started.send(i32::try_from(child.id()).unwrap()).unwrap();
            let _ = ending.send(child.wait().unwrap_or(ExitStatus::from_raw(0)));
        });
        let pid = start.recv().expect("the server's program is started");
        Self { pid, end, ended }
    }

    fn signal(&self, signal: i32) {
        // SAFETY: the process is our child and not waited for while `ended` is unread.
        unsafe { libc::kill(self.pid, signal) };
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.signal(libc::SIGCONT);
        self.signal(self.end);
        let _ = self.ended.recv_timeout(Duration::from_secs(20));
    }
}

/// A temporary folder that names its process, so that a later run clears what a killed one left.
#[derive(Debug)]
struct Folder(PathBuf);

const FOLDER: &str = "signalbox-test-";

impl Folder {
    fn new(kind: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        static SWEPT: OnceLock<()> = OnceLock::new();
        SWEPT.get_or_init(sweep);
        let (pid, n) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(format!("{FOLDER}{pid}-{kind}-{n}"));
        std::fs::create_dir_all(&path).unwrap();
        if let Some((uid, gid)) = postgres_user() {
            std::os::unix::fs::chown(&path, Some(uid), Some(gid)).unwrap();
        }
        Self(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        if name.is_empty() {
            self.0.clone()
        } else {
            self.0.join(name)
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Removes the folders of test processes that are gone.
fn sweep() {
    for entry in std::fs::read_dir(std::env::temp_dir())
        .into_iter()
        .flatten()
        .flatten()
    {
        let name = entry.file_name();
        let owner = name
            .to_str()
            .and_then(|name| name.strip_prefix(FOLDER)?.split('-').next());
        if owner.is_some_and(|pid| !Path::new("/proc").join(pid).exists()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// PostgreSQL refuses to run as root: then the user its package made is taken.
fn postgres_user() -> Option<(u32, u32)> {
    // SAFETY: geteuid cannot fail and touches nothing.
    if unsafe { libc::geteuid() } != 0 {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap();
    let line = users.lines().find(|line| line.starts_with("postgres:"));
    let fields: Vec<_> = line
        .expect("there is no user postgres: ./check installs PostgreSQL")
        .split(':')
        .collect();
    Some((fields[2].parse().unwrap(), fields[3].parse().unwrap()))
}

/// A program of the newest PostgreSQL installed.
fn program(name: &str) -> Command {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let found = versions
        .map(|version| version.path().join("bin").join(name))
        .filter(|path| path.exists());
    let version = |path: &PathBuf| {
        path.iter()
            .nth(4)
            .and_then(|v| v.to_str()?.parse::<f32>().ok())
            .unwrap_or(0.0)
    };
    let newest = found.max_by(|a, b| version(a).total_cmp(&version(b)));
    let mut command = Command::new(newest.unwrap_or_else(|| PathBuf::from(name)));
    if let Some((uid, gid)) = postgres_user() {
        command.uid(uid).gid(gid);
    }
    command.current_dir("/");
    command
}

fn run(command: &mut Command) {
    let done = command
        .output()
        .unwrap_or_else(|error| missing(command.get_program(), &error));
    assert!(
        done.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
}

fn missing(program: &OsStr, error: &io::Error) -> ! {
    panic!(
        "{}: {error}; ./check installs what the tests need",
        program.display()
    )
}

/// A port below those that the kernel gives away by itself, so that no outgoing connection takes it while a
/// server is between two starts.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    for _ in 0..10_000 {
        let step = NEXT.fetch_add(1, Ordering::Relaxed) % 12_000;
        let first = u16::try_from(std::process::id() % 12_000).unwrap();
        let port = 20_000 + (first + step) % 12_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no port is free");
}

fn wait_for(what: &str, log: &Path, server: &Server, ready: impl Fn() -> bool) {
    for _ in 0..START_TRIES {
        if ready() {
            return;
        }
        if let Ok(status) = server.ended.try_recv() {
            panic!(
                "{what} ended at once: {status}; {}",
                std::fs::read_to_string(log).unwrap_or_default()
            );
        }
        std::thread::sleep(START_PAUSE);
    }
    panic!("{what} did not start");
}

mod tests {
    use super::*;

    fn ask(url: &str, question: &str) -> Option<String> {
        let done = program("psql")
            .args([url, "-Atc", question])
            .output()
            .unwrap();
        done.status
            .success()
            .then(|| String::from_utf8_lossy(&done.stdout).trim().to_owned())
    }

    #[test]
    #[ignore = "needs PostgreSQL: ./check"]
    fn databases_are_fresh_and_a_crash_is_survived() {
        let shared = Postgres::start();
        let (one, two) = (shared.database("one"), shared.database("two"));
        assert!(ask(&one, "create table t (n int)").is_some());
        assert_eq!(
            ask(&two, "select count(*) from pg_class where relname = 't'").as_deref(),
            Some("0")
        );

        let durable = Postgres::own(true);
        let url = durable.database("kept");
        assert!(ask(&url, "create table t as select 7 as n").is_some());
        durable.crash();
        assert_eq!(ask(&url, "select n from t"), None);
        durable.run();
        assert_eq!(ask(&url, "select n from t").as_deref(), Some("7"));
    }
}
