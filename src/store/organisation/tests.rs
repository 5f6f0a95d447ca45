//! The organisation and its flows on both databases.

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

use super::*;
use crate::model::account::{
    AccountNumber, Beyond, ColumnType, Matching, OptOutBy, Plan, PlanUnit, Program, Route,
    SubKeyword,
};
use crate::model::organisation::AccountRow;
use crate::model::people::{Caseload, ContactPhone, Device, Group, Member, Permission, Role};
use crate::model::turn::{FlowText, Need};
use crate::model::{Id, RevisionId, UserId};
use crate::store::testing::{Bench, on_both};
use crate::store::{AccountScope, FileOf, FlowFile, Published, Stamp, Written};

/// A file that is the only one of its folder.
fn alone(name: &str) -> FlowFile<'_> {
    FlowFile {
        name,
        path: None,
        folder: &[],
    }
}

fn now() -> Timestamp {
    Timestamp::from_micros(1_790_000_000_000_000)
}

fn id<T: Id>(n: u128) -> T {
    T::from_uuid(Uuid::from_u128(n))
}

fn change(what: OrgRow) -> OrgChange {
    OrgChange {
        what,
        subject: "subject".to_owned(),
        before: None,
        after: "after".to_owned(),
    }
}

fn account_row(n: u128, key: &str) -> OrgRow {
    OrgRow::Account(AccountRow {
        id: id(n),
        key: key.to_owned(),
        name: key.to_uppercase(),
        zone: "America/Chicago".to_owned(),
        language: "en".to_owned(),
        cost_centre: id(1),
        columns: BTreeMap::from([("size".to_owned(), ColumnType::Text)]),
        plan: Plan {
            monthly: Some(5_000),
            unit: PlanUnit::Messages,
            rate: 10.5,
            beyond: Beyond::Email,
            hours: None,
        },
    })
}

fn keyword(account: u128, words: &[&str]) -> Keyword {
    Keyword {
        number: id(10),
        account: id(account),
        word: words[0].to_uppercase(),
        folded: words.iter().map(|word| (*word).to_owned()).collect(),
        matching: Matching::FirstWord,
        program: id(20),
        flow: Some("apply".to_owned()),
        sub: vec![SubKeyword {
            word: "NURSE".to_owned(),
            folded: vec!["nurse".to_owned()],
            flow: None,
            program: Some(id(20)),
        }],
    }
}

fn number_row() -> Number {
    Number {
        id: id(10),
        address: "+12025550100".to_owned(),
        connection: "twilio".to_owned(),
        sms: true,
        mms: false,
        voice: true,
        opt_out: Some(OptOutBy::Carrier),
        manage_unmatched: id(2),
        calls: id(3),
        active: true,
        open_conversations: false,
        rate: Some(0.5),
    }
}

fn contact() -> Contact {
    Contact {
        id: id(60),
        account: id(2),
        name: Some("Cy".to_owned()),
        phones: vec![ContactPhone {
            phone: Party::read("+12025550123"),
            kind: "mobile".to_owned(),
            textable: true,
        }],
        email: None,
        language: None,
        source: "organisation".to_owned(),
        columns: BTreeMap::new(),
        tags: Vec::new(),
        caseloads: vec!["north".to_owned()],
        forwarded_route: Some(Route::User(id(30))),
        created_at: now(),
        version: 1,
    }
}

fn user() -> User {
    User {
        id: id(30),
        key: "ana".to_owned(),
        name: "Ana Ruiz".to_owned(),
        email: Some("ana@example.org".to_owned()),
        devices: vec![Device {
            phone: "+12025550111".parse().unwrap(),
            name: None,
        }],
        active: true,
        admin: false,
    }
}

fn group(members: Vec<UserId>) -> Group {
    Group {
        id: id(40),
        key: "billing".to_owned(),
        name: "Billing".to_owned(),
        members,
    }
}

fn role() -> Role {
    Role {
        id: id(50),
        key: "staff".to_owned(),
        name: "Staff".to_owned(),
        permissions: vec![Permission::MayStartTexts],
    }
}

fn caseloads() -> Vec<Caseload> {
    [("north", "North side"), ("south", "south")]
        .map(|(key, name)| Caseload {
            key: key.to_owned(),
            name: name.to_owned(),
        })
        .into()
}

fn by_hand_of(yaml: &str) -> Written<'_> {
    Written { yaml, file: None }
}

fn everything() -> Vec<OrgChange> {
    let calendar = serde_json::json!({ "open": { "mon-fri": ["09:00-12:30", "13:30-17:00"] }, "holidays": ["2026-12-25"] });
    let rows = vec![
        OrgRow::CostCentre(CostCentre {
            id: id(1),
            key: "main".to_owned(),
            name: "Main".to_owned(),
        }),
        OrgRow::User(user()),
        account_row(2, "clinic"),
        account_row(3, "college"),
        OrgRow::Number(number_row()),
        OrgRow::Role(id(2), role()),
        OrgRow::Member(
            id(2),
            Member {
                user: id(30),
                roles: vec![id(50)],
            },
        ),
        OrgRow::Group(id(2), group(vec![id(30)])),
        OrgRow::Calendar {
            account: id(2),
            key: "office".to_owned(),
            source: calendar,
        },
        OrgRow::Program(
            id(2),
            Program {
                id: id(20),
                key: "main".to_owned(),
                name: "Main".to_owned(),
                number: Some(id(10)),
                caseloads: caseloads(),
            },
        ),
        OrgRow::AccountNumber(
            id(2),
            AccountNumber {
                number: id(10),
                call_flow: None,
                text_flow: Some("front".to_owned()),
                route: Route::Group(id(40)),
            },
        ),
        OrgRow::Keyword(keyword(2, &["apply", "apli"])),
        OrgRow::Contact(contact()),
    ];
    rows.into_iter().map(change).collect()
}

async fn apply(bench: &Bench, based_on: i64, rows: Vec<OrgRow>) -> Result<i64, StoreError> {
    let changes = rows.into_iter().map(change).collect();
    bench
        .store
        .apply(&Actor::Node, now(), based_on, changes)
        .await
}

on_both! {
    async fn what_is_applied_is_the_directory(bench: Bench) {
        let (store, scope) = (&bench.store, NodeScope::daemon());
        let version = store.apply(&Actor::Cli("root".to_owned()), now(), 0, everything()).await.unwrap();
        let directory = store.directory(scope).await.unwrap();
        assert_eq!((version, directory.version), (1, 1));
        let clinic = directory.account_by_key("clinic").unwrap();
        assert_eq!(clinic.groups, [group(vec![id(30)])]);
        assert_eq!(clinic.roles, [role()]);
        assert_eq!(clinic.members, [Member { user: id(30), roles: vec![id(50)] }]);
        assert_eq!(clinic.numbers.len(), 1);
        assert_eq!(clinic.programs[0].caseloads, caseloads());
        assert_eq!((clinic.plan.rate, clinic.columns.len(), clinic.programs.len()), (10.5, 1, 1));
        assert!(clinic.calendars.contains_key("office"));
        assert_eq!(directory.user_by_key("ana"), Some(&user()));
        assert_eq!(directory.number_by_address("+12025550100"), Some(&number_row()));
        assert_eq!(directory.keywords(id(10)), [keyword(2, &["apply", "apli"])]);
        let phones = [(id(2), Party::read("+12025550123")), (id(3), Party::read("+12025550123"))];
        assert_eq!(store.contacts_with(scope, &phones).await.unwrap(), [contact()]);
        assert_eq!(store.cost_centres(scope).await.unwrap().len(), 1);
    }

    async fn a_change_must_know_what_it_changes(bench: Bench) {
        bench.store.apply(&Actor::Node, now(), 0, everything()).await.unwrap();
        let empty = || vec![OrgRow::Group(id(2), group(Vec::new()))];
        assert!(matches!(apply(&bench, 0, empty()).await, Err(StoreError::Conflict(_))));
        assert_eq!(apply(&bench, 1, empty()).await.unwrap(), 2);
        let directory = bench.store.directory(NodeScope::daemon()).await.unwrap();
        assert_eq!(directory.account_by_key("clinic").unwrap().groups, [group(Vec::new())]);
    }

    async fn a_word_has_one_owner_on_a_number(bench: Bench) {
        bench.store.apply(&Actor::Node, now(), 0, everything()).await.unwrap();
        let refused = apply(&bench, 1, vec![OrgRow::Keyword(keyword(3, &["enroll", "apli"]))]).await;
        let Err(StoreError::Refused(words)) = refused else { panic!("{refused:?}") };
        assert!(words.contains("apli") && words.contains("clinic") && words.contains("college"), "{words}");
        // Given up by its owner, it may be claimed; all that was refused left nothing.
        apply(&bench, 1, vec![OrgRow::Keyword(keyword(2, &["apply"]))]).await.unwrap();
        apply(&bench, 2, vec![OrgRow::Keyword(keyword(3, &["enroll", "apli"]))]).await.unwrap();
        let directory = bench.store.directory(NodeScope::daemon()).await.unwrap();
        assert_eq!(directory.keywords(id(10)).len(), 2);
    }

    async fn a_file_that_says_what_is_active_may_be_edited(bench: Bench) {
        let store = &bench.store;
        let says = |name: &'static str, yaml: &'static str, n: u64| {
            store.publish_file(&Actor::Node, id(2), "front", yaml, alone(name), Stamp { now: now(), seed: n })
        };
        let Published::New(_) = says("front.yaml", "one", 1).await.unwrap() else { panic!() };
        // Renamed.
        let Published::New(_) = says("main.yaml", "one", 2).await.unwrap() else { panic!() };
        assert_eq!(says("main.yaml", "one", 3).await.unwrap(), Published::Unchanged);
        let Published::New(second) = says("main.yaml", "two", 4).await.unwrap() else { panic!() };
        // Edited by hand, and copied into the file.
        store.publish(&Actor::User(id(30)), id(2), "front", by_hand_of("three"), Some(second), Stamp { now: now(), seed: 5 }).await.unwrap();
        assert_eq!(says("main.yaml", "two", 6).await.unwrap(), Published::Unchanged);
        let Published::New(_) = says("main.yaml", "three", 7).await.unwrap() else { panic!() };
        // A copy beside it takes nothing away from it.
        let both = ["copy.yaml".to_owned(), "main.yaml".to_owned()];
        let copy = FlowFile { name: "copy.yaml", path: None, folder: &both };
        let copied = store.publish_file(&Actor::Node, id(2), "front", "three", copy, Stamp { now: now(), seed: 8 }).await.unwrap();
        assert_eq!(copied, Published::Unchanged);
        let Published::New(_) = says("main.yaml", "four", 9).await.unwrap() else { panic!() };
        // The old name says what is not active any more.
        assert_eq!(says("front.yaml", "five", 10).await.unwrap(), Published::Conflict);
        let of = |key: &'static str, file: &'static str| FileOf { account: id(2), key, file };
        let asked = [of("front", "main.yaml"), of("front", "front.yaml"), of("front", "no.yaml"), of("back", "main.yaml")];
        let last = store.last_of_files(NodeScope::daemon(), &asked).await.unwrap();
        let mut last: Vec<&str> = last.iter().map(|row| row.yaml.as_str()).collect();
        last.sort_unstable();
        assert_eq!(last, ["four", "one"]);
    }

    async fn a_revision_is_found_by_who_has_not_heard_of_it(bench: Bench) {
        let store = &bench.store;
        let published = store.publish_file(&Actor::Node, id(2), "front", "one", alone("front.yaml"), Stamp { now: now(), seed: 1 });
        let Published::New(first) = published.await.unwrap() else { panic!() };
        let needs = [Need::Revision(first), Need::Revision(id(999))];
        let state = store.look(NodeScope::daemon(), &needs, now()).await.unwrap();
        let text = FlowText { key: "front".to_owned(), yaml: "one".to_owned() };
        assert_eq!(state.revisions, HashMap::from([(first, Some(text)), (id(999), None)]));
    }

    async fn an_old_file_never_undoes_an_edit(bench: Bench) {
        let (store, scope) = (&bench.store, NodeScope::daemon());
        let stamp = |n: u64| Stamp { now: now(), seed: n };
        let file = |yaml: &'static str, n: u64| store.publish_file(&Actor::Node, id(2), "front", yaml, alone("front.yaml"), stamp(n));
        let Published::New(first) = file("one", 1).await.unwrap() else { panic!() };
        assert_eq!(file("one", 2).await.unwrap(), Published::Unchanged);
        let Published::New(second) = file("two", 3).await.unwrap() else { panic!() };
        let by_hand = store.publish(&Actor::User(id(30)), id(2), "front", by_hand_of("three"), Some(first), stamp(4)).await;
        assert!(matches!(by_hand, Err(StoreError::Conflict(_))));
        let third = store.publish(&Actor::User(id(30)), id(2), "front", by_hand_of("three"), Some(second), stamp(5)).await.unwrap();
        assert_eq!(file("two", 6).await.unwrap(), Published::Unchanged);
        assert_eq!(file("four", 7).await.unwrap(), Published::Conflict);
        let active = store.active_flows(scope).await.unwrap();
        assert_eq!(active.iter().map(|row| (row.id, &row.yaml[..], row.number)).collect::<Vec<_>>(), [(third, "three", 3)]);
        store.activate(&Actor::Node, id(2), second, Some(third), now()).await.unwrap();
        let (history, active) = store.history(AccountScope::of_decision(id(2)), "front").await.unwrap();
        assert_eq!((history.len(), active), (3, Some(second)));
        let Published::New(_) = file("five", 9).await.unwrap() else { panic!() };
        assert_eq!(store.revision(scope, first).await.unwrap().unwrap().yaml, "one");
        let other: Option<_> = store.revision(scope, id::<RevisionId>(999)).await.unwrap();
        assert_eq!(other, None);
        assert_eq!(store.directory_version(scope).await.unwrap(), 5);
        assert!(store.revisions_of_live_runs(scope).await.unwrap().is_empty());
    }
}
