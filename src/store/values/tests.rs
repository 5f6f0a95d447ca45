//! Contacts found by what stands in their fields, on both databases.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::model::people::Contact;
use crate::model::turn::{Decision, FieldValue, Need, SAME_VALUE_MAX, State, Turn, Write};
use crate::model::{AccountId, Id, Timestamp};
use crate::store::testing::{Bench, event as test_event, on_both};
use crate::store::{NewEvent, NodeScope};

fn id<T: Id>(n: u128) -> T {
    T::from_uuid(Uuid::from_u128(n))
}

fn at(n: i64) -> Timestamp {
    Timestamp::from_micros(1_790_000_000_000_000 + n * 1_000)
}

fn contact(n: u128, account: u128, fields: &[(&str, serde_json::Value)]) -> Contact {
    let columns: BTreeMap<String, serde_json::Value> = fields
        .iter()
        .map(|(key, value)| ((*key).to_owned(), value.clone()))
        .collect();
    Contact {
        id: id(n),
        account: id(account),
        name: None,
        phones: Vec::new(),
        email: Some(format!(" P{n}@Example.org ")),
        language: None,
        source: "import".to_owned(),
        columns,
        tags: Vec::new(),
        caseloads: Vec::new(),
        forwarded_route: None,
        created_at: at(0),
        version: 1,
    }
}

/// Saves contacts as an event does.
async fn save(bench: &Bench, n: u128, contacts: Vec<Contact>) {
    let event = test_event(n, at(1), Vec::new());
    let decide = move |_: &State, _: usize, _: &NewEvent| {
        let writes = contacts
            .iter()
            .map(|row| Write::Contact(Box::new(row.clone())));
        Decision::Done(Box::new(Turn {
            writes: writes.collect(),
            rule: "test",
            ..Turn::default()
        }))
    };
    let scope = NodeScope::daemon();
    bench.store.turn(scope, vec![event], decide).await.unwrap();
}

/// Who is found by these fields, each in one look at all of them.
async fn found(bench: &Bench, asked: &[(u128, &str, &str)]) -> Vec<Vec<u128>> {
    let key = |(account, field, value): &(u128, &str, &str)| {
        let of = FieldValue {
            field: (*field).to_owned(),
            value: (*value).to_owned(),
        };
        (id::<AccountId>(*account), of)
    };
    let keys: Vec<_> = asked.iter().map(key).collect();
    let needs: Vec<Need> = keys
        .iter()
        .map(|(account, of)| Need::Contacts(*account, of.clone()))
        .collect();
    let state = bench
        .store
        .look(NodeScope::daemon(), &needs, at(2))
        .await
        .unwrap();
    let ids = |rows: &Vec<Contact>| rows.iter().map(|row| row.id.uuid().as_u128()).collect();
    keys.iter().map(|key| ids(&state.contacts[key])).collect()
}

on_both! {
    async fn people_are_found_by_their_fields(bench: Bench) {
        let number = |n: i64| serde_json::json!(n);
        let text = |text: &str| serde_json::json!(text);
        save(&bench, 101, vec![
            contact(1, 1, &[("student_id", text(" S-17 ")), ("weight", number(70)), ("insured", true.into())]),
            contact(2, 1, &[("student_id", text("S-18")), ("weight", number(70))]),
            contact(3, 2, &[("student_id", text("S-17")), ("size", serde_json::Value::Null)]),
        ]).await;
        let asked = [
            (1, "student_id", "s-17"), (1, "weight", "70"), (2, "student_id", "s-17"), (1, "email", "p2@example.org"),
            (1, "student_id", "S-17"), (1, "weight", "s-17"), (1, "insured", "true"), (3, "email", "p2@example.org"),
        ];
        let none = Vec::<u128>::new();
        let want = [vec![1], vec![1, 2], vec![3], vec![2], none.clone(), none.clone(), none.clone(), none.clone()];
        assert_eq!(found(&bench, &asked).await, want);
        // What has changed is found by what it is now, and no more by what it was.
        let mut changed = contact(1, 1, &[("student_id", text("S-99"))]);
        changed.version = 2;
        save(&bench, 102, vec![changed]).await;
        assert_eq!(found(&bench, &[(1, "student_id", "s-17"), (1, "student_id", "s-99")]).await, [none, vec![1]]);
    }

    async fn a_contact_comes_into_caseloads_and_leaves_them(bench: Bench) {
        let by_mail = FieldValue { field: "email".to_owned(), value: "p1@example.org".to_owned() };
        for (n, caseloads) in [(1, &["north", "south"][..]), (2, &["south"]), (3, &[])] {
            let row = Contact {
                caseloads: caseloads.iter().map(|key| (*key).to_owned()).collect(),
                version: n,
                ..contact(1, 1, &[])
            };
            save(&bench, 100 + n as u128, vec![row]).await;
            let needs = [Need::Contacts(id(1), by_mail.clone())];
            let state = bench.store.look(NodeScope::daemon(), &needs, at(2)).await.unwrap();
            assert_eq!(state.contacts[&(id(1), by_mail.clone())][0].caseloads, caseloads);
        }
    }

    async fn of_many_with_the_same_value_a_few_are_loaded(bench: Bench) {
        let state = serde_json::json!("new");
        let many = (1..=40).map(|n| contact(n, 1, &[("state", state.clone())])).collect();
        save(&bench, 101, many).await;
        assert_eq!(found(&bench, &[(1, "state", "new")]).await[0].len(), SAME_VALUE_MAX);
    }
}
