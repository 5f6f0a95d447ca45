//! Accounts: their own fields, people, calendars and programs.

use super::draft::{Draft, plain, set, unique};
use super::file::{
    AccountPart, CalendarPart, FlowName, GroupPart, MemberPart, PlanPart, ProgramPart, RolePart,
};
use super::node::{At, Text};
use crate::model::account::{Account, ColumnType, Plan, Program};
use crate::model::calendar::{Calendar, CalendarError, zone};
use crate::model::people::{Group, Member, Role};
use crate::model::{ProgramId, UserId};

/// Columns of an account.
const COLUMNS_MAX: usize = 10;

impl Draft<'_> {
    pub(super) fn fill_account(&mut self, part: &AccountPart) {
        let key = &part.key.value;
        let Some(place) = self
            .rows
            .accounts
            .iter()
            .position(|account| account.key == *key)
        else {
            return;
        };
        self.check_unique(part);
        self.fill_fields(place, part);
        self.fill_columns(place, &part.columns);
        part.roles
            .iter()
            .for_each(|role| self.fill_role(place, role));
        part.members
            .iter()
            .for_each(|member| self.fill_member(place, member));
        part.groups
            .iter()
            .for_each(|group| self.fill_group(place, group));
        part.calendars
            .iter()
            .for_each(|calendar| self.fill_calendar(place, calendar));
        self.fill_hours(place, part.plan.hours.as_ref());
        part.numbers
            .iter()
            .for_each(|number| self.fill_account_number(place, number));
        part.programs
            .iter()
            .for_each(|program| self.fill_program(place, program));
        self.fill_caseloads(place, part);
        self.settle_main(place);
    }

    fn check_unique(&self, part: &AccountPart) {
        let found = self.found;
        unique(found, "role", part.roles.iter().map(|part| &part.key));
        unique(found, "member", part.members.iter().map(|part| &part.user));
        unique(found, "group", part.groups.iter().map(|part| &part.key));
        unique(found, "program", part.programs.iter().map(|part| &part.key));
        unique(
            found,
            "number",
            part.numbers.iter().map(|part| &part.number),
        );
    }

    fn fill_fields(&mut self, place: usize, part: &AccountPart) {
        let centres = self
            .rows
            .cost_centres
            .iter()
            .map(|row| (row.key.as_str(), row.id));
        let named = part.cost_centre.as_ref();
        let cost_centre = named.and_then(|name| self.find("cost centre", name, centres));
        let account = &mut self.rows.accounts[place];
        set(&mut account.name, plain(&part.name));
        set(&mut account.zone, plain(&part.zone));
        set(&mut account.language, plain(&part.language));
        set(&mut account.cost_centre, cost_centre);
        fill_plan(&mut account.plan, &part.plan);
        // The program that every account has is called like the account until it gets a name of its own.
        let main = account
            .programs
            .iter_mut()
            .find(|program| program.key == "main");
        if let Some(main) = main.filter(|main| main.name == account.key) {
            main.name = account.name.clone();
        }
    }

    fn fill_columns(&mut self, place: usize, columns: &[(Text, Option<ColumnType>)]) {
        let account = &mut self.rows.accounts[place];
        let readable = columns
            .iter()
            .filter_map(|(key, kind)| Some((key, kind.as_ref()?)));
        for (key, kind) in readable {
            let earlier = account.columns.get(&key.value);
            if earlier.is_some_and(|earlier| earlier != kind) {
                let words = format!(
                    "the type of column \"{}\" cannot change; contacts have values in it",
                    key.value
                );
                self.found.wrong(
                    &key.at,
                    words,
                    Some("add a column of another name".to_owned()),
                );
            } else if earlier.is_none() && account.columns.len() == COLUMNS_MAX {
                let words = format!(
                    "\"{}\" is one column too many; an account has at most {COLUMNS_MAX}",
                    key.value
                );
                self.found.wrong(&key.at, words, None);
            } else {
                account.columns.insert(key.value.clone(), *kind);
            }
        }
    }

    fn fill_role(&mut self, place: usize, part: &RolePart) {
        let roles = &mut self.rows.accounts[place].roles;
        let role = match roles.iter().position(|role| role.key == part.key.value) {
            Some(at) => &mut roles[at],
            None => {
                let (key, name) = (part.key.value.clone(), part.key.value.clone());
                let (id, permissions) = (self.ids.fresh(), Vec::new());
                roles.push_mut(Role {
                    id,
                    key,
                    name,
                    permissions,
                })
            }
        };
        set(&mut role.name, plain(&part.name));
        set(&mut role.permissions, part.permissions.clone());
    }

    fn fill_member(&mut self, place: usize, part: &MemberPart) {
        let Some(user) = self.find_user(&part.user) else {
            return;
        };
        let known = &self.rows.accounts[place].roles;
        let known = known.iter().map(|role| (role.key.as_str(), role.id));
        let named = part.roles.as_ref().map(|roles| {
            let found = roles
                .iter()
                .filter_map(|name| self.find("role", name, known.clone()));
            found.collect::<Vec<_>>()
        });
        let members = &mut self.rows.accounts[place].members;
        match members.iter_mut().find(|member| member.user == user) {
            Some(member) => set(&mut member.roles, named),
            None => members.push(Member {
                user,
                roles: named.unwrap_or_default(),
            }),
        }
    }

    fn fill_group(&mut self, place: usize, part: &GroupPart) {
        let named = part.members.as_ref().map(|names| {
            unique(self.found, "member", names.iter());
            names
                .iter()
                .filter_map(|name| self.find_member(place, name))
                .collect::<Vec<_>>()
        });
        let groups = &mut self.rows.accounts[place].groups;
        let group = match groups.iter().position(|group| group.key == part.key.value) {
            Some(at) => &mut groups[at],
            None => {
                let (key, name) = (part.key.value.clone(), part.key.value.clone());
                let (id, members) = (self.ids.fresh(), Vec::new());
                groups.push_mut(Group {
                    id,
                    key,
                    name,
                    members,
                })
            }
        };
        set(&mut group.name, plain(&part.name));
        set(&mut group.members, named);
        self.groups.push((group.id, part.key.at.clone()));
        if part
            .members
            .as_ref()
            .is_some_and(|names| names.len() > group.members.len())
        {
            self.tainted.push(group.id);
        }
    }

    /// A user who is a member of the account.
    pub(super) fn find_member(&self, place: usize, name: &Text) -> Option<UserId> {
        let user = self.find_user(name)?;
        let account = &self.rows.accounts[place];
        if account.member(user).is_none() {
            let words = format!(
                "\"{}\" is not a member of account \"{}\"",
                name.value, account.key
            );
            let help = format!(
                "add {{ user: {}, roles: [staff] }} to the account's members",
                name.value
            );
            self.found.wrong(&name.at, words, Some(help));
            return None;
        }
        Some(user)
    }

    fn fill_calendar(&mut self, place: usize, part: &CalendarPart) {
        let account = &mut self.rows.accounts[place];
        // A zone that does not exist was told already; any other serves to find the calendar's own mistakes.
        let own = zone(&account.zone).unwrap_or(jiff::tz::TimeZone::UTC);
        match Calendar::new(&part.spec, &own) {
            Ok(calendar) => {
                let key = part.key.value.clone();
                account.calendars.insert(key.clone(), calendar);
                self.rows
                    .calendars
                    .push((account.id, key, part.spec.clone()));
            }
            Err(errors) => {
                for error in &errors {
                    let text = part
                        .texts
                        .iter()
                        .find(|text| text.value == offending(error));
                    let at = text.map_or(&part.key.at, |text| &text.at);
                    self.found.wrong(at, error, None);
                }
            }
        }
    }

    fn fill_hours(&mut self, place: usize, hours: Option<&Text>) {
        let Some(name) = hours else {
            return;
        };
        let hours = (name.value != "none").then(|| name.value.clone());
        if hours.is_some() {
            let known = self.rows.accounts[place].calendars.keys();
            self.find("calendar", name, known.map(|key| (key.as_str(), ())));
        }
        self.rows.accounts[place].plan.hours = hours;
    }

    fn fill_program(&mut self, place: usize, part: &ProgramPart) {
        let number = part.number.as_ref().and_then(|name| {
            let number = self.find_number(name)?;
            self.check_used(place, number, name).then_some(number)
        });
        let programs = &mut self.rows.accounts[place].programs;
        let program = match programs
            .iter()
            .position(|program| program.key == part.key.value)
        {
            Some(at) => &mut programs[at],
            None => {
                let (key, name) = (part.key.value.clone(), part.key.value.clone());
                programs.push_mut(Program {
                    id: self.ids.fresh(),
                    key,
                    name,
                    number: None,
                    caseloads: Vec::new(),
                })
            }
        };
        set(&mut program.name, plain(&part.name));
        if number.is_some() {
            program.number = number;
        }
    }

    /// The program `main` sends from the account's first number unless it says another.
    fn settle_main(&mut self, place: usize) {
        let account = &mut self.rows.accounts[place];
        let first = account.numbers.first().map(|number| number.number);
        let main = account
            .programs
            .iter_mut()
            .find(|program| program.key == "main");
        if let Some(main) = main.filter(|main| main.number.is_none()) {
            main.number = first;
        }
    }

    pub(super) fn find_program(&self, account: &Account, name: &Text) -> Option<ProgramId> {
        let programs = account.programs.iter();
        self.find(
            "program",
            name,
            programs.map(|program| (program.key.as_str(), program.id)),
        )
    }

    /// Judges a flow's name; `call`: whether it must be a flow for calls.
    pub(super) fn check_flow(&self, account: &str, name: &Option<FlowName>, call: bool) {
        let (
            Some(flows),
            Some(At {
                at,
                value: Some(key),
            }),
        ) = (self.existing.flows, name)
        else {
            return;
        };
        let of_account = flows.iter().filter(|flow| flow.account == account);
        let name = At {
            at: at.clone(),
            value: key.clone(),
        };
        let what = if call {
            "flow for calls"
        } else {
            "flow for texts"
        };
        let fitting = of_account.clone().filter(|flow| flow.call == call);
        let known = fitting.map(|flow| (flow.key.as_str(), ()));
        if of_account
            .clone()
            .any(|flow| flow.key == *key && flow.call != call)
        {
            let words = format!("\"{key}\" is no {what}");
            self.found.wrong(at, words, None);
        } else {
            self.find(what, &name, known);
        }
    }
}

fn fill_plan(plan: &mut Plan, part: &PlanPart) {
    set(&mut plan.monthly, part.monthly);
    set(&mut plan.unit, part.unit);
    set(&mut plan.rate, part.rate);
    set(&mut plan.beyond, part.beyond);
}

/// The part of a calendar that a mistake is about, as written.
fn offending(error: &CalendarError) -> &str {
    match error {
        CalendarError::Zone(text)
        | CalendarError::Day(text)
        | CalendarError::Holiday(text)
        | CalendarError::Date(text) => text,
        CalendarError::DayTwice { key, .. } | CalendarError::TooManyRanges(key) => key,
        CalendarError::Range { range, .. } => range,
        // The day and the range: the range is what stands in the file.
        CalendarError::Overlap { second, .. } => second.rsplit(' ').next().unwrap_or(second),
        CalendarError::TooManyHolidays => "holidays",
    }
}
