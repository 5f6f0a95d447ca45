//! Recordings of what caller and called said to each other: their file is fetched, and the thread tells of it.

use crate::model::conversation::{ThreadEvent, ThreadEventKind};
use crate::model::turn::{CallState, JobKind, Notice, Write};

use super::text::job;
use super::{Cx, Decided};

/// The file of a talk is ready, or never will be. Its call may be over long since. Whoever fetches the file tells the
/// thread, so that a line never leads to a file that is not here.
pub(super) fn recorded<'a>(
    cx: &mut Cx<'a>,
    state: &'a CallState,
    url: Option<&'a str>,
    seconds: u32,
) -> Decided {
    cx.turn.account = Some(state.call.account);
    let Some(conversation) = state.call.conversation else {
        return cx.ignored("talk_unmatched");
    };
    let talked = state.legs.iter().any(|leg| leg.accepted);
    if url.is_none() && !talked {
        // Nobody took the call: there was nothing to record.
        return cx.ignored("talk_absent");
    }
    cx.rule("talk_recorded");
    let (account, now) = (state.call.account, cx.at.now);
    let line = Box::new(ThreadEvent {
        id: cx.ids.fresh(),
        account,
        conversation,
        at: now,
        by: None,
        kind: ThreadEventKind::CallRecorded {
            call: state.call.id,
            seconds,
            blob: None,
        },
    });
    match url {
        Some(url) => {
            let url = url.to_owned();
            let kind = JobKind::FetchTalk { line, url };
            job(cx, account, &state.call.connection, kind, now);
        }
        None => {
            cx.write(Write::ThreadEvent(line));
            cx.notice(Notice {
                account,
                conversation: Some(conversation),
                boxes: Vec::new(),
            });
        }
    }
    Ok(())
}
