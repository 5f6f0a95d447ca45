//! The load generator: one thread, keep-alive connections, HTTP/1.1 written and read by hand so that it
//! takes as little as possible of the cores that it shares with the servers.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::LocalSet;

use super::requests::Requests;

/// Bytes of a whole answer.
const ANSWER_BYTES_MAX: usize = 8 * 1024;
/// How finely arrivals are paced.
const PACE: Duration = Duration::from_micros(100);
/// The longest latency that can be told apart, in microseconds.
const LATENCY_US_MAX: u64 = 60_000_000;

/// What came of a load.
pub struct Outcome {
    /// From the first request to the last answer.
    pub elapsed: Duration,
    /// Microseconds; with set arrivals from the intended one.
    pub latencies: Histogram<u64>,
    /// Places, among all requests of the run, of those that were answered with 200.
    pub accepted: Vec<usize>,
    /// Requests answered otherwise.
    pub refused: usize,
    /// Processor time of the generator itself.
    pub own: Duration,
}

/// How requests come.
#[derive(Clone, Copy)]
pub enum Arrivals {
    /// Each connection sends its next request when its last is answered, for so long or until the requests are
    /// used up; `again`: then from the first one.
    Closed { lasting: Duration, again: bool },
    /// At a rate a second, whatever is answered, until the requests are used up.
    Open { per_second: f64 },
}

struct Shared {
    requests: Requests,
    arrivals: Arrivals,
    begin: Instant,
    next: Cell<usize>,
    due: Arc<Semaphore>,
    latencies: RefCell<Histogram<u64>>,
    accepted: RefCell<Vec<usize>>,
    refused: Cell<usize>,
}

/// Puts the load on the server at `port` over so many connections.
pub fn run(port: u16, connections: usize, requests: Requests, arrivals: Arrivals) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let local = LocalSet::new();
    runtime.block_on(local.run_until(drive(port, connections, requests, arrivals)))
}

async fn drive(port: u16, connections: usize, requests: Requests, arrivals: Arrivals) -> Outcome {
    let mut streams = Vec::with_capacity(connections);
    for _ in 0..connections {
        let stream = TcpStream::connect(("127.0.0.1", port)).await;
        let stream = stream.expect("the server accepts");
        stream.set_nodelay(true).expect("a TCP socket");
        streams.push(stream);
    }
    let total = requests.len();
    let own = own_time();
    let shared = Rc::new(Shared {
        requests,
        arrivals,
        begin: Instant::now(),
        next: Cell::new(0),
        due: Arc::new(Semaphore::new(0)),
        latencies: RefCell::new(Histogram::new_with_max(LATENCY_US_MAX, 3).expect("its bounds")),
        accepted: RefCell::new(Vec::with_capacity(total)),
        refused: Cell::new(0),
    });
    if let Arrivals::Open { per_second } = arrivals {
        let (due, begin) = (shared.due.clone(), shared.begin);
        std::thread::spawn(move || pace(&due, begin, per_second, total + connections));
    }
    let talking: Vec<_> = streams
        .into_iter()
        .map(|stream| tokio::task::spawn_local(talk(shared.clone(), stream)))
        .collect();
    for one in talking {
        one.await.expect("a connection is served to its end");
    }
    let elapsed = shared.begin.elapsed();
    Outcome {
        elapsed,
        latencies: shared.latencies.take_histogram(),
        accepted: shared.accepted.take(),
        refused: shared.refused.get(),
        own: own_time().saturating_sub(own),
    }
}

trait TakeHistogram {
    fn take_histogram(&self) -> Histogram<u64>;
}

impl TakeHistogram for RefCell<Histogram<u64>> {
    fn take_histogram(&self) -> Histogram<u64> {
        self.borrow().clone()
    }
}

/// Lets requests go when their time has come.
fn pace(due: &Semaphore, begin: Instant, per_second: f64, total: usize) {
    let mut let_go = 0;
    while let_go < total {
        let reached = ((begin.elapsed().as_secs_f64() * per_second) as usize + 1).min(total);
        due.add_permits(reached - let_go);
        let_go = reached;
        let next = Duration::from_secs_f64(let_go as f64 / per_second);
        std::thread::sleep(next.saturating_sub(begin.elapsed()).max(PACE));
    }
}

impl Shared {
    /// The next request and the moment from which its latency counts; `None`: there is none.
    async fn next(&self) -> Option<(usize, Instant)> {
        match self.arrivals {
            Arrivals::Closed { lasting, again } => {
                let now = Instant::now();
                let place = self.next.replace(self.next.get() + 1);
                let over = now - self.begin >= lasting || (!again && place >= self.requests.len());
                (!over).then_some((place % self.requests.len(), now))
            }
            Arrivals::Open { per_second } => {
                self.due.acquire().await.expect("never closed").forget();
                let place = self.next.replace(self.next.get() + 1);
                let after = Duration::from_secs_f64(place as f64 / per_second);
                (place < self.requests.len()).then_some((place, self.begin + after))
            }
        }
    }

    fn answered(&self, place: usize, since: Instant, status: u16) {
        let micros = u64::try_from(since.elapsed().as_micros()).unwrap_or(LATENCY_US_MAX);
        self.latencies
            .borrow_mut()
            .saturating_record(micros.clamp(1, LATENCY_US_MAX));
        if status == 200 {
            self.accepted.borrow_mut().push(self.requests.first + place);
        } else {
            self.refused.set(self.refused.get() + 1);
        }
    }
}

async fn talk(shared: Rc<Shared>, mut stream: TcpStream) {
    let mut buffer = vec![0_u8; ANSWER_BYTES_MAX];
    while let Some((place, since)) = shared.next().await {
        let sent = stream.write_all(shared.requests.get(place)).await;
        sent.expect("the server reads");
        let status = answer(&mut stream, &mut buffer).await.0;
        shared.answered(place, since, status);
    }
}

/// Reads one answer: its status, and the bytes of the whole.
pub async fn answer(stream: &mut TcpStream, buffer: &mut [u8]) -> (u16, usize) {
    let mut held = 0;
    loop {
        let read = stream.read(&mut buffer[held..]).await.expect("an answer");
        assert!(
            read > 0,
            "the server closed the connection, or answers too much"
        );
        held += read;
        if let Some(whole) = whole(&buffer[..held]) {
            return whole;
        }
    }
}

/// The status and length of an answer, once it is all there.
fn whole(held: &[u8]) -> Option<(u16, usize)> {
    let head = held.windows(4).position(|four| four == b"\r\n\r\n")?;
    let text = std::str::from_utf8(&held[..head]).expect("ASCII");
    let status = text.get(9..12)?.parse().ok()?;
    let length = text.split("\r\n").find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse::<usize>().ok())?
    });
    let all = head + 4 + length.unwrap_or(0);
    (held.len() >= all).then_some((status, all))
}

/// Processor time that this process has used.
fn own_time() -> Duration {
    // SAFETY: a zeroed `rusage` is a valid value, and the pointer is to it.
    let used = unsafe {
        let mut used: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &raw mut used);
        used
    };
    let time = |at: libc::timeval| {
        Duration::from_secs(at.tv_sec.cast_unsigned())
            + Duration::from_micros(at.tv_usec.cast_unsigned())
    };
    time(used.ru_utime) + time(used.ru_stime)
}
