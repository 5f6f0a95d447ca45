//! A durable, deduplicated, routed text whose flow answers it, over signed HTTP, beside a bare axum server with
//! the same answer in the same run.
//!
//!     cargo bench --bench webhook
//!
//! `SIGNALBOX_BENCH_ROUNDS` and `SIGNALBOX_BENCH_SECONDS` shorten it, `SIGNALBOX_BENCH_RATE` sets the rate at which
//! latency is measured (else half of what was reached), and `SIGNALBOX_BIN` names another build of the program.
#![allow(
    clippy::disallowed_methods,
    reason = "a bench has no other clock than the machine's"
)]

mod support;

use std::time::Duration;

use support::load::{self, Arrivals, Outcome};
use support::requests::Requests;
use support::servers::{self, Daemon, RATE, Server};
use support::tally::tally;
use support::{Spread, setting};

// The daemon has it, so the bare server gets it too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const CONNECTIONS: usize = 256;
/// Requests made for one second of a round; above what either server does on a small machine.
const REQUESTS_PER_SECOND: f64 = 30_000.0;
/// A round whose generator used so many times its best is disturbed and does not count.
const OWN_RATIO_MAX: f64 = 1.25;
/// Rounds at most for one that counts.
const TRIES: usize = 3;
/// The goals.
const RATE_RATIO_MIN: f64 = 0.35;
const CPU_US_MAX: f64 = 60.0;

/// One round of one server.
struct Round {
    per_second: f64,
    cpu_us: f64,
    own_us: f64,
    latency_us: [f64; 3],
    refused: usize,
}

/// What is measured, and the texts of the daemon's side used up so far.
struct Bench {
    daemon: Daemon,
    bare: Server,
    used: usize,
    accepted: Vec<usize>,
    seconds: f64,
}

impl Bench {
    fn daemon(&mut self, count: f64, arrivals: Arrivals) -> Round {
        let (server, count) = (&self.daemon.server, count as usize);
        let requests = Requests::make(server.port, self.used, count);
        self.used += count;
        let (round, outcome) = measured(server, requests, arrivals);
        self.accepted.extend(outcome.accepted);
        round
    }

    fn bare(&self, count: f64, arrivals: Arrivals) -> Round {
        let requests = Requests::make(self.bare.port, 0, count as usize);
        measured(&self.bare, requests, arrivals).0
    }

    fn closed(&mut self) -> (Round, Round) {
        let count = REQUESTS_PER_SECOND * self.seconds;
        let lasting = Duration::from_secs_f64(self.seconds);
        let arrivals = |again| Arrivals::Closed { lasting, again };
        (
            self.daemon(count, arrivals(false)),
            self.bare(count, arrivals(true)),
        )
    }

    fn open(&mut self, per_second: f64) -> (Round, Round) {
        let count = per_second * self.seconds;
        let arrivals = Arrivals::Open { per_second };
        (self.daemon(count, arrivals), self.bare(count, arrivals))
    }
}

fn measured(server: &Server, requests: Requests, arrivals: Arrivals) -> (Round, Outcome) {
    let before = server.cpu();
    let outcome = load::run(server.port, CONNECTIONS, requests, arrivals);
    let cpu = server.cpu().saturating_sub(before);
    let done = (outcome.accepted.len() + outcome.refused).max(1) as f64;
    let each = |time: Duration| time.as_secs_f64() * 1e6 / done;
    let at = |part| outcome.latencies.value_at_quantile(part) as f64;
    let round = Round {
        per_second: done / outcome.elapsed.as_secs_f64(),
        cpu_us: each(cpu),
        own_us: each(outcome.own),
        latency_us: [at(0.5), at(0.99), at(0.999)],
        refused: outcome.refused,
    };
    (round, outcome)
}

/// Rounds until enough of them count.
fn rounds(wanted: usize, mut round: impl FnMut() -> (Round, Round)) -> Vec<(Round, Round)> {
    let mut all = Vec::new();
    loop {
        all.push(round());
        let best = |own: fn(&(Round, Round)) -> f64| all.iter().map(own).fold(f64::MAX, f64::min);
        let (daemon, bare) = (best(|pair| pair.0.own_us), best(|pair| pair.1.own_us));
        let counts = |pair: &&(Round, Round)| {
            pair.0.own_us <= OWN_RATIO_MAX * daemon && pair.1.own_us <= OWN_RATIO_MAX * bare
        };
        let good = all.iter().filter(counts).count();
        if good >= wanted || all.len() >= wanted * TRIES {
            println!(
                "  {} rounds, {} of them thrown away as disturbed",
                all.len(),
                all.len() - good
            );
            all.retain(|pair| counts(&pair));
            return all;
        }
    }
}

fn print(
    what: &str,
    pick: impl Fn(&Round) -> f64,
    pairs: &[(Round, Round)],
) -> (Spread, Spread, Spread) {
    let daemon = Spread::of(pairs.iter().map(|pair| pick(&pair.0)));
    let bare = Spread::of(pairs.iter().map(|pair| pick(&pair.1)));
    let ratio = Spread::of(pairs.iter().map(|pair| pick(&pair.0) / pick(&pair.1)));
    let show = |one: Spread| format!("{:>9.1} ({:.1}–{:.1})", one.median, one.min, one.max);
    println!(
        "  {what:<24} signalbox {:<30} bare {:<30} ratio {:.3} ({:.3}–{:.3})",
        show(daemon),
        show(bare),
        ratio.median,
        ratio.min,
        ratio.max
    );
    (daemon, bare, ratio)
}

/// What the goals are set for.
struct Reached {
    rate: Spread,
    ratio: Spread,
    cpu: Spread,
}

fn print_all(pairs: &[(Round, Round)]) -> Reached {
    let (rate, _, ratio) = print("requests/s", |round| round.per_second, pairs);
    let (cpu, ..) = print("CPU µs/request", |round| round.cpu_us, pairs);
    print("generator's CPU µs", |round| round.own_us, pairs);
    for (place, what) in ["p50 µs", "p99 µs", "p99.9 µs"].into_iter().enumerate() {
        print(what, |round| round.latency_us[place], pairs);
    }
    let refused: usize = pairs
        .iter()
        .map(|pair| pair.0.refused + pair.1.refused)
        .sum();
    println!("  refused                  {refused}");
    Reached { rate, ratio, cpu }
}

fn print_goals(reached: &Reached) {
    let told = |met| if met { "met" } else { "missed" };
    println!(
        "  goals: ratio ≥ {RATE_RATIO_MIN} {}, CPU ≤ {CPU_US_MAX} µs {}",
        told(reached.ratio.median >= RATE_RATIO_MIN),
        told(reached.cpu.median <= CPU_US_MAX)
    );
}

fn main() {
    servers::be_bare_when_asked();
    let wanted = setting("SIGNALBOX_BENCH_ROUNDS", 5.0).max(1.0) as usize;
    let daemon = Daemon::start();
    let bare = servers::bare_like(&daemon);
    let seconds = setting("SIGNALBOX_BENCH_SECONDS", 3.0);
    let mut bench = Bench {
        daemon,
        bare,
        used: 1,
        accepted: vec![0],
        seconds,
    };
    println!(
        "Each text: signature checked, repeat ruled out, routed by keyword, answered by a flow, and on disk"
    );
    println!(
        "(event, text in, text out, conversation) before its 200. The connection's rate is {RATE}/s:"
    );
    println!("replies stay in the outbox and nothing is handed to a carrier.");
    println!("\nAs fast as {CONNECTIONS} connections go, {seconds} s a round:");
    bench.closed();
    let pairs = rounds(wanted, || bench.closed());
    let reached = print_all(&pairs);
    print_goals(&reached);
    let half = (reached.rate.median / 2.0).max(1.0);
    let per_second = setting("SIGNALBOX_BENCH_RATE", half);
    println!("\nAt {per_second:.0} a second, latency from the intended arrival:");
    let pairs = rounds(wanted, || bench.open(per_second));
    print_all(&pairs);
    let Bench {
        daemon: Daemon {
            server,
            store,
            folder,
        },
        accepted,
        ..
    } = bench;
    server.stop();
    let bytes = std::fs::metadata(&store).map_or(0, |file| file.len());
    let found = tally(&store, &accepted);
    drop(folder);
    println!(
        "\nIn the store: {found:?} of {} accepted; {} bytes each",
        accepted.len(),
        bytes / accepted.len() as u64
    );
    assert_eq!(
        found.whole,
        accepted.len(),
        "every accepted text once, with its reply"
    );
}
