//! Voicemails in boxes, and missed calls folded into one item.

use std::collections::HashMap;

use crate::model::account::{Account, Route};
use crate::model::conversation::{Voicemail, VoicemailState};
use crate::model::directory::Directory;
use crate::model::people::Contact;
use crate::model::{NumberId, Party};

use super::assignment::lively_route;

/// Transcripts are kept up to here.
pub const TRANSCRIPT_CHARS_MAX: usize = 8_000;

/// Whose box a voicemail goes to: the wanted one while somebody is there to hear it, else the default route's.
pub fn owner(
    directory: &Directory,
    account: &Account,
    number: NumberId,
    contact: Option<&Contact>,
    wanted: Route,
) -> Route {
    lively_route(directory, account, number, contact, wanted)
}

/// Moves a voicemail's file on; false when it has been there already. A file that is here stays, whatever
/// a late or repeated callback says.
pub fn advance(voicemail: &mut Voicemail, state: VoicemailState, blob: Option<String>) -> bool {
    if rank(state) <= rank(voicemail.state) {
        return false;
    }
    voicemail.state = state;
    voicemail.blob = blob.or(voicemail.blob.take());
    true
}

/// An absent file may still turn up; one that is here cannot vanish.
fn rank(state: VoicemailState) -> u8 {
    match state {
        VoicemailState::Awaited => 0,
        VoicemailState::Fetching => 1,
        VoicemailState::Absent => 2,
        VoicemailState::Ready => 3,
    }
}

/// Takes a transcript; the first one stays. False when nothing changed.
pub fn transcribed(voicemail: &mut Voicemail, text: &str) -> bool {
    let news = voicemail.transcript.is_none() && !text.trim().is_empty();
    if news {
        voicemail.transcript = Some(text.trim().chars().take(TRANSCRIPT_CHARS_MAX).collect());
    }
    news
}

/// Somebody heard it; false when somebody had already.
pub fn heard(voicemail: &mut Voicemail) -> bool {
    !std::mem::replace(&mut voicemail.heard, true)
}

/// Whether the item is a call that left nothing to hear.
pub fn is_missed_call(voicemail: &Voicemail) -> bool {
    voicemail.recording.is_none() && voicemail.blob.is_none() && voicemail.duration_s == 0
}

/// One line of a box.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Item<'a> {
    /// The voicemail, or the latest of the missed calls.
    pub latest: &'a Voicemail,
    /// How many missed calls it stands for; zero for a voicemail.
    pub missed_calls: u32,
}

/// A box's items, newest first: missed calls of one caller in one box that follow each other are one item. A voicemail of
/// the same caller in between keeps those before and after it apart, and so does somebody having looked at them.
pub fn fold(newest_first: &[Voicemail]) -> Vec<Item<'_>> {
    let mut items: Vec<Item<'_>> = Vec::with_capacity(newest_first.len());
    let mut last: HashMap<(Route, &Party), usize> = HashMap::new();
    for latest in newest_first {
        let key = (latest.owner, &latest.party);
        let missed = is_missed_call(latest);
        let open = last.get(&key).and_then(|at| items.get_mut(*at));
        let open = open.filter(|item| item.missed_calls > 0 && item.latest.heard == latest.heard);
        match open {
            Some(item) if missed && latest.party != Party::Withheld => item.missed_calls += 1,
            _ => {
                last.insert(key, items.len());
                let missed_calls = u32::from(missed);
                items.push(Item {
                    latest,
                    missed_calls,
                });
            }
        }
    }
    items
}

#[cfg(test)]
mod tests {
    use super::super::sample::Sample;
    use super::*;

    #[test]
    fn missed_calls_fold() {
        let made = Sample::new();
        let (a, b, hidden) = ("+12025550143", "+12025550144", "withheld");
        let item = |(party, seconds, heard): (&str, u32, bool)| {
            let mut item = made.voicemail(party);
            item.duration_s = seconds;
            item.recording = (seconds > 0).then(|| "RE1".to_owned());
            item.heard = heard;
            item
        };
        let rows = [
            (a, 0, false),
            (b, 0, false),
            (a, 0, false),
            (a, 7, false),
            (a, 0, false),
            (a, 0, true),
            (hidden, 0, false),
            (hidden, 0, false),
        ];
        let rows = rows.map(item);
        let counts: Vec<(String, u32)> = fold(&rows)
            .iter()
            .map(|item| (item.latest.party.to_string(), item.missed_calls))
            .collect();
        let want = [
            (a, 2),
            (b, 1),
            (a, 0),
            (a, 1),
            (a, 1),
            (hidden, 1),
            (hidden, 1),
        ];
        assert_eq!(counts, want.map(|(party, calls)| (party.to_owned(), calls)));
    }

    #[test]
    fn files_only_arrive() {
        use VoicemailState::{Absent, Awaited, Fetching, Ready};
        let mut item = Sample::new().voicemail("+12025550143");
        let blob = || Some("rec/1".to_owned());
        let moves = [
            (Fetching, None, true),
            (Awaited, None, false),
            (Absent, None, true),
            (Ready, blob(), true),
            (Absent, None, false),
            (Ready, None, false),
        ];
        for (state, blob, moved) in moves {
            assert_eq!(advance(&mut item, state, blob), moved, "{state:?}");
        }
        assert_eq!((item.state, item.blob.clone()), (Ready, blob()));
        assert!(heard(&mut item) && !heard(&mut item));
        assert!(!transcribed(&mut item, "  "));
        assert!(transcribed(&mut item, " first ") && !transcribed(&mut item, "second"));
        assert_eq!(item.transcript.as_deref(), Some("first"));
    }
}
