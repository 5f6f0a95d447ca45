//! What the templates show: plain values made of rows and the organisation, with nothing left to decide.

use std::collections::HashMap;

use super::words::{self, Clock, Stamp};
use crate::api::auth::{Place, SignedIn};
use crate::model::account::{Account, Route};
use crate::model::calendar::Calendar;
use crate::model::consent::{Consent, ConsentScope};
use crate::model::conversation::{
    Conversation, ConversationState, ThreadEvent, ThreadEventKind, VoicemailState,
};
use crate::model::directory::Directory;
use crate::model::people::Contact;
use crate::model::{Message, MessageKind, MessageStatus, Timestamp, UserId};
use crate::store::{
    BoxCount, ConversationRow, FilterState, ScopeConsent, ThreadItem, VoicemailRow,
};

mod shown;

pub(crate) use shown::*;

/// Who looks, where and when; what every view is made with.
pub(crate) struct Eyes<'a> {
    pub(crate) directory: &'a Directory,
    pub(crate) account: &'a Account,
    pub(crate) user: UserId,
    pub(crate) place: &'a Place,
    pub(crate) clock: Clock,
}

/// Calendars whose hours are told beside the list.
const CALENDARS_MAX: usize = 6;

impl Eyes<'_> {
    /// Whether the account's calendars are open now, and else until when they are not.
    pub(crate) fn hours(&self, now: Timestamp) -> Vec<(String, String)> {
        let calendars = self.account.calendars.iter().take(CALENDARS_MAX);
        let told = |(key, calendar): (&String, &Calendar)| {
            (key.clone(), words::hours(calendar, now, &self.clock))
        };
        calendars.map(told).collect()
    }

    /// A row of the list.
    pub(crate) fn row(&self, row: &ConversationRow, href: String, current: bool) -> RowView {
        let it = &row.conversation;
        RowView {
            id: it.id.to_string(),
            href,
            name: name_of(row),
            preview: it.preview.clone(),
            at: self.clock.stamp(it.last_at),
            unread: it.unread,
            priority: it.priority,
            flagged: it.flagged,
            current,
            mine: it.responsible() == Route::User(self.user),
            state_word: state_word(it.state),
            responsible: self.route(it.responsible()),
            tags: it.tags.clone(),
        }
    }

    /// What people call a route; the member themselves is `You`.
    pub(crate) fn route(&self, route: Route) -> String {
        match route {
            Route::User(user) if user == self.user => "You".to_owned(),
            _ => self.directory.route_name(self.account.id, route),
        }
    }

    /// The boxes to choose from: the member's own, or all where they may see all.
    pub(crate) fn boxes(&self, chosen: Option<Route>, counts: &[BoxCount]) -> Vec<Choice> {
        let unread: HashMap<Route, u64> =
            counts.iter().map(|one| (one.owner, one.unread)).collect();
        let groups = self
            .account
            .groups
            .iter()
            .map(|group| Route::Group(group.id));
        let others = self
            .account
            .members
            .iter()
            .map(|member| Route::User(member.user));
        let mine = std::iter::once(Route::User(self.user));
        let others = others.filter(|route| *route != Route::User(self.user));
        mine.chain(groups)
            .chain(others)
            .filter(|route| self.place.sight.sees(*route))
            .map(|route| Choice {
                value: box_value(self.directory, self.account, route),
                name: self.route(route),
                current: chosen == Some(route),
                unread: unread.get(&route).copied().unwrap_or(0),
            })
            .collect()
    }

    /// The groups a conversation can be handed to.
    pub(crate) fn groups(&self, now_at: Route) -> Vec<Choice> {
        let routes = self
            .account
            .groups
            .iter()
            .map(|group| Route::Group(group.id));
        self.choices(routes, now_at)
    }

    /// The members a conversation can be handed to.
    pub(crate) fn members(&self, now_at: Route) -> Vec<Choice> {
        let routes = self
            .account
            .members
            .iter()
            .map(|member| Route::User(member.user));
        self.choices(routes, now_at)
    }

    fn choices(&self, routes: impl Iterator<Item = Route>, now_at: Route) -> Vec<Choice> {
        routes
            .filter(|route| self.directory.leads_somewhere(self.account.id, *route))
            .map(|route| Choice {
                value: box_value(self.directory, self.account, route),
                name: self.route(route),
                current: route == now_at,
                unread: 0,
            })
            .collect()
    }

    /// The items of a thread, with the days between them; those after `read_through` are marked.
    pub(crate) fn items(&self, items: &[ThreadItem], read_through: Option<i64>) -> Vec<ItemView> {
        let mut shown = Vec::with_capacity(items.len() + 8);
        let mut day = String::new();
        for item in items {
            let at = self.clock.stamp(item.at());
            if at.day_key != day {
                day.clone_from(&at.day_key);
                shown.push(ItemView::Day {
                    id: day.clone(),
                    words: at.day.clone(),
                });
            }
            let fresh = read_through.is_some_and(|read| item.at().micros() > read);
            shown.push(match item {
                ThreadItem::Text(message, files) => {
                    ItemView::Bubble(self.bubble(message, files, at, fresh))
                }
                ThreadItem::Event(event) => ItemView::Line(self.line(event, at, fresh)),
            });
        }
        shown
    }

    fn bubble(&self, message: &Message, files: &[u16], at: Stamp, fresh: bool) -> BubbleView {
        use MessageStatus::{Expired, Failed, Refused, Undelivered};
        let ours = message.kind != MessageKind::Inbound;
        let author = match (ours, message.author) {
            (false, _) => "They wrote".to_owned(),
            (true, Some(user)) if user == self.user => "You".to_owned(),
            (true, user) => {
                words::who(self.directory, user).unwrap_or_else(|| "Automatic".to_owned())
            }
        };
        BubbleView {
            id: message.id.to_string(),
            ours,
            author,
            text: message.text.clone(),
            at,
            way: words::way(message, &self.clock),
            lost: matches!(message.status, Refused | Failed | Undelivered | Expired),
            fresh: fresh && !ours,
            files: self.files(message, files),
        }
    }

    fn files(&self, message: &Message, here: &[u16]) -> Vec<FileView> {
        let file = |(index, media): (u16, &crate::model::MediaRef)| FileView {
            href: match here.contains(&index) {
                true => format!(
                    "/inbox/{}/files/{}/{index}",
                    message.conversation, message.id
                ),
                false => String::new(),
            },
            picture: here.contains(&index) && super::files::is_picture(&media.content_type),
            name: match here.contains(&index) {
                true => media.content_type.clone(),
                false => format!("{}, not here yet", media.content_type),
            },
        };
        (0..).zip(&message.media).map(file).collect()
    }

    fn line(&self, event: &ThreadEvent, at: Stamp, fresh: bool) -> LineView {
        let (said_of_it, said) = words::event(self.directory, self.account, event.by, &event.kind);
        let href = match &event.kind {
            ThreadEventKind::VoicemailLeft { voicemail } => {
                Some(format!("/voicemails?at={voicemail}#{voicemail}"))
            }
            ThreadEventKind::CallRecorded { blob: Some(_), .. } => Some(format!(
                "/inbox/{}/recordings/{}",
                event.conversation, event.id
            )),
            _ => None,
        };
        LineView {
            id: event.id.to_string(),
            at,
            words: said_of_it,
            said,
            href,
            fresh: fresh && event.by != Some(self.user),
        }
    }

    /// The person of a conversation.
    pub(crate) fn person(
        &self,
        row: &ConversationRow,
        contact: Option<&Contact>,
        consents: &[ScopeConsent],
    ) -> PersonView {
        let name = name_of(row);
        let it = &row.conversation;
        PersonView {
            initials: words::initials(&name),
            hint: hint(it, contact),
            phones: phones(it, contact),
            email: contact.and_then(|contact| contact.email.clone()),
            consents: consents
                .iter()
                .map(|(scope, said)| self.consent(*scope, *said))
                .collect(),
            columns: self.columns(contact),
            name,
        }
    }

    fn consent(&self, scope: ConsentScope, said: Option<(Consent, Timestamp)>) -> ConsentView {
        let scope = match scope {
            ConsentScope::Number(id) => {
                let number = self.directory.number(id);
                number.map_or("This number".to_owned(), |number| {
                    words::number(&number.address)
                })
            }
            ConsentScope::Program(id) => {
                let program = self.account.program_by_id(id);
                program.map_or("This program".to_owned(), |program| {
                    format!("Program {}", program.name)
                })
            }
            ConsentScope::Account(_) => self.account.name.clone(),
            ConsentScope::Organisation => "Everywhere".to_owned(),
        };
        let (words, tone) = match said {
            Some((Consent::In, _)) => ("Opted in", "good"),
            Some((Consent::Out, _)) => ("Opted out", "bad"),
            None => ("Nothing said", ""),
        };
        let since = said.map(|(_, at)| format!("Since {}", self.clock.stamp(at).long));
        ConsentView {
            scope,
            words,
            tone,
            since: since.unwrap_or_default(),
        }
    }

    fn columns(&self, contact: Option<&Contact>) -> Vec<ColumnView> {
        let Some(contact) = contact else {
            return Vec::new();
        };
        let known = self.account.columns.keys();
        known
            .filter_map(|key| {
                Some(ColumnView {
                    name: key.replace('_', " "),
                    value: value_words(contact.columns.get(key)?),
                })
            })
            .collect()
    }

    /// A voicemail of the list.
    pub(crate) fn voicemail(&self, row: &VoicemailRow) -> VoicemailView {
        let it = &row.voicemail;
        let missed = it.recording.is_none() && it.state == VoicemailState::Absent;
        VoicemailView {
            id: it.id.to_string(),
            name: row
                .contact_name
                .clone()
                .unwrap_or_else(|| words::party(&it.party)),
            at: self.clock.stamp(it.created_at),
            length: words::length(it.duration_s),
            owner: self.route(it.owner),
            heard: it.heard,
            missed,
            playable: it.state == VoicemailState::Ready,
            waiting: match it.state {
                VoicemailState::Ready => None,
                VoicemailState::Awaited => Some("The carrier is still making the recording."),
                VoicemailState::Fetching => Some("The recording is being fetched."),
                VoicemailState::Absent if missed => None,
                VoicemailState::Absent => Some("The carrier has no recording of this voicemail."),
            },
            transcript: it.transcript.clone(),
            thread: it.conversation.map(|id| format!("/inbox/{id}")),
        }
    }
}

/// The name in lists: the contact's, else the number.
pub(crate) fn name_of(row: &ConversationRow) -> String {
    let named = row
        .contact_name
        .as_deref()
        .filter(|name| !name.trim().is_empty());
    named.map_or_else(|| words::party(&row.conversation.party), str::to_owned)
}

/// The word of a route in addresses and forms: `group:billing`, `user:ana`.
pub(crate) fn box_value(directory: &Directory, account: &Account, route: Route) -> String {
    match route {
        Route::Group(id) => match account.group_by_id(id) {
            Some(group) => format!("group:{}", group.key),
            None => String::new(),
        },
        Route::User(id) => match directory.user(id) {
            Some(user) => format!("user:{}", user.key),
            None => String::new(),
        },
    }
}

/// The route of such a word, among the account's groups and members.
pub(crate) fn box_of(directory: &Directory, account: &Account, value: &str) -> Option<Route> {
    match value.split_once(':')? {
        ("group", key) => account.group(key).map(|group| Route::Group(group.id)),
        ("user", key) => {
            let user = directory.user_by_key(key)?;
            let belongs = user.admin || account.member(user.id).is_some();
            belongs.then_some(Route::User(user.id))
        }
        _ => None,
    }
}

/// The frame of a member's page.
pub(crate) fn frame(
    who: &SignedIn,
    page: &'static str,
    away: bool,
    unread: u64,
    unheard: u64,
) -> Frame {
    let current = who.place.scope.account();
    let view = |account: &Account| AccountView {
        key: account.key.clone(),
        name: account.name.clone(),
        current: account.id == current,
    };
    let accounts = who
        .accounts
        .iter()
        .filter_map(|id| who.directory.account(*id));
    let account = who.account();
    Frame {
        page,
        account: current.to_string(),
        account_name: account.map_or_else(String::new, |account| account.name.clone()),
        accounts: accounts.map(view).collect(),
        name: who.user.name.clone(),
        initials: words::initials(&who.user.name),
        admin: who.user.admin,
        away,
        unread,
        unheard,
    }
}

/// The filter of a tab's word; `open` for anything else.
pub(crate) fn filter_state(word: &str) -> (FilterState, &'static str) {
    match word {
        "mine" => (FilterState::Mine, "mine"),
        "automated" => (FilterState::Automated, "automated"),
        "closed" => (FilterState::Closed, "closed"),
        _ => (FilterState::Open, "open"),
    }
}

fn state_word(state: ConversationState) -> Option<&'static str> {
    match state {
        ConversationState::Open => None,
        ConversationState::Automated => Some("Automated"),
        ConversationState::Closed => Some("Closed"),
    }
}

fn hint(it: &Conversation, contact: Option<&Contact>) -> Option<&'static str> {
    match contact {
        None if it.contact.is_none() => Some("Nobody we know yet"),
        Some(contact) if contact.source == "inbound" => Some("Wrote or called by themselves"),
        _ => None,
    }
}

fn phones(it: &Conversation, contact: Option<&Contact>) -> Vec<PhoneView> {
    let mut phones: Vec<PhoneView> = contact
        .map_or(&[][..], |contact| &contact.phones)
        .iter()
        .map(|phone| PhoneView {
            number: words::party(&phone.phone),
            kind: match phone.textable {
                true => phone.kind.clone(),
                false => format!("{}, no texts", phone.kind),
            },
        })
        .collect();
    if phones.is_empty() {
        phones.push(PhoneView {
            number: words::party(&it.party),
            kind: "this thread".to_owned(),
        });
    }
    phones
}

fn value_words(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Bool(true) => "yes".to_owned(),
        serde_json::Value::Bool(false) => "no".to_owned(),
        serde_json::Value::Null => String::new(),
        other => other.to_string(),
    }
}
