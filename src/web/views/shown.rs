//! What the templates show, as plain values.

use super::super::words::{Stamp, Way};

/// What stands around every page of a member.
pub(crate) struct Frame {
    pub(crate) page: &'static str,
    pub(crate) account: String,
    pub(crate) account_name: String,
    pub(crate) accounts: Vec<AccountView>,
    pub(crate) name: String,
    pub(crate) initials: String,
    pub(crate) admin: bool,
    pub(crate) away: bool,
    pub(crate) unread: u64,
    pub(crate) unheard: u64,
}

/// An account to change to.
pub(crate) struct AccountView {
    pub(crate) key: String,
    pub(crate) name: String,
    pub(crate) current: bool,
}

/// A link among alternatives.
pub(crate) struct Tab {
    pub(crate) name: &'static str,
    pub(crate) href: String,
    pub(crate) current: bool,
}

/// Something to choose.
pub(crate) struct Choice {
    pub(crate) value: String,
    pub(crate) name: String,
    pub(crate) current: bool,
    pub(crate) unread: u64,
}

/// The list of conversations.
pub(crate) struct ListView {
    pub(crate) tabs: Vec<Tab>,
    pub(crate) show: &'static str,
    pub(crate) find: String,
    pub(crate) sees_all: bool,
    pub(crate) may_start: bool,
    pub(crate) boxes: Vec<Choice>,
    pub(crate) rows: Vec<RowView>,
    pub(crate) more: Option<String>,
    /// Whether the account's calendars are open, each by its name.
    pub(crate) hours: Vec<(String, String)>,
    pub(crate) nothing: &'static str,
    /// Where the list stands without a thread.
    pub(crate) back: String,
    /// Where its rows alone are.
    pub(crate) part: String,
}

/// A conversation in the list.
pub(crate) struct RowView {
    pub(crate) id: String,
    pub(crate) href: String,
    pub(crate) name: String,
    pub(crate) preview: String,
    pub(crate) at: Stamp,
    pub(crate) unread: bool,
    pub(crate) priority: bool,
    pub(crate) flagged: bool,
    pub(crate) current: bool,
    pub(crate) mine: bool,
    pub(crate) state_word: Option<&'static str>,
    pub(crate) responsible: String,
    pub(crate) tags: Vec<String>,
}

/// One conversation with all that can be done in it.
pub(crate) struct ThreadView {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) about: String,
    pub(crate) closed: bool,
    pub(crate) flagged: bool,
    pub(crate) unread: bool,
    pub(crate) version: i64,
    pub(crate) read_through: i64,
    pub(crate) groups: Vec<Choice>,
    pub(crate) members: Vec<Choice>,
    pub(crate) complete_to: Option<String>,
    pub(crate) items: Vec<ItemView>,
    pub(crate) earlier: Option<String>,
    pub(crate) part: String,
    pub(crate) person: PersonView,
    pub(crate) our_number: String,
    pub(crate) program: String,
    pub(crate) route: String,
    pub(crate) tags: Vec<String>,
    pub(crate) cannot_reply: Option<&'static str>,
    pub(crate) opted_out: Option<String>,
    pub(crate) draft: String,
    pub(crate) moved: bool,
    pub(crate) moved_words: String,
    pub(crate) refused: Option<String>,
    pub(crate) note_open: bool,
    /// The name of the forms for a text and a note.
    pub(crate) form: String,
}

/// What a member wrote and could not send, to be shown again.
#[derive(Debug, Clone, Default)]
pub(crate) struct Draft {
    pub(crate) text: String,
    /// The thread moved since this instant, which its author had read up to.
    pub(crate) read_through: Option<i64>,
    pub(crate) refused: Option<String>,
    /// The name of its form, where nobody can say what became of it.
    pub(crate) form: Option<String>,
}

/// One thing in a thread.
pub(crate) enum ItemView {
    /// A new day begins.
    Day { id: String, words: String },
    /// An event.
    Line(LineView),
    /// A text.
    Bubble(BubbleView),
}

/// A dated line.
pub(crate) struct LineView {
    pub(crate) id: String,
    pub(crate) at: Stamp,
    pub(crate) words: String,
    pub(crate) said: Option<String>,
    pub(crate) href: Option<String>,
    pub(crate) fresh: bool,
}

/// A text.
pub(crate) struct BubbleView {
    pub(crate) id: String,
    pub(crate) ours: bool,
    pub(crate) author: String,
    pub(crate) text: String,
    pub(crate) at: Stamp,
    pub(crate) way: Option<Way>,
    pub(crate) lost: bool,
    pub(crate) fresh: bool,
    pub(crate) files: Vec<FileView>,
}

/// A file of a text; without an address while it is not here yet.
pub(crate) struct FileView {
    pub(crate) href: String,
    pub(crate) name: String,
    pub(crate) picture: bool,
}

/// The person at the other end.
pub(crate) struct PersonView {
    pub(crate) name: String,
    pub(crate) initials: String,
    pub(crate) hint: Option<&'static str>,
    pub(crate) phones: Vec<PhoneView>,
    pub(crate) email: Option<String>,
    pub(crate) consents: Vec<ConsentView>,
    pub(crate) columns: Vec<ColumnView>,
}

/// A phone of theirs.
pub(crate) struct PhoneView {
    pub(crate) number: String,
    pub(crate) kind: String,
}

/// What they allowed, in one scope.
pub(crate) struct ConsentView {
    pub(crate) scope: String,
    pub(crate) words: &'static str,
    pub(crate) tone: &'static str,
    pub(crate) since: String,
}

/// A custom column's value.
pub(crate) struct ColumnView {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// A voicemail or missed call.
pub(crate) struct VoicemailView {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) at: Stamp,
    pub(crate) length: String,
    pub(crate) owner: String,
    pub(crate) heard: bool,
    pub(crate) missed: bool,
    pub(crate) playable: bool,
    pub(crate) waiting: Option<&'static str>,
    pub(crate) transcript: Option<String>,
    pub(crate) thread: Option<String>,
}
