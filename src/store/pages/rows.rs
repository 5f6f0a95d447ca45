//! What lists and threads are asked by, and what they answer with.

use super::*;

/// The boxes somebody sees in an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// Every box of the account.
    pub all: bool,
    /// Their own and their groups'.
    pub boxes: Vec<Route>,
}

impl Sight {
    /// Whether they see this box.
    pub fn sees(&self, owner: Route) -> bool {
        self.all || self.boxes.contains(&owner)
    }
}

/// What ops may read over all accounts: had only by administrators.
#[derive(Debug, Clone, Copy)]
pub struct OpsSight(());

impl OpsSight {
    /// For an administrator who still works here.
    pub fn of_admin(user: &User) -> Option<Self> {
        (user.admin && user.active).then_some(Self(()))
    }
}

/// Where a page ends and the next begins: the instant and id of its last row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    pub(super) at: Timestamp,
    pub(super) id: Uuid,
}

impl Cursor {
    pub(super) fn of(at: Timestamp, id: impl Id) -> Self {
        Self { at, id: id.uuid() }
    }

    /// The page that begins with this row.
    pub fn just_before(at: Timestamp, id: impl Id) -> Self {
        let next = Uuid::from_u128(id.uuid().as_u128().saturating_add(1));
        Self { at, id: next }
    }

    /// Before the first row.
    pub(super) fn start() -> Self {
        Self {
            at: Timestamp::from_micros(i64::MAX),
            id: Uuid::max(),
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.at.micros(), self.id.simple())
    }
}

/// A text that is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no cursor of ours")]
pub struct CursorError;

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let (at, id) = text.split_once('.').ok_or(CursorError)?;
        let at = at.parse().map_err(|_| CursorError)?;
        let id = Uuid::try_parse(id).map_err(|_| CursorError)?;
        Ok(Self {
            at: Timestamp::from_micros(at),
            id,
        })
    }
}

/// One page of a list, and where the next one begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// Its rows.
    pub items: Vec<T>,
    /// Where to go on; `None`: nothing follows.
    pub next: Option<Cursor>,
}

impl<T> Page<T> {
    /// Of one row more than the page holds, cuts the last and remembers where to go on.
    pub(super) fn cut(mut items: Vec<T>, limit: u32, cursor: impl Fn(&T) -> Cursor) -> Self {
        let limit = limit as usize;
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(cursor);
        Self { items, next }
    }
}

/// Which conversations.
#[derive(Debug, Clone)]
pub struct ConversationFilter {
    /// By state.
    pub state: FilterState,
    /// Of this box only.
    pub owner: Option<Route>,
    /// A part of the name or number.
    pub find: Option<String>,
    /// Who looks, for [`FilterState::Mine`].
    pub me: UserId,
}

/// Which states of conversations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilterState {
    /// In somebody's list.
    Open,
    /// Open, and the one who looks is responsible.
    Mine,
    /// Only a run has them.
    Automated,
    /// Done with.
    Closed,
    /// All.
    Any,
}

/// A conversation with its person's name.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ConversationRow {
    /// The conversation.
    pub conversation: Conversation,
    /// The contact's name, where one is known.
    pub contact_name: Option<String>,
}

/// One thing in a thread.
#[derive(Debug, Clone, PartialEq)]
pub enum ThreadItem {
    /// A text, and which of its files are here.
    Text(Message, Vec<u16>),
    /// A dated line.
    Event(ThreadEvent),
}

impl ThreadItem {
    /// When it happened.
    pub fn at(&self) -> Timestamp {
        match self {
            Self::Text(message, _) => message.created_at,
            Self::Event(event) => event.at,
        }
    }

    /// Whether this member wrote or did it.
    pub fn is_by(&self, user: UserId) -> bool {
        match self {
            Self::Text(message, _) => message.author == Some(user),
            Self::Event(event) => event.by == Some(user),
        }
    }

    /// Ids are in the order of what happened, also within one turn.
    pub(super) fn id(&self) -> Uuid {
        match self {
            Self::Text(message, _) => message.id.uuid(),
            Self::Event(event) => event.id.uuid(),
        }
    }
}

/// Which voicemails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VoicemailFilter {
    /// All.
    All,
    /// Nobody has heard them.
    Unheard,
    /// Missed calls.
    Missed,
}

/// A voicemail with its caller's name.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct VoicemailRow {
    /// The voicemail.
    pub voicemail: Voicemail,
    /// The contact's name, where one is known.
    pub contact_name: Option<String>,
}

/// What waits in somebody's boxes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct Counts {
    /// Open conversations nobody has read.
    pub unread: u64,
    /// Voicemails nobody has heard.
    pub unheard: u64,
}

/// What waits in one box.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BoxCount {
    /// Whose box.
    pub owner: Route,
    /// Open conversations.
    pub open: u64,
    /// Those nobody has read.
    pub unread: u64,
}

/// What the ledger says of a phone in one scope; `None`: nothing was said.
pub type ScopeConsent = (ConsentScope, Option<(Consent, Timestamp)>);

/// Something ops should look at.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct OpsNotice {
    /// When.
    pub at: Timestamp,
    /// The event it is about.
    pub event: EventId,
    /// A stable code.
    pub code: String,
    /// Words without personal data.
    pub words: String,
}

/// How much there was of late, and what does not go on by itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct OpsCounts {
    /// Texts received.
    pub texts_in: u64,
    /// Texts of ours.
    pub texts_out: u64,
    /// Calls.
    pub calls: u64,
    /// Texts that wait to leave, of whatever age.
    pub texts_waiting: u64,
    /// Texts whose answer was lost.
    pub texts_unknown: u64,
    /// Events that could not be decided.
    pub undecided: u64,
    /// Jobs that failed for good.
    pub jobs_failed: u64,
}
