//! The organisation's rows: the columns of each table, and the model's values made of them and into them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::account::{
    Account, AccountNumber, ColumnType, Keyword, Matching, Number, OptOutBy, Plan, Program, Route,
    SubKeyword,
};
use crate::model::organisation::AccountRow;
use crate::model::people::{Caseload, Device, Group, Member, Permission, Role, User};
use crate::model::{AccountId, CostCentreId, GroupId, NumberId, ProgramId, RoleId, UserId};

pub(super) const COST_CENTRE: &str = "id id(cost), key text, name text";
pub(super) const USER: &str =
    "id id(user), key text, name text, email text, devices json, active bool, admin bool";
pub(super) const ACCOUNT: &str = "id id(acct), key text, name text, zone text, language text, \
    cost_centre_id=cost_centre id(cost), columns json, plan json";
pub(super) const PROGRAM: &str = "id id(prog), account_id=account id(acct), key text, name text, number_id=number id(num), caseloads json";
pub(super) const GROUP: &str =
    "id id(grp), account_id=account id(acct), key text, name text, members json";
pub(super) const ROLE: &str =
    "id id(role), account_id=account id(acct), key text, name text, permissions json";
pub(super) const MEMBER: &str = "account_id=account id(acct), user_id=user id(user), roles json";
pub(super) const CALENDAR: &str = "account_id=account id(acct), key text, source json";
pub(super) const NUMBER: &str = "id id(num), address text, connection text, sms bool, mms bool, voice bool, opt_out text, \
    manage_unmatched_id=manage_unmatched id(acct), calls_id=calls id(acct), active bool, open_conversations bool, rate json";
pub(super) const ACCOUNT_NUMBER: &str = "account_id=account id(acct), number_id=number id(num), call_flow text, text_flow text, route json";
pub(super) const KEYWORD: &str = "account_id=account id(acct), number_id=number id(num), first text, word text, folded json, \
    matching text, program_id=program id(prog), flow text, sub json";
pub(super) const KEYWORD_WORD: &str =
    "number_id=number id(num), folded text, account_id=account id(acct), first text";

#[derive(Serialize, Deserialize)]
pub(super) struct CostCentreRow {
    pub(super) id: CostCentreId,
    pub(super) key: String,
    pub(super) name: String,
}

#[derive(Serialize, Deserialize)]
pub(super) struct UserRow {
    pub(super) id: UserId,
    pub(super) key: String,
    pub(super) name: String,
    pub(super) email: Option<String>,
    pub(super) devices: Vec<Device>,
    pub(super) active: bool,
    pub(super) admin: bool,
}

#[derive(Serialize, Deserialize)]
pub(super) struct AccountOf {
    pub(super) id: AccountId,
    pub(super) key: String,
    pub(super) name: String,
    pub(super) zone: String,
    pub(super) language: String,
    pub(super) cost_centre: CostCentreId,
    pub(super) columns: BTreeMap<String, ColumnType>,
    pub(super) plan: Plan,
}

#[derive(Serialize, Deserialize)]
pub(super) struct ProgramRow {
    pub(super) id: ProgramId,
    pub(super) account: AccountId,
    pub(super) key: String,
    pub(super) name: String,
    pub(super) number: Option<NumberId>,
    pub(super) caseloads: Vec<Caseload>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct GroupRow {
    pub(super) id: GroupId,
    pub(super) account: AccountId,
    pub(super) key: String,
    pub(super) name: String,
    pub(super) members: Vec<UserId>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct RoleRow {
    pub(super) id: RoleId,
    pub(super) account: AccountId,
    pub(super) key: String,
    pub(super) name: String,
    pub(super) permissions: Vec<Permission>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct MemberRow {
    pub(super) account: AccountId,
    pub(super) user: UserId,
    pub(super) roles: Vec<RoleId>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct CalendarRow {
    pub(super) account: AccountId,
    pub(super) key: String,
    pub(super) source: serde_json::Value,
}

#[derive(Serialize, Deserialize)]
pub(super) struct NumberRow {
    pub(super) id: NumberId,
    pub(super) address: String,
    pub(super) connection: String,
    pub(super) sms: bool,
    pub(super) mms: bool,
    pub(super) voice: bool,
    pub(super) opt_out: Option<OptOutBy>,
    pub(super) manage_unmatched: AccountId,
    pub(super) calls: AccountId,
    pub(super) active: bool,
    pub(super) open_conversations: bool,
    pub(super) rate: Option<f64>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct AccountNumberRow {
    pub(super) account: AccountId,
    pub(super) number: NumberId,
    pub(super) call_flow: Option<String>,
    pub(super) text_flow: Option<String>,
    pub(super) route: Route,
}

#[derive(Serialize, Deserialize)]
pub(super) struct KeywordRow {
    pub(super) account: AccountId,
    pub(super) number: NumberId,
    pub(super) first: String,
    pub(super) word: String,
    pub(super) folded: Vec<String>,
    pub(super) matching: Matching,
    pub(super) program: ProgramId,
    pub(super) flow: Option<String>,
    pub(super) sub: Vec<SubRow>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct SubRow {
    pub(super) word: String,
    pub(super) folded: Vec<String>,
    pub(super) flow: Option<String>,
    pub(super) program: Option<ProgramId>,
}

pub(super) fn account(row: AccountOf) -> Account {
    Account {
        id: row.id,
        key: row.key,
        name: row.name,
        zone: row.zone,
        language: row.language,
        cost_centre: row.cost_centre,
        columns: row.columns,
        plan: row.plan,
        groups: Vec::new(),
        programs: Vec::new(),
        calendars: BTreeMap::new(),
        numbers: Vec::new(),
        members: Vec::new(),
        roles: Vec::new(),
    }
}

macro_rules! same_fields {
    ($($from:ty => $to:ident { $($field:ident),* };)*) => { $(
        impl From<$from> for $to {
            fn from(row: $from) -> Self {
                Self { $($field: row.$field),* }
            }
        }
    )* };
}
same_fields! {
    UserRow => User { id, key, name, email, devices, active, admin };
    User => UserRow { id, key, name, email, devices, active, admin };
    AccountRow => AccountOf { id, key, name, zone, language, cost_centre, columns, plan };
    NumberRow => Number { id, address, connection, sms, mms, voice, opt_out, manage_unmatched, calls, active, open_conversations, rate };
    Number => NumberRow { id, address, connection, sms, mms, voice, opt_out, manage_unmatched, calls, active, open_conversations, rate };
    ProgramRow => Program { id, key, name, number, caseloads };
    GroupRow => Group { id, key, name, members };
    RoleRow => Role { id, key, name, permissions };
    MemberRow => Member { user, roles };
    AccountNumberRow => AccountNumber { number, call_flow, text_flow, route };
    SubRow => SubKeyword { word, folded, flow, program };
    SubKeyword => SubRow { word, folded, flow, program };
}

impl From<KeywordRow> for Keyword {
    fn from(row: KeywordRow) -> Self {
        Self {
            number: row.number,
            account: row.account,
            word: row.word,
            folded: row.folded,
            matching: row.matching,
            program: row.program,
            flow: row.flow,
            sub: row.sub.into_iter().map(SubKeyword::from).collect(),
        }
    }
}

impl From<Keyword> for KeywordRow {
    fn from(row: Keyword) -> Self {
        Self {
            account: row.account,
            number: row.number,
            first: row.folded.first().cloned().unwrap_or_default(),
            word: row.word,
            folded: row.folded,
            matching: row.matching,
            program: row.program,
            flow: row.flow,
            sub: row.sub.into_iter().map(SubRow::from).collect(),
        }
    }
}
