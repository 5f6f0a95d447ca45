//! What is known of a due text when it is judged, and what becomes of one that does not go as a text.

use super::rate;
use crate::decide::World;
use crate::limits::Rate;
use crate::metrics;
use crate::model::account::Plan;
use crate::model::calendar::{month, zone};
use crate::model::consent::Verdict;
use crate::model::{Connection, Timestamp};
use crate::policy::allowance::{About, Facts, PlanUse, Reason};
use crate::store::{Dispatch, DueText};

pub(super) fn refused(reason: Reason) -> Dispatch {
    metrics::withheld(reason.code());
    Dispatch::Refuse(reason.code().to_owned())
}

pub(super) fn by_email(world: &World, due: &DueText, reason: Reason) -> Dispatch {
    metrics::withheld(reason.code());
    let account = world.directory.account(due.message.account);
    let name = account.map_or("us", |account| account.name.as_str());
    Dispatch::Email {
        to: due.contact_email.clone().unwrap_or_default(),
        subject: format!("A message from {name}"),
        text: due.message.text.clone(),
        reason: reason.code().to_owned(),
    }
}

/// Nothing where its account or number is no more.
pub(super) fn facts(world: &World, due: &DueText, now: Timestamp) -> Option<Facts> {
    let account = world.directory.account(due.message.account)?;
    let number = world.directory.number(due.message.number)?;
    let text = About {
        kind: due.message.kind,
        account,
        number,
        party: &due.message.party,
        textable: due.textable,
        consent: due.consent.unwrap_or(Verdict::Unknown),
        email: world.email && due.contact_email.is_some(),
    };
    let plan = plan_use(&account.plan, &account.zone, due, now);
    Some(Facts::of(&text, plan, now))
}

fn plan_use(plan: &Plan, zone_name: &str, due: &DueText, now: Timestamp) -> PlanUse {
    let renews_at = zone(zone_name).map_or(now, |zone| month(&zone, now).ends_at);
    let used = (due.plan_used.messages, due.plan_used.segments);
    PlanUse::of(plan, used, due.message.segments, renews_at)
}

/// A rate that a text is asked for before it goes.
pub(super) struct Asked {
    /// Whose, for metrics.
    pub(super) word: &'static str,
    /// By what it is counted.
    pub(super) key: String,
    /// How many a second.
    pub(super) rate: Rate,
    /// How many this text takes.
    pub(super) tokens: u32,
}

/// The rates of a text, in the order in which they are asked.
pub(super) fn rates(world: &World, connection: &Connection, due: &DueText) -> Vec<Asked> {
    let segments = u32::from(due.message.segments).max(1);
    let (account, number) = (due.message.account, due.message.number);
    let asked = |word, key, rate, tokens| Asked {
        word,
        key,
        rate,
        tokens,
    };
    let mut all = Vec::with_capacity(3);
    if let Some(account) = world.directory.account(account) {
        let (key, plan) = (format!("plan:{}", account.id), rate(account.plan.rate));
        all.push(asked("account", key, plan, 1));
    }
    if let Some(own) = world.directory.number(number).and_then(|it| it.rate) {
        all.push(asked(
            "number",
            format!("num:{number}"),
            rate(own),
            segments,
        ));
    }
    let (key, whole) = connection_rate(connection);
    all.push(asked("connection", key, whole, segments));
    all
}

/// The key and the rate of a connection's texts.
pub(super) fn connection_rate(connection: &Connection) -> (String, Rate) {
    (format!("sms:{}", connection.key), rate(connection.rate))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;
    use crate::model::account::{Account, Beyond, Number, PlanUnit};
    use crate::model::calendar::Calendar;
    use crate::model::directory::Directory;
    use crate::model::{Id, Ids, Message, MessageKind, MessageStatus, Party, Via};
    use crate::policy::allowance::{Allowance, allowance};
    use crate::store::PlanUse as Used;

    fn id<T: Id>(seed: u64) -> T {
        Ids::new(Timestamp::default(), seed).fresh()
    }

    fn account() -> Account {
        let plan = Plan {
            monthly: None,
            unit: PlanUnit::Messages,
            rate: 10.0,
            beyond: Beyond::Refuse,
            hours: None,
        };
        Account {
            id: id(1),
            key: "college".into(),
            name: "The college".into(),
            zone: "UTC".into(),
            language: "en".into(),
            cost_centre: id(2),
            columns: BTreeMap::new(),
            plan,
            groups: vec![],
            programs: vec![],
            calendars: BTreeMap::new(),
            numbers: vec![],
            members: vec![],
            roles: vec![],
        }
    }

    fn number() -> Number {
        Number {
            id: id(3),
            address: "+12025550100".into(),
            connection: "main".into(),
            sms: true,
            mms: false,
            voice: false,
            opt_out: None,
            manage_unmatched: id(1),
            calls: id(1),
            active: true,
            open_conversations: true,
            rate: None,
        }
    }

    fn world() -> World {
        let directory = Directory::new(1, vec![account()], vec![], vec![number()], vec![]);
        World {
            directory: Arc::new(directory),
            email: true,
            ..World::default()
        }
    }

    fn due(textable: bool, email: Option<&str>) -> DueText {
        let message = Message {
            id: id(4),
            account: id(1),
            conversation: id(5),
            number: id(3),
            party: Party::read("+12025550143"),
            kind: MessageKind::Staff,
            text: "Soon".into(),
            media: vec![],
            status: MessageStatus::Queued,
            via: Via::Text,
            segments: 1,
            carrier_id: None,
            reason: None,
            author: None,
            run: None,
            contact: None,
            event: None,
            created_at: Timestamp::default(),
            due_at: Some(Timestamp::default()),
            attempts: 0,
        };
        DueText {
            message,
            number_address: "+12025550100".into(),
            connection: "main".into(),
            consent: None,
            plan_used: Used::default(),
            contact_email: email.map(str::to_owned),
            textable,
        }
    }

    #[track_caller]
    fn check(world: &World, due: &DueText, expected: Allowance) {
        let facts = facts(world, due, Timestamp::default()).unwrap();
        assert_eq!(allowance(&facts), expected);
    }

    #[test]
    fn a_text_waits_for_its_account_its_number_and_its_connection() {
        let mut connection = Connection::new("main", "twilio", "https://sms.example.org");
        connection.rate = 30.0;
        let mut due = due(true, None);
        due.message.segments = 3;
        let asked = |number: Number| {
            let directory = Directory::new(1, vec![account()], vec![], vec![number], vec![]);
            let world = World {
                directory: Arc::new(directory),
                ..World::default()
            };
            let all = rates(&world, &connection, &due).into_iter();
            all.map(|one| (one.word, one.rate.per_second, one.tokens))
                .collect::<Vec<_>>()
        };
        let (plan, whole) = (("account", 10.0, 1), ("connection", 30.0, 3));
        assert_eq!(asked(number()), [plan, whole]);
        let slow = Number {
            rate: Some(0.5),
            ..number()
        };
        assert_eq!(asked(slow), [plan, ("number", 0.5, 3), whole]);
    }

    #[test]
    fn what_nobody_waits_for_leaves_inside_the_sending_hours() {
        // The clock stands at the beginning of a Thursday.
        let spec = serde_json::from_str(r#"{"open":{"thu":"09:00-17:00"}}"#).unwrap();
        let office = Calendar::new(&spec, &jiff::tz::TimeZone::UTC).unwrap();
        let mut account = account();
        account.calendars.insert("office".into(), office);
        let nine = Timestamp::default() + std::time::Duration::from_secs(9 * 3600);
        let held = Allowance::Hold(nine, Reason::OutsideWindow);
        for (hours, kind, expected) in [
            (None, MessageKind::Unprompted, Allowance::Send),
            (Some("office"), MessageKind::Unprompted, held),
            (Some("office"), MessageKind::Campaign, held),
            (Some("office"), MessageKind::Automated, Allowance::Send),
            (Some("office"), MessageKind::Staff, Allowance::Send),
            (Some("gone"), MessageKind::Unprompted, Allowance::Send),
        ] {
            account.plan.hours = hours.map(str::to_owned);
            let directory =
                Directory::new(1, vec![account.clone()], vec![], vec![number()], vec![]);
            let world = World {
                directory: Arc::new(directory),
                ..World::default()
            };
            let mut due = due(true, None);
            due.message.kind = kind;
            check(&world, &due, expected);
        }
    }

    #[test]
    fn nothing_goes_by_e_mail_where_no_mail_server_is() {
        let mut world = world();
        let mut due = due(true, Some("pat@example.org"));
        due.consent = Some(Verdict::Out);
        check(&world, &due, Allowance::Email(Reason::OptedOut));
        world.email = false;
        check(&world, &due, Allowance::Refuse(Reason::OptedOut));
    }

    #[test]
    fn a_phone_that_its_owner_does_not_text_with_is_not_texted() {
        let (world, email) = (world(), Some("pat@example.org"));
        check(&world, &due(true, email), Allowance::Send);
        check(
            &world,
            &due(false, None),
            Allowance::Refuse(Reason::NotTextable),
        );
        check(
            &world,
            &due(false, email),
            Allowance::Email(Reason::NotTextable),
        );
        let mut confirmed = due(false, email);
        confirmed.message.kind = MessageKind::Compliance;
        check(&world, &confirmed, Allowance::Send);
    }
}
