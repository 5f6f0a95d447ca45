//! What differs between the organisation as it is and as it shall be, in the order in which it can be saved.

mod hours;

use self::hours::calendar_words;
use super::Existing;
use super::draft::Rows;
use crate::model::account::{
    Account, AccountNumber, Beyond, ColumnType, Keyword, Matching, Number, OptOutBy, PlanUnit,
    Program, Route,
};
use crate::model::organisation::{AccountRow, CostCentre, OrgChange, OrgRow};
use crate::model::people::{Caseload, Contact, Group, Member, Permission, Role, User};
use crate::model::{AccountId, NumberId, Party, ProgramId, UserId};

/// The fields of a row in words for people.
type Fields = Vec<(&'static str, String)>;

/// Every row that differs.
pub(super) fn changes(existing: &Existing<'_>, rows: &Rows) -> Vec<OrgChange> {
    let mut diff = Diff {
        existing,
        rows,
        list: Vec::new(),
    };
    rows.cost_centres
        .iter()
        .for_each(|row| diff.cost_centre(row));
    rows.users.iter().for_each(|user| diff.user(user));
    rows.accounts
        .iter()
        .for_each(|account| diff.account(account));
    rows.numbers.iter().for_each(|number| diff.number(number));
    rows.accounts.iter().for_each(|account| diff.parts(account));
    rows.keywords
        .iter()
        .for_each(|keyword| diff.keyword(keyword));
    rows.contacts
        .iter()
        .for_each(|contact| diff.contact(contact));
    diff.list
}

struct Diff<'a> {
    existing: &'a Existing<'a>,
    rows: &'a Rows,
    list: Vec<OrgChange>,
}

impl Diff<'_> {
    /// Notes a row; `old` are the fields of the row that is there.
    fn note(&mut self, what: OrgRow, subject: String, old: Option<Fields>, new: Fields) {
        let differs = |(name, value): &&(&'static str, String)| {
            let earlier = old.iter().flatten().find(|(other, _)| other == name);
            earlier.is_none_or(|(_, earlier)| earlier != value)
        };
        let changed: Vec<_> = new.iter().filter(differs).collect();
        let before = old.as_ref().map(|old| {
            let names = changed.iter().map(|(name, _)| *name);
            let fields = names.filter_map(|name| old.iter().find(|(other, _)| *other == name));
            join(fields)
        });
        let said = changed.iter().copied();
        let after = match &before {
            Some(_) => join(said),
            None => join(said.filter(|(_, value)| value != NOTHING)),
        };
        self.list.push(OrgChange {
            what,
            subject,
            before,
            after,
        });
    }

    fn cost_centre(&mut self, row: &CostCentre) {
        let old = self
            .existing
            .cost_centres
            .iter()
            .find(|old| old.id == row.id);
        if old == Some(row) {
            return;
        }
        let fields = |row: &CostCentre| vec![("name", row.name.clone())];
        let subject = format!("cost centre {}", row.key);
        self.note(
            OrgRow::CostCentre(row.clone()),
            subject,
            old.map(fields),
            fields(row),
        );
    }

    fn user(&mut self, user: &User) {
        let old = self.existing.directory.user(user.id);
        if old == Some(user) {
            return;
        }
        let subject = format!("user {}", user.key);
        self.note(
            OrgRow::User(user.clone()),
            subject,
            old.map(user_fields),
            user_fields(user),
        );
    }

    fn account(&mut self, account: &Account) {
        let row = account_row(account);
        let old = self.existing.directory.account(account.id).map(account_row);
        if old.as_ref() == Some(&row) {
            return;
        }
        let (before, after) = (
            old.map(|old| self.account_fields(&old)),
            self.account_fields(&row),
        );
        let subject = format!("account {}", account.key);
        self.note(OrgRow::Account(row), subject, before, after);
    }

    fn account_fields(&self, row: &AccountRow) -> Fields {
        let centres = self.rows.cost_centres.iter();
        let centre = centres.clone().find(|centre| centre.id == row.cost_centre);
        let column = |(key, kind): (&String, &ColumnType)| format!("{key} {}", column_word(*kind));
        let limit = row.plan.monthly.map_or("no limit".to_owned(), |monthly| {
            let unit = match row.plan.unit {
                PlanUnit::Messages => "messages",
                PlanUnit::Segments => "segments",
            };
            format!("{monthly} {unit} a month")
        });
        let beyond = match row.plan.beyond {
            Beyond::Email => "by e-mail",
            Beyond::Hold => "held",
            Beyond::Refuse => "refused",
        };
        vec![
            ("name", row.name.clone()),
            ("zone", row.zone.clone()),
            ("language", row.language.clone()),
            (
                "cost centre",
                centre.map_or(NOTHING.to_owned(), |centre| centre.key.clone()),
            ),
            ("columns", list(row.columns.iter().map(column))),
            (
                "plan",
                format!("{limit}, {}/s, beyond it {beyond}", row.plan.rate),
            ),
            (
                "sending hours",
                row.plan.hours.clone().unwrap_or_else(|| "any".to_owned()),
            ),
        ]
    }

    fn number(&mut self, number: &Number) {
        let old = self.existing.directory.number(number.id);
        if old == Some(number) {
            return;
        }
        let (before, after) = (
            old.map(|old| self.number_fields(old)),
            self.number_fields(number),
        );
        let subject = format!("number {}", number.address);
        self.note(OrgRow::Number(number.clone()), subject, before, after);
    }

    fn number_fields(&self, number: &Number) -> Fields {
        let can = [
            ("sms", number.sms),
            ("mms", number.mms),
            ("voice", number.voice),
        ];
        let can = can
            .into_iter()
            .filter(|(_, can)| *can)
            .map(|(word, _)| word.to_owned());
        let opt_out = match number.opt_out {
            None => "as the connection says",
            Some(OptOutBy::Us) => "us",
            Some(OptOutBy::Carrier) => "carrier",
        };
        let word = |flag, yes: &str, no: &str| if flag { yes.to_owned() } else { no.to_owned() };
        vec![
            ("connection", number.connection.clone()),
            ("can", list(can)),
            ("opt_out", opt_out.to_owned()),
            (
                "manage_unmatched",
                self.account_key(number.manage_unmatched),
            ),
            ("calls", self.account_key(number.calls)),
            ("state", word(number.active, "active", "placeholder")),
            (
                "open_conversations",
                word(number.open_conversations, "follow", "ignore"),
            ),
            (
                "rate",
                number.rate.map_or_else(
                    || "as the connection's".to_owned(),
                    |rate| format!("{rate}/s"),
                ),
            ),
        ]
    }

    /// The parts of an account that are rows of their own.
    fn parts(&mut self, account: &Account) {
        let old = self.existing.directory.account(account.id);
        self.roles(account, old);
        for member in &account.members {
            let before = old.and_then(|old| old.member(member.user));
            let key = self.user_key(member.user);
            let fields = |member: &Member| vec![("roles", role_keys(account, member))];
            self.part(
                account,
                before,
                member,
                "member",
                &key,
                OrgRow::Member,
                fields,
            );
        }
        self.groups(account, old);
        self.calendars(account);
        self.uses(account, old);
        let rows = self.rows;
        let address = |id| address(rows, id);
        for program in &account.programs {
            let before = old.and_then(|old| old.program_by_id(program.id));
            let fields = |program: &Program| {
                let number = program.number.map_or(NOTHING.to_owned(), address);
                vec![
                    ("name", program.name.clone()),
                    ("number", number),
                    ("caseloads", list(program.caseloads.iter().map(caseload))),
                ]
            };
            self.part(
                account,
                before,
                program,
                "program",
                &program.key,
                OrgRow::Program,
                fields,
            );
        }
    }

    fn roles(&mut self, account: &Account, old: Option<&Account>) {
        for role in &account.roles {
            let before = old.and_then(|old| old.roles.iter().find(|old| old.id == role.id));
            self.part(
                account,
                before,
                role,
                "role",
                &role.key,
                OrgRow::Role,
                role_fields,
            );
        }
    }

    fn groups(&mut self, account: &Account, old: Option<&Account>) {
        let (existing, rows) = (self.existing, self.rows);
        let key = |id: &UserId| user_key(existing, rows, *id);
        for group in &account.groups {
            let before = old.and_then(|old| old.group_by_id(group.id));
            let fields = |group: &Group| {
                vec![
                    ("name", group.name.clone()),
                    ("members", list(group.members.iter().map(key))),
                ]
            };
            self.part(
                account,
                before,
                group,
                "group",
                &group.key,
                OrgRow::Group,
                fields,
            );
        }
    }

    /// The numbers that an account uses, and how.
    fn uses(&mut self, account: &Account, old: Option<&Account>) {
        let (existing, rows) = (self.existing, self.rows);
        let key = |id: &UserId| user_key(existing, rows, *id);
        for used in &account.numbers {
            let before = old.and_then(|old| old.number(used.number));
            let (name, fields) = (address(rows, used.number), |used: &AccountNumber| {
                use_fields(account, used, &key)
            });
            self.part(
                account,
                before,
                used,
                "use of",
                &name,
                OrgRow::AccountNumber,
                fields,
            );
        }
    }

    /// One part of an account.
    #[expect(
        clippy::too_many_arguments,
        reason = "one line for each kind of part in place of six functions"
    )]
    fn part<T: Clone + PartialEq>(
        &mut self,
        account: &Account,
        old: Option<&T>,
        new: &T,
        kind: &str,
        name: &str,
        row: fn(AccountId, T) -> OrgRow,
        fields: impl Fn(&T) -> Fields,
    ) {
        if old == Some(new) {
            return;
        }
        let subject = format!("{kind} {}/{name}", account.key);
        self.note(
            row(account.id, new.clone()),
            subject,
            old.map(&fields),
            fields(new),
        );
    }

    fn calendars(&mut self, account: &Account) {
        let old = self.existing.directory.account(account.id);
        let of_account = self
            .rows
            .calendars
            .iter()
            .filter(|(id, _, _)| *id == account.id);
        for (_, key, spec) in of_account {
            let earlier = old.and_then(|old| old.calendars.get(key));
            if earlier.is_some() && earlier == account.calendars.get(key) {
                continue;
            }
            let before = earlier.map(|_| "other hours or holidays".to_owned());
            self.list.push(OrgChange {
                what: OrgRow::Calendar {
                    account: account.id,
                    key: key.clone(),
                    source: serde_json::to_value(spec).unwrap_or_default(),
                },
                subject: format!("calendar {}/{key}", account.key),
                before,
                after: calendar_words(spec),
            });
        }
    }

    fn keyword(&mut self, keyword: &Keyword) {
        let known = self.existing.directory.keywords(keyword.number).iter();
        let old = known.clone().find(|old| {
            old.account == keyword.account && old.folded.first() == keyword.folded.first()
        });
        if old == Some(keyword) {
            return;
        }
        let address = self
            .rows
            .number(keyword.number)
            .map_or(NOTHING, |number| &number.address);
        let account = self.account_key(keyword.account);
        let subject = format!("keyword {account}/{} on {address}", keyword.word);
        let before = old.map(|old| self.keyword_fields(old));
        let after = self.keyword_fields(keyword);
        self.note(OrgRow::Keyword(keyword.clone()), subject, before, after);
    }

    fn keyword_fields(&self, keyword: &Keyword) -> Fields {
        let program = |id: ProgramId| {
            let account = self.rows.account(keyword.account);
            let program = account.and_then(|account| account.program_by_id(id));
            program.map_or(NOTHING.to_owned(), |program| program.key.clone())
        };
        let flow = |flow: &Option<String>| flow.clone().unwrap_or_else(|| NOTHING.to_owned());
        let sub = keyword.sub.iter().map(|sub| {
            let words = sub.folded.join(" or ");
            let program = sub.program.map(|id| format!(" in {}", program(id)));
            format!(
                "{words} → {}{}",
                flow(&sub.flow),
                program.unwrap_or_default()
            )
        });
        let matching = match keyword.matching {
            Matching::FirstWord => "first_word",
            Matching::Whole => "whole",
            Matching::Phrase => "phrase",
        };
        vec![
            ("word", keyword.word.clone()),
            ("aliases", list(keyword.folded.iter().skip(1).cloned())),
            ("match", matching.to_owned()),
            ("program", program(keyword.program)),
            ("flow", flow(&keyword.flow)),
            ("sub", list(sub)),
        ]
    }

    fn contact(&mut self, contact: &Contact) {
        let old = self
            .existing
            .contacts
            .iter()
            .find(|old| old.id == contact.id);
        if old == Some(contact) {
            return;
        }
        let name = contact.name.as_deref().unwrap_or("without a name");
        let subject = format!("contact {}/{name}", self.account_key(contact.account));
        let what = OrgRow::Contact(contact.clone());
        self.note(
            what,
            subject,
            old.map(contact_fields),
            contact_fields(contact),
        );
    }

    fn account_key(&self, id: AccountId) -> String {
        let account = self.rows.account(id);
        account.map_or(NOTHING.to_owned(), |account| account.key.clone())
    }

    fn user_key(&self, id: UserId) -> String {
        user_key(self.existing, self.rows, id)
    }
}

/// How an absent value is shown.
const NOTHING: &str = "none";

fn join<'f>(fields: impl Iterator<Item = &'f (&'static str, String)>) -> String {
    let shown: Vec<String> = fields
        .map(|(name, value)| format!("{name} {value}"))
        .collect();
    shown.join("; ")
}

fn list(items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    if items.is_empty() {
        NOTHING.to_owned()
    } else {
        items.join(", ")
    }
}

fn address(rows: &Rows, id: NumberId) -> String {
    let number = rows.number(id);
    number.map_or(NOTHING.to_owned(), |number| number.address.clone())
}

fn user_key(existing: &Existing<'_>, rows: &Rows, id: UserId) -> String {
    let user = rows.user(id).or_else(|| existing.directory.user(id));
    user.map_or(NOTHING.to_owned(), |user| user.key.clone())
}

fn account_row(account: &Account) -> AccountRow {
    AccountRow {
        id: account.id,
        key: account.key.clone(),
        name: account.name.clone(),
        zone: account.zone.clone(),
        language: account.language.clone(),
        cost_centre: account.cost_centre,
        columns: account.columns.clone(),
        plan: account.plan.clone(),
    }
}

fn user_fields(user: &User) -> Fields {
    let device = |device: &crate::model::people::Device| match &device.name {
        Some(name) => format!("{} ({name})", device.phone),
        None => device.phone.to_string(),
    };
    vec![
        ("name", user.name.clone()),
        (
            "email",
            user.email.clone().unwrap_or_else(|| NOTHING.to_owned()),
        ),
        ("devices", list(user.devices.iter().map(device))),
        ("active", user.active.to_string()),
        ("admin", user.admin.to_string()),
    ]
}

fn role_fields(role: &Role) -> Fields {
    let word = |permission: &Permission| match permission {
        Permission::MayStartTexts => "may_start_texts".to_owned(),
        Permission::SeesAllBoxes => "sees_all_boxes".to_owned(),
        Permission::ManagesAccount => "manages_account".to_owned(),
    };
    let permissions = list(role.permissions.iter().map(word));
    vec![("name", role.name.clone()), ("permissions", permissions)]
}

fn role_keys(account: &Account, member: &Member) -> String {
    let roles = account
        .roles
        .iter()
        .filter(|role| member.roles.contains(&role.id));
    list(roles.map(|role| role.key.clone()))
}

fn use_fields(account: &Account, used: &AccountNumber, key: &dyn Fn(&UserId) -> String) -> Fields {
    let route = match used.route {
        Route::User(id) => format!("user {}", key(&id)),
        Route::Group(id) => {
            let group = account.group_by_id(id).map_or(NOTHING, |group| &group.key);
            format!("group {group}")
        }
    };
    let flow = |flow: &Option<String>| flow.clone().unwrap_or_else(|| NOTHING.to_owned());
    vec![
        ("call_flow", flow(&used.call_flow)),
        ("text_flow", flow(&used.text_flow)),
        ("route", route),
    ]
}

/// Phones are masked: the audit keeps these words.
fn contact_fields(contact: &Contact) -> Fields {
    let phone = |phone: &crate::model::people::ContactPhone| {
        let number = match &phone.phone {
            Party::Phone(phone) => phone.masked(),
            _ => "other".to_owned(),
        };
        let textable = if phone.textable { "" } else { ", not texted" };
        format!("{number} ({}{textable})", phone.kind)
    };
    let column = |(key, value): (&String, &serde_json::Value)| format!("{key} {value}");
    let none = || NOTHING.to_owned();
    vec![
        ("name", contact.name.clone().unwrap_or_else(none)),
        ("phones", list(contact.phones.iter().map(phone))),
        ("email", contact.email.clone().unwrap_or_else(none)),
        ("language", contact.language.clone().unwrap_or_else(none)),
        ("columns", list(contact.columns.iter().map(column))),
        ("tags", list(contact.tags.iter().cloned())),
        ("caseloads", list(contact.caseloads.iter().cloned())),
    ]
}

fn caseload(caseload: &Caseload) -> String {
    match caseload.name == caseload.key {
        true => caseload.key.clone(),
        false => format!("{} ({})", caseload.key, caseload.name),
    }
}

fn column_word(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Text => "text",
        ColumnType::Number => "number",
        ColumnType::Date => "date",
        ColumnType::Bool => "bool",
    }
}
