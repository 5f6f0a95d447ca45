//! One pure decision: a text flow that puts and reads a question, and a call flow that begins.
//!
//! cargo bench --bench step

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use signalbox::config::organisation::OrganisationFile;
use signalbox::flow::{
    Allowed, DirectoryNames, Event, Facts, Flow, Reach, Run, Step, Stepped, check, step,
};
use signalbox::model::directory::Directory;
use signalbox::model::people::Presence;
use signalbox::model::{Ids, Party, Timestamp};

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

fn decisions(bench: &mut Criterion) {
    let text = Scene::new(include_str!("../flows/apply.yaml"));
    bench.bench_function("text flow begins and asks", |b| {
        b.iter(|| text.take(text.run(), black_box(&Event::Started), 1));
    });
    let asked = text.take(text.run(), &Event::Started, 1).run;
    bench.bench_function("text flow takes an answer", |b| {
        b.iter(|| text.take(asked.clone(), black_box(&Event::Text("2001-02-03")), 2));
    });
    let call = Scene::new(include_str!("../flows/main-line.yaml"));
    bench.bench_function("call flow begins with a menu", |b| {
        b.iter(|| call.take(call.run(), black_box(&Event::Started), 1));
    });
    let menu = call.take(call.run(), &Event::Started, 1).run;
    bench.bench_function("call flow rings a group", |b| {
        b.iter(|| call.take(menu.clone(), black_box(&Event::Digits("2")), 2));
    });
    let saved = menu.to_json();
    bench.bench_function("a run is read and saved", |b| {
        b.iter(|| Run::from_json(black_box(&saved)).map(|run| run.to_json()));
    });
}

criterion_group!(benches, decisions);
criterion_main!(benches);
