//! The run that a call begins with: its number's flow, or a voicemail that stands in for one.

use std::sync::Arc;

use crate::flow::{self, Flow, NoNames, Run};
use crate::model::account::{Account, Number, Route};
use crate::model::conversation::RunRow;
use crate::model::{RevisionId, RunId};
use crate::policy::routing::{CallRouted, CallTarget, route_call};

use super::on_call::OnCall;
use super::run::{self, Going};
use super::stop::stopped;
use super::{Cx, World};

/// The run of the number's call flow, or of the voicemail that stands in for it.
pub(super) fn begin_run<'a>(cx: &mut Cx<'a>, on: &mut OnCall<'a>) -> Option<Going> {
    let id: RunId = cx.ids.fresh();
    match routed(cx.world, on.frame.number, on.frame.account).target {
        CallTarget::Flow(key) => {
            let (revision, flow) = cx.world.flows.active(on.frame.account.id, key)?;
            Some(Going {
                row: row(cx, on, id, key, revision),
                run: Run::new(id, key, cx.at.now),
                flow,
            })
        }
        CallTarget::Unpublished(key) => {
            let reason = format!("the flow {key} has no published revision");
            stopped(cx, &mut on.frame, reason);
            stand_in(cx, on, id)
        }
        CallTarget::Voicemail => stand_in(cx, on, id),
    }
}

/// Routes a call on a number of ours to where it begins in the account that has its calls.
pub(super) fn routed<'a>(world: &World, number: &Number, account: &'a Account) -> CallRouted<'a> {
    let published = |key: &str| world.flows.active(account.id, key).is_some();
    route_call(number, account, published)
}

fn row(cx: &Cx<'_>, on: &OnCall<'_>, id: RunId, flow: &str, revision: RevisionId) -> RunRow {
    RunRow {
        id,
        account: on.frame.account.id,
        flow: flow.to_owned(),
        revision,
        call: Some(on.call.id),
        conversation: Some(on.frame.conversation.id),
        number: on.call.number,
        party: on.call.party.clone(),
        waits_for_text: false,
        asked_at: cx.at.now,
        due_at: None,
        ended: false,
        state: String::new(),
        version: 0,
    }
}

/// A number without a flow takes voicemails into its default route's box; so does a call whose flow broke off.
pub(super) fn stand_in(cx: &Cx<'_>, on: &OnCall<'_>, id: RunId) -> Option<Going> {
    let account = on.frame.account;
    let uses = account.number(on.call.number).map(|uses| uses.route);
    let mut routes = uses.into_iter().chain([on.frame.conversation.route]);
    let key = routes.find_map(|route| fallback_key(cx, account, route))?;
    let flow = fallback(account, &key)?;
    Some(Going {
        row: row(cx, on, id, &key, run::no_revision()),
        run: Run::new(id, &key, cx.at.now),
        flow,
    })
}

fn fallback_key(cx: &Cx<'_>, account: &Account, route: Route) -> Option<String> {
    match route {
        Route::Group(id) => account
            .group_by_id(id)
            .map(|group| format!("~group {}", group.key)),
        Route::User(id) => cx
            .directory()
            .user(id)
            .map(|user| format!("~user {}", user.key)),
    }
}

/// The stand-in flow of a saved run, when it is on one.
pub(super) fn fallback_flow(cx: &Cx<'_>, row: &RunRow) -> Option<Arc<Flow>> {
    fallback(cx.directory().account(row.account)?, &row.flow)
}

fn fallback(account: &Account, key: &str) -> Option<Arc<Flow>> {
    let (kind, who) = key.strip_prefix('~')?.split_once(' ')?;
    let account = &account.key;
    let source = format!(
        "flow: default\naccount: \"{account}\"\non: call\nsteps:\n  box:\n    voicemail: {{ {kind}: \"{who}\" }}\n    next: end\n"
    );
    flow::check("default", &source, &NoNames)
        .ok()
        .map(|checked| Arc::new(checked.flow))
}
