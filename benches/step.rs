//! One pure decision: a text flow that puts and reads a question, and a call flow that begins; how long it takes and
//! how often it asks for memory. Then what an editor waits for: `flow check` and `flow test` over a folder of 300 flows,
//! and how soon a hostile file is refused.
//!
//! cargo bench --bench step

use std::alloc::{GlobalAlloc, Layout};
use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use signalbox::ambient::Stopwatch;
use signalbox::config::organisation::OrganisationFile;
use signalbox::flow::{
    Allowed, Bounds, DirectoryNames, Event, Facts, Flow, Reach, Run, Step, Stepped, check, inspect,
    step,
};
use signalbox::model::directory::Directory;
use signalbox::model::people::Presence;
use signalbox::model::{Ids, Party, Timestamp};

/// The allocator of the program, counting.
struct Counting(mimalloc::MiMalloc);

#[global_allocator]
static ALLOCATOR: Counting = Counting(mimalloc::MiMalloc);

static ASKED: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);

fn count(bytes: usize) {
    ASKED.fetch_add(1, Ordering::Relaxed);
    BYTES.fetch_add(bytes as u64, Ordering::Relaxed);
}

// SAFETY: every call goes on to the inner allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        unsafe { self.0.alloc(layout) }
    }
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        unsafe { self.0.alloc_zeroed(layout) }
    }
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        unsafe { self.0.realloc(at, layout, size) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe { self.0.dealloc(at, layout) }
    }
}

/// Tuesday 3 March 2026, 10:30 in Chicago.
const NOW: i64 = 1_772_555_400_000_000;

struct Scene {
    directory: Directory,
    flow: Flow,
    party: Party,
}

impl Scene {
    fn new(source: &str) -> Self {
        let organisation = include_str!("../config/organisation.yaml");
        let now = Timestamp::from_micros(NOW);
        let directory = OrganisationFile::read("organisation.yaml", organisation)
            .directory(&mut Ids::new(now, 7), now)
            .expect("the shipped organisation is sound");
        let names = DirectoryNames::new(&directory, Vec::new());
        let flow = check("flow.yaml", source, &names)
            .expect("the shipped flows are sound")
            .flow;
        Self {
            flow,
            directory,
            party: Party::read("+12025550143"),
        }
    }

    fn run(&self) -> Run {
        let now = Timestamp::from_micros(NOW);
        Run::new(Ids::new(now, 1).fresh(), &self.flow.key, now)
    }

    fn take(&self, run: Run, event: &Event<'_>, seed: u64) -> Stepped {
        let now = Timestamp::from_micros(NOW);
        let account = self
            .directory
            .account_by_key(&self.flow.account)
            .expect("the flow's account");
        let number = self
            .directory
            .number_by_address("+12025550100")
            .expect("the shared number");
        let presence = |_| Some(Presence::default());
        let facts = Facts {
            now,
            account,
            directory: &self.directory,
            program: account.program("main"),
            number,
            party: &self.party,
            contact: None,
            text: None,
            presence: &presence,
            waiting: Some(&[]),
            legs_max: 10,
            calls_per_second: 1.0,
            consent: Allowed::default(),
            textable: true,
            automated_left: true,
            reach: &|_| Some(Reach::default()),
            with_value: &|_| None,
            email: true,
            traced: false,
        };
        match step(
            &self.flow,
            run,
            event,
            &facts,
            &mut Ids::new(now, seed),
            Vec::new(),
        ) {
            Step::Done(stepped) => *stepped,
            Step::Need(_) => unreachable!("all is given"),
        }
    }
}

/// How often a decision asks for memory, and for how much; runs are made beforehand.
fn memory(name: &str, scene: &Scene, run: &Run, event: &Event<'_>) {
    const TIMES: u64 = 1_000;
    /// More are told.
    const GOAL: u64 = 20;
    let runs: Vec<Run> = (0..TIMES).map(|_| run.clone()).collect();
    let before = (ASKED.load(Ordering::Relaxed), BYTES.load(Ordering::Relaxed));
    for run in runs {
        black_box(scene.take(run, black_box(event), 1));
    }
    let asked = (ASKED.load(Ordering::Relaxed) - before.0) / TIMES;
    let bytes = (BYTES.load(Ordering::Relaxed) - before.1) / TIMES;
    let over = if asked > GOAL { ", over the goal" } else { "" };
    println!("{name}: {asked} allocations of {bytes} bytes (at most {GOAL}{over})");
}

fn decisions(bench: &mut Criterion) {
    let text = Scene::new(include_str!("../flows/apply.yaml"));
    let call = Scene::new(include_str!("../flows/main-line.yaml"));
    let asked = text.take(text.run(), &Event::Started, 1).run;
    let menu = call.take(call.run(), &Event::Started, 1).run;
    let all = [
        (
            "text flow begins and asks",
            &text,
            text.run(),
            Event::Started,
        ),
        (
            "text flow takes an answer",
            &text,
            asked,
            Event::Text("2001-02-03"),
        ),
        (
            "call flow begins with a menu",
            &call,
            call.run(),
            Event::Started,
        ),
        (
            "call flow rings a group",
            &call,
            menu.clone(),
            Event::Digits("2"),
        ),
    ];
    for (name, scene, run, event) in &all {
        memory(name, scene, run, event);
    }
    for (name, scene, run, event) in &all {
        bench.bench_function(name, |b| {
            b.iter_batched(
                || run.clone(),
                |run| scene.take(run, black_box(event), 2),
                BatchSize::SmallInput,
            );
        });
    }
    let saved = menu.to_json();
    bench.bench_function("a run is read and saved", |b| {
        b.iter(|| Run::from_json(black_box(&saved)).map(|run| run.to_json()));
    });
}

/// The shipped flows, again and again under other names, as files of a folder.
fn copies(folder: &Path, flows: usize) {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("flows");
    let entries = std::fs::read_dir(shipped).expect("the shipped flows");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut sources: Vec<String> = paths
        .filter(|path| path.extension().is_some_and(|ending| ending == "yaml"))
        .map(|path| std::fs::read_to_string(path).expect("a flow"))
        .collect();
    sources.sort();
    for at in 0..flows {
        let (source, copy) = (&sources[at % sources.len()], at / sources.len());
        // The first of each keeps its name, for others lead to it.
        let renamed = source
            .lines()
            .map(|line| match line.strip_prefix("flow: ") {
                Some(name) if copy > 0 => format!("flow: {}-{copy}\n", name.trim()),
                _ => format!("{line}\n"),
            });
        let text: String = renamed.collect();
        std::fs::write(folder.join(format!("flow-{at}.yaml")), text).expect("a copy");
    }
}

/// The whole command, the start of the program included; the last line that it prints.
fn timed(folder: &Path, command: &str) -> (Duration, String) {
    let began = Stopwatch::start();
    let done = Command::new(env!("CARGO_BIN_EXE_signalbox"))
        .args(["flow", command])
        .arg(folder)
        .stderr(Stdio::inherit())
        .output()
        .expect("the program runs");
    let took = began.elapsed();
    assert!(done.status.success(), "flow {command} finds all in order");
    let printed = String::from_utf8_lossy(&done.stdout);
    let line = printed.lines().rfind(|line| line.contains(" 0 "));
    (took, line.unwrap_or_default().to_owned())
}

/// What somebody waits for who has changed something in a folder of 300 flows.
fn folder() {
    let folder = tempfile::tempdir().expect("a folder");
    copies(folder.path(), 300);
    let (checking, checked) = timed(folder.path(), "check");
    println!("flow check: {:.2} s, {checked}", checking.as_secs_f64());
    let (testing, tested) = timed(folder.path(), "test");
    println!("flow test: {:.2} s, {tested}", testing.as_secs_f64());
    let both = (checking + testing).as_secs_f64();
    println!("check and tests of 300 flows: {both:.2} s (at most 3)");
    let tests: f64 = (tested.split(' ').next())
        .and_then(|number| number.parse().ok())
        .expect("a number of tests");
    let thousand = testing.as_secs_f64() * 1_000.0 / tests;
    println!("a thousand tests, their flows read and checked: {thousand:.2} s (at most 2)");
}

/// Files that mean harm, each with what it is.
fn harmful() -> Vec<(&'static str, String)> {
    let head = "flow: a\naccount: college\non: sms\n";
    let many =
        |times: usize, one: &dyn Fn(usize) -> String| (0..times).map(one).collect::<String>();
    let mut bomb = format!("{head}a: &a [x,x,x,x,x,x,x,x,x]\n");
    for (from, to) in ('a'..='h').zip('b'..='i') {
        bomb += &format!("{to}: &{to} [{}*{from}]\n", format!("*{from},").repeat(8));
    }
    let step =
        |verb: String| format!("{head}steps:\n  a:\n    {verb}\n    then: {{ else: end }}\n");
    vec![
        ("an alias bomb", bomb),
        (
            "19 000 aliases of 100 kB",
            format!(
                "{head}x: &x {}\nz: [{}]\n",
                "y".repeat(100_000),
                "*x,".repeat(19_000)
            ),
        ),
        ("30 000 keys", many(30_000, &|n| format!("k{n}:\n"))),
        (
            "9 900 keys that are none",
            head.to_owned() + &many(9_900, &|n| format!("k{n}: 1\n")),
        ),
        (
            "9 000 conditions with names that are none",
            step(format!(
                "branch: {{ {} }}",
                many(9_000, &|n| format!("f{n}: contact.x{n}, "))
            )),
        ),
        (
            "9 500 outcomes that are none",
            format!(
                "{head}steps:\n  a:\n    hours: office\n    then: {{ {} }}\n",
                many(9_500, &|n| format!("f{n}: end, "))
            ),
        ),
        (
            "16 000 names in one text",
            step(format!(
                "reply: \"{}\"",
                "{{ contact.name }}".repeat(14_000)
            )),
        ),
        (
            "brackets 250 000 deep",
            format!("{head}x: {}", "[".repeat(250_000)),
        ),
        (
            "10 MB in one line",
            format!("{head}x: {}", "y".repeat(10_000_000)),
        ),
    ]
}

/// How soon each of them is answered, all faults drawn.
fn hostile() {
    let scene = Scene::new(include_str!("../flows/apply.yaml"));
    let names = DirectoryNames::new(&scene.directory, Vec::new());
    for (name, text) in harmful() {
        let began = Stopwatch::start();
        let found = inspect("flow.yaml", &text, &names, &Bounds::default());
        let drawn: usize = found
            .faults
            .iter()
            .map(|fault| fault.draw(&text, false).len())
            .sum();
        let took = began.elapsed();
        let faults = found.faults.len();
        assert!(
            faults > 0 && black_box(drawn) > 0,
            "{name}: nothing is found"
        );
        println!(
            "{name}: {:.1} ms, {faults} faults (at most 100 ms)",
            took.as_secs_f64() * 1e3
        );
    }
}

fn editing(_: &mut Criterion) {
    folder();
    hostile();
}

criterion_group!(benches, decisions, editing);
criterion_main!(benches);
