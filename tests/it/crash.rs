//! The process is killed at random moments under load and started again, and what got no 2xx comes again: every
//! accepted text is there once, and answered once.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::StatusCode;
use tokio::sync::watch;

use crate::support::carrier::CountingCarrier;
use crate::support::stage::{Kind, SHARED, Stage, Wish, new_sid};

/// Deliveries at a time: what a busy carrier has open.
const WORKERS: usize = 32;
/// The process lives so long after it is ready before it is killed, in milliseconds.
const LIFE_MS: std::ops::Range<u64> = 30..350;
/// Kills that are tried for each that must break off a delivery.
const TRIES: usize = 2;
/// One text in so many says no keyword, and comes from one of few phones: those meet in their threads.
const CHATTER_EVERY: usize = 4;
const CHATTERS: usize = 5;
/// One delivery in so many repeats what was accepted already.
const REPEAT_EVERY: u64 = 16;
/// Short, so that texts under way at a kill are looked at again within the test.
const LIMITS: &[&str] = &[
    "lease_seconds: 10",
    "carrier_seconds: 4",
    "email_seconds: 4",
    "queue_depth_max: 1000",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn few_kills_sqlite() {
    survives(Kind::Sqlite, 5).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes its time: ./check"]
async fn many_kills_sqlite() {
    survives(Kind::Sqlite, 50).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs PostgreSQL: ./check"]
async fn many_kills_postgres() {
    survives(Kind::Postgres, 50).await;
}

/// A text of the test, and whose.
#[derive(Clone)]
struct Text {
    sid: String,
    from: String,
    words: &'static str,
}

/// What the carrier knows: what is to be delivered, and what was accepted.
#[derive(Default)]
struct Book {
    made: usize,
    again: VecDeque<Text>,
    accepted: Vec<Text>,
    chance: u64,
    closed: bool,
}

impl Book {
    /// What is delivered next: what failed, then something new, now and then a repeat.
    fn next(&mut self) -> Option<Text> {
        if let Some(text) = self.again.pop_front() {
            return Some(text);
        }
        if self.closed {
            return None;
        }
        if random(&mut self.chance).is_multiple_of(REPEAT_EVERY) && !self.accepted.is_empty() {
            let at = random(&mut self.chance) as usize % self.accepted.len();
            return Some(self.accepted[at].clone());
        }
        let made = self.made;
        self.made += 1;
        let chatter = made.is_multiple_of(CHATTER_EVERY);
        let from = if chatter {
            phone(made / CHATTER_EVERY % CHATTERS)
        } else {
            phone(CHATTERS + made)
        };
        Some(Text {
            sid: new_sid(),
            from,
            words: if chatter { "good morning" } else { "hello" },
        })
    }
}

/// A fictional phone: the exchange 555, lines 0100 to 0199, of any area code.
fn phone(at: usize) -> String {
    assert!(at < 80_000, "the fictional phones are used up");
    format!("+1{}55501{:02}", 200 + at / 100, at % 100)
}

/// The generator splitmix64.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn seed() -> u64 {
    let given = std::env::var("SIGNALBOX_CRASH_SEED").ok();
    given.map_or_else(signalbox::ambient::seed, |seed| {
        seed.parse().expect("a number")
    })
}

/// What the workers share.
struct Load {
    book: Mutex<Book>,
    in_flight: AtomicUsize,
    broken: AtomicUsize,
}

async fn survives(kind: Kind, kills: usize) {
    let seed = seed();
    println!("SIGNALBOX_CRASH_SEED={seed}");
    let mut chance = seed;
    let (carrier, api_base) = CountingCarrier::start().await;
    let mut stage = Stage::wished(Wish {
        api_base: Some(api_base),
        limits: LIMITS,
        ..Wish::new(kind)
    })
    .await;
    let book = Book {
        chance: random(&mut chance),
        ..Book::default()
    };
    let load = Arc::new(Load {
        book: Mutex::new(book),
        in_flight: AtomicUsize::new(0),
        broken: AtomicUsize::new(0),
    });
    let (up, _) = watch::channel(true);
    let poster = Arc::new(Poster::of(&stage));
    let workers: Vec<_> = (0..WORKERS)
        .map(|_| tokio::spawn(work(load.clone(), poster.clone(), up.subscribe())))
        .collect();
    let mut met = 0;
    for _ in 0..kills * TRIES {
        met += usize::from(kill_meets(&mut stage, &load, &up, &mut chance).await);
        if met == kills {
            break;
        }
    }
    assert_eq!(met, kills, "most kills came when nothing was under way");
    load.book.lock().unwrap().closed = true;
    for worker in workers {
        worker.await.unwrap();
    }
    judge(&stage, &load, &carrier).await;
}

/// Lets the process live for a while, kills it and starts it again: whether that broke off a delivery. All that are under
/// way are answered at one moment when they are committed together, and a kill may come just behind it.
async fn kill_meets(
    stage: &mut Stage,
    load: &Load,
    up: &watch::Sender<bool>,
    chance: &mut u64,
) -> bool {
    let span = LIFE_MS.end - LIFE_MS.start;
    let life = LIFE_MS.start + random(chance) % span;
    tokio::time::sleep(Duration::from_millis(life)).await;
    let before = load.broken.load(Ordering::SeqCst);
    up.send_replace(false);
    stage.kill();
    stage
        .eventually("deliveries break off", async || {
            load.in_flight.load(Ordering::SeqCst) == 0
        })
        .await;
    let broken = load.broken.load(Ordering::SeqCst) - before;
    stage.restart().await;
    up.send_replace(true);
    broken > 0
}

/// What a worker needs to deliver without the stage, which is busy being killed.
struct Poster {
    client: reqwest::Client,
    signer: crate::support::signing::Signer,
    url: String,
}

impl Poster {
    fn of(stage: &Stage) -> Self {
        let client = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(20))
            .build()
            .unwrap();
        let signer = crate::support::signing::Signer::new(crate::support::stage::TOKEN);
        Self {
            client,
            signer,
            url: stage.hook("sms"),
        }
    }

    async fn deliver(&self, text: &Text) -> Option<StatusCode> {
        use crate::support::signing::{encoded, text_form};
        let form = text_form(&text.sid, &text.from, SHARED, text.words);
        let request = self
            .client
            .post(&self.url)
            .header("content-type", "application/x-www-form-urlencoded");
        let request = request
            .header("x-twilio-signature", self.signer.sign(&self.url, &form))
            .body(encoded(&form));
        let answer = request.send().await.ok()?;
        let status = answer.status();
        // An answer counts when all of it came.
        answer.bytes().await.ok()?;
        Some(status)
    }
}

/// Delivers until nothing is left; waits while the daemon is away.
async fn work(load: Arc<Load>, poster: Arc<Poster>, mut up: watch::Receiver<bool>) {
    loop {
        up.wait_for(|up| *up).await.unwrap();
        let Some(text) = load.book.lock().unwrap().next() else {
            return;
        };
        load.in_flight.fetch_add(1, Ordering::SeqCst);
        let status = poster.deliver(&text).await;
        {
            let mut book = load.book.lock().unwrap();
            match status {
                Some(StatusCode::OK) => book.accepted.push(text),
                other => {
                    if other.is_none() {
                        load.broken.fetch_add(1, Ordering::SeqCst);
                    }
                    book.again.push_back(text);
                }
            }
        }
        load.in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn judge(stage: &Stage, load: &Load, carrier: &CountingCarrier) {
    let accepted = load.book.lock().unwrap().accepted.clone();
    let once: HashMap<&str, &Text> = accepted
        .iter()
        .map(|text| (text.sid.as_str(), text))
        .collect();
    println!(
        "{} texts, {} deliveries, {} broken off",
        once.len(),
        accepted.len(),
        load.broken.load(Ordering::SeqCst)
    );

    let inbound = stage
        .rows
        .column("SELECT carrier_id FROM message WHERE kind = 'inbound'")
        .await;
    let kept: HashSet<&str> = inbound.iter().map(String::as_str).collect();
    assert_eq!(kept.len(), inbound.len(), "a text is there twice");
    let accepted_ids: HashSet<&str> = once.keys().copied().collect();
    assert_eq!(kept, accepted_ids, "accepted and kept differ");

    let mut replied = stage
        .rows
        .column("SELECT party FROM message WHERE kind = 'automated' ORDER BY party")
        .await;
    let mut wanted: Vec<&str> = once
        .values()
        .filter(|text| text.words == "hello")
        .map(|text| text.from.as_str())
        .collect();
    wanted.sort_unstable();
    replied.sort();
    assert_eq!(replied, wanted, "each keyword is answered once");
    assert_eq!(
        stage.rows.count("conversation").await as usize,
        wanted.len() + CHATTERS.min(once.len()),
        "one thread each"
    );

    // Nothing waits for ever, nothing leaves twice.
    stage
        .until(
            "SELECT CAST(count(*) AS TEXT) FROM message WHERE status IN ('queued', 'sending')",
            &[&["0"]],
        )
        .await;
    let sends = carrier.sends();
    let twice: Vec<_> = sends.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "sent twice: {twice:?}");
    let statuses = stage.rows.all("SELECT status, CAST(count(*) AS TEXT) FROM message WHERE kind = 'automated' GROUP BY status").await;
    let count = |wanted: &str| {
        statuses
            .iter()
            .filter(|row| row[0] == wanted)
            .map(|row| row[1].parse::<usize>().unwrap())
            .sum::<usize>()
    };
    assert_eq!(
        count("accepted") + count("unknown"),
        wanted.len(),
        "{statuses:?}"
    );
    assert!(
        sends.len() >= count("accepted") && sends.len() <= wanted.len(),
        "{} sends, {statuses:?}",
        sends.len()
    );
    assert_eq!(stage.metric("signalbox_undecided_total", &[]).await, 0.0);
}
