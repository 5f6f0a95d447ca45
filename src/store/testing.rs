//! A store for a test, on either database: every store test runs on both.
//!
//! PostgreSQL is the server at `SIGNALBOX_TEST_POSTGRES`, else a throw-away one that this process starts once and
//! that ends with it; each test has a database of its own.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use secrecy::SecretString;
use sqlx::{ConnectOptions, Executor};
use tempfile::TempDir;

use super::{Store, StoreAt};

/// Runs each test on SQLite, and on PostgreSQL where there is one.
macro_rules! on_both {
    ($($(#[$meta:meta])* async fn $name:ident($bench:ident: Bench) $body:block)*) => { $(
        $(#[$meta])*
        mod $name {
            use super::*;
            async fn check($bench: Bench) $body
            #[tokio::test(flavor = "multi_thread")]
            async fn sqlite() { check(Bench::sqlite().await).await }
            #[tokio::test(flavor = "multi_thread")]
            #[ignore = "needs PostgreSQL: ./check"]
            async fn postgres() { check(Bench::postgres().await).await }
        }
    )* };
}
pub(crate) use on_both;

/// An empty store.
pub(crate) struct Bench {
    pub(crate) store: Store,
    pub(crate) at: StoreAt,
    _dir: TempDir,
}

impl Bench {
    pub(crate) async fn sqlite() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("signalbox.db");
        Self::at(StoreAt::Sqlite { file }, dir).await
    }

    pub(crate) async fn postgres() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let server = server();
        let name = format!(
            "store_{}_{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let options: sqlx::postgres::PgConnectOptions =
            format!("{server}/postgres").parse().unwrap();
        let mut connection = options.connect().await.unwrap();
        let create = sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"));
        connection.execute(create).await.unwrap();
        let at = StoreAt::Postgres {
            url: SecretString::from(format!("{server}/{name}")),
            connections_max: 4,
        };
        Self::at(at, tempfile::tempdir().unwrap()).await
    }

    async fn at(at: StoreAt, dir: TempDir) -> Self {
        let store = Store::open(&at).await.unwrap();
        store.migrate().await.unwrap();
        Self {
            store,
            at,
            _dir: dir,
        }
    }

    /// The same store after a restart.
    pub(crate) async fn reopened(self) -> Self {
        self.store.close().await;
        let Self { store, at, _dir } = self;
        drop(store);
        let store = Store::open(&at).await.unwrap();
        Self { store, at, _dir }
    }

    /// Whether it is the one with several writers.
    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self.at, StoreAt::Postgres { .. })
    }
}

/// The server, without a trailing slash.
fn server() -> &'static str {
    static SERVER: OnceLock<String> = OnceLock::new();
    SERVER.get_or_init(|| match std::env::var("SIGNALBOX_TEST_POSTGRES") {
        Ok(url) => url.rsplit_once('/').map_or(url.clone(), |(server, last)| {
            if server.ends_with('/') {
                format!("{server}/{last}")
            } else {
                server.to_owned()
            }
        }),
        Err(_) => start(),
    })
}

fn start() -> String {
    let dir = tempfile::Builder::new()
        .prefix("signalbox-pg")
        .tempdir()
        .unwrap()
        .keep();
    let bin = Path::new("/usr/lib/postgresql/15/bin");
    let root = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap()) == 0;
    let as_user = |program: &str| {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "INT"]);
        if root {
            // The server refuses to run as root.
            command.args([
                "--reuid",
                "postgres",
                "--regid",
                "postgres",
                "--init-groups",
            ]);
        }
        command
            .arg(bin.join(program))
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command
    };
    if root {
        let done = Command::new("chown")
            .arg("postgres")
            .arg(&dir)
            .status()
            .unwrap();
        assert!(done.success());
    }
    let data = dir.join("data");
    let mut made = as_user("initdb");
    made.arg("-D")
        .arg(&data)
        .args(["-U", "postgres", "-A", "trust", "-N"]);
    assert!(made.status().unwrap().success(), "initdb");
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let mut serve = as_user("postgres");
    serve
        .arg("-D")
        .arg(&data)
        .args(["-p", &port.to_string(), "-h", "127.0.0.1", "-k"])
        .arg(&dir);
    serve.args(["-c", "fsync=off", "-c", "max_connections=300"]);
    // The signal at the parent's death is sent when the thread dies that started it: this one stays.
    std::thread::spawn(move || {
        let mut child = serve.spawn().unwrap();
        let _ = child.wait();
    });
    for _ in 0..200 {
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    format!("postgres://postgres@127.0.0.1:{port}")
}
