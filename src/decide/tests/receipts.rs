//! Receipts: early, late, repeated, reversed, and of texts we do not know.

use super::sample::{Bench, PAT, SHARED, messages};
use crate::decide::Input;
use crate::model::consent::Consent;
use crate::model::{Dlr, Inbound, Message, MessageId, MessageKind, MessageStatus, Party};

/// A bench with one text of ours in this state.
fn sending(status: MessageStatus) -> (Bench, MessageId) {
    let flow = ("nurse", "\n  hi:\n    reply: Hello nurse\n    next: end\n");
    let mut bench = Bench::new(&[flow]);
    let turn = bench.sms(SHARED, "apply nurse");
    let Message { id, .. } = messages(&turn)[0];
    bench.store.messages.get_mut(&id).unwrap().status = status;
    (bench, id)
}

fn receipt(message: Option<MessageId>, status: MessageStatus, error: Option<&str>) -> Inbound {
    Inbound::Receipt(Dlr {
        message,
        carrier_id: "SM900".into(),
        status,
        error: error.map(str::to_owned),
    })
}

#[test]
fn a_status_moves_forward_in_whatever_order_receipts_come() {
    use MessageStatus::{Accepted, Delivered, Failed, Queued, Sending, Sent, Undelivered, Unknown};
    let table: &[(MessageStatus, &[MessageStatus], MessageStatus)] = &[
        (Sending, &[Accepted, Sent, Delivered], Delivered),
        (Sending, &[Delivered, Sent, Accepted], Delivered),
        (Accepted, &[Delivered, Failed], Delivered),
        (Accepted, &[Failed, Delivered], Failed),
        (Sending, &[Sent, Sent, Sent], Sent),
        (Unknown, &[Undelivered], Undelivered),
        (Queued, &[Sent], Sent),
    ];
    for (begun, receipts, end) in table {
        let (mut bench, id) = sending(*begun);
        for status in *receipts {
            let turn = bench.carrier(receipt(Some(id), *status, None));
            assert_eq!(turn.rule, "receipt");
        }
        let row = &bench.store.messages[&id];
        assert_eq!(row.status, *end, "{begun:?} {receipts:?}");
        assert_eq!(
            row.carrier_id.as_deref(),
            Some("SM900"),
            "told before the answer"
        );
    }
}

#[test]
fn receipts_are_matched_by_our_id_then_by_the_carriers() {
    let (mut bench, id) = sending(MessageStatus::Accepted);
    let by_carrier = |status| receipt(None, status, None);
    let turn = bench.carrier(by_carrier(MessageStatus::Delivered));
    assert_eq!((turn.rule, turn.writes.len()), ("receipt_unmatched", 0));
    bench.store.messages.get_mut(&id).unwrap().carrier_id = Some("SM900".into());
    let turn = bench.carrier(by_carrier(MessageStatus::Delivered));
    assert_eq!(turn.rule, "receipt");
    assert_eq!(bench.store.messages[&id].status, MessageStatus::Delivered);
    let unknown = crate::model::Ids::new(bench.now, 9).fresh();
    let turn = bench.carrier(receipt(Some(unknown), MessageStatus::Sent, None));
    assert_eq!(turn.rule, "receipt_unmatched");
    assert_eq!(turn.account, None);
}

#[test]
fn only_what_is_still_unknown_goes_by_e_mail() {
    use MessageStatus::{Accepted, Delivered, Failed, Sending, Unknown};
    for status in [Unknown, Sending, Accepted, Delivered, Failed] {
        let (mut bench, message) = sending(status);
        let contact = bench.store.contacts.values_mut().next().unwrap();
        contact.email = Some("pat@example.org".into());
        bench.happens(&Input::GivenUp { message });
        let mailed = usize::from(status == Unknown);
        assert_eq!(bench.store.jobs.len(), mailed, "{status:?}");
        assert_eq!(bench.lines("college").len(), mailed, "{status:?}");
    }
}

#[test]
fn the_reason_of_a_failure_is_kept() {
    let (mut bench, id) = sending(MessageStatus::Sent);
    bench.carrier(receipt(Some(id), MessageStatus::Undelivered, Some("30003")));
    bench.carrier(receipt(Some(id), MessageStatus::Failed, Some("30008")));
    assert_eq!(bench.store.messages[&id].reason.as_deref(), Some("30003"));
    assert!(bench.store.consents.is_empty());
}

#[test]
fn an_opt_out_at_the_carrier_counts_as_one_here() {
    let (mut bench, id) = sending(MessageStatus::Sending);
    bench.carrier(receipt(Some(id), MessageStatus::Failed, Some("21610")));
    let entry = bench.store.consents.last().unwrap();
    assert_eq!(
        (entry.verdict, entry.source.as_str()),
        (Consent::Out, "carrier")
    );
    assert_eq!(entry.party, Party::read(PAT));
    assert_eq!(bench.lines("college"), ["opted_out"]);
    assert!(messages(&bench.sms(SHARED, "apply nurse")).is_empty());
    assert!(bench.store.jobs.is_empty(), "no address is known");
    // Told again, it is written down again and nothing else changes.
    bench.carrier(receipt(Some(id), MessageStatus::Failed, Some("21610")));
    let start = bench.sms(SHARED, "yes");
    assert_eq!(start.rule, "compliance");
    assert_eq!(messages(&bench.sms(SHARED, "apply nurse")).len(), 1);
}

#[test]
fn what_an_opt_out_at_the_carrier_held_back_goes_by_e_mail_once() {
    let refused = |bench: &mut Bench, id, carrier_id: &str| {
        bench.carrier(Inbound::Receipt(Dlr {
            message: Some(id),
            carrier_id: carrier_id.to_owned(),
            status: MessageStatus::Failed,
            error: Some("21610".to_owned()),
        }))
    };
    // Refused when it was sent, or in a receipt afterwards.
    for (begun, carrier_id) in [(MessageStatus::Failed, ""), (MessageStatus::Sent, "SM900")] {
        for (email, mails) in [(true, 1), (false, 0)] {
            let (mut bench, id) = sending(begun);
            let contact = bench.store.contacts.values_mut().next().unwrap();
            contact.email = Some("pat@example.org".into());
            bench.world.email = email;
            refused(&mut bench, id, carrier_id);
            assert_eq!(bench.store.jobs.len(), mails, "{begun:?}");
            let told = bench.lines("college").contains(&"by_email".to_owned());
            assert_eq!(told, email);
            refused(&mut bench, id, "SM901");
            assert_eq!(bench.store.jobs.len(), mails, "told again");
            assert_eq!(bench.store.messages[&id].status, MessageStatus::Failed);
        }
    }
    let (mut bench, id) = sending(MessageStatus::Sent);
    let contact = bench.store.contacts.values_mut().next().unwrap();
    contact.email = Some("pat@example.org".into());
    bench.store.messages.get_mut(&id).unwrap().kind = MessageKind::Compliance;
    refused(&mut bench, id, "SM900");
    assert!(bench.store.jobs.is_empty(), "a confirmation is no letter");
}
