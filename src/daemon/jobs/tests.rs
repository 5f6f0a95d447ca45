//! Jobs carried out by a daemon that does nothing else.

use tokio::net::TcpListener;
use url::Url;

use super::*;
use crate::config::{Config, Listen};
use crate::model::Id;
use crate::model::http::{HttpMethod, HttpRequest};
use crate::model::turn::{Decision, Turn, Write};
use crate::store::NewEvent;

/// How long what must happen may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

fn id<T: Id>(n: u128) -> T {
    T::from_uuid(uuid::Uuid::from_u128(n))
}

/// A server that takes connections and says nothing, and its address.
async fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    (listener, base)
}

async fn is_asked(server: &TcpListener) -> tokio::net::TcpStream {
    let asked = tokio::time::timeout(PATIENCE, server.accept()).await;
    asked.expect("nobody asks").unwrap().0
}

fn fetch(url: &str) -> JobKind {
    JobKind::FetchMedia {
        message: id(1),
        index: 0,
        url: format!("{url}/file"),
    }
}

fn request(url: &str) -> JobKind {
    let request = HttpRequest {
        method: HttpMethod::Get,
        url: format!("{url}/people"),
        headers: Vec::new(),
        body: None,
        timeout_s: 15,
    };
    JobKind::Http {
        run: id(2),
        call: None,
        ask: 1,
        request,
    }
}

/// Saves a job as an event leaves it.
async fn leaves(daemon: &Daemon, n: u128, kind: JobKind) {
    let now = daemon.now();
    let connection = daemon.config().connections[0].key.clone();
    let job = Job {
        id: id(n),
        account: id(3),
        connection,
        kind,
        due_at: now,
        attempts: 0,
    };
    let event = NewEvent {
        id: id(n),
        connection: String::new(),
        hook: "test".to_owned(),
        dedupe: None,
        received_at: now,
        seed: 1,
        raw: b"{}".to_vec(),
        needs: Vec::new(),
    };
    let turn = Turn {
        writes: vec![Write::Job(Box::new(job))],
        ..Turn::default()
    };
    let scope = NodeScope::daemon();
    let decide = move |_: &_, _: usize, _: &_| Decision::Done(Box::new(turn.clone()));
    let saved = daemon.store().turn(scope, vec![event], decide).await;
    saved.unwrap();
    daemon.wake_jobs();
}

#[tokio::test]
async fn slow_files_hold_no_request_back_and_slow_systems_no_file() {
    let (carrier, api_base) = silent().await;
    let (other, base) = silent().await;
    for fetch_first in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let config = Config::demo(folder.path(), Listen::default(), &api_base, "token");
        let mut config = config.unwrap();
        config.flows = folder.path().join("flows");
        config.limits.jobs_in_flight_max = 1;
        config.limits.http_in_flight_max = 1;
        config.http.rules.allow = vec![Url::parse(&base).unwrap()];
        let (daemon, _saving) = Daemon::open(config).await.unwrap();
        let working = tokio::spawn(run(daemon.clone()));
        let (file, asks) = (fetch(&api_base), request(&base));
        // The first has the only place of its kind, and keeps it.
        let (first, second) = match fetch_first {
            true => ((&carrier, file), (&other, asks)),
            false => ((&other, asks), (&carrier, file)),
        };
        leaves(&daemon, 11, first.1).await;
        let _held = is_asked(first.0).await;
        leaves(&daemon, 12, second.1).await;
        let _second = is_asked(second.0).await;
        working.abort();
    }
}
