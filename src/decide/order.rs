//! What became of an order to a carrier.

use crate::flow::Event;
use crate::model::turn::{JobKind, Need, Write};
use crate::model::{CallStatus, Leg, LegId, Order};

use super::call::resume;
use super::text::job;
use super::{Cx, Decided};

pub(super) fn needs(order: &Order) -> Vec<Need> {
    match order {
        Order::PlaceLeg { leg, .. } => vec![Need::Leg(*leg)],
        _ => Vec::new(),
    }
}

/// An order was carried out (a placed leg has the carrier's id), or never will be.
pub(super) fn done(
    cx: &mut Cx<'_>,
    order: &Order,
    carrier_id: Option<&str>,
    failed: Option<&str>,
) -> Decided {
    match (order, carrier_id, failed) {
        (Order::PlaceLeg { leg, .. }, Some(carrier_id), _) => placed(cx, *leg, carrier_id),
        (Order::PlaceLeg { leg, .. }, None, Some(_)) => not_placed(cx, *leg),
        (_, _, Some(_)) => cx.ignored("order_failed"),
        _ => cx.ignored("order_done"),
    }
}

fn placed(cx: &mut Cx<'_>, id: LegId, carrier_id: &str) -> Decided {
    let Some(state) = cx.call_of_leg(id)? else {
        return cx.ignored("leg_unknown");
    };
    let Some(known) = state.legs.iter().find(|leg| leg.id == id) else {
        return cx.ignored("leg_unknown");
    };
    cx.rule("leg_placed");
    cx.turn.account = Some(known.account);
    let mut leg = known.clone();
    leg.carrier_id = Some(carrier_id.to_owned());
    if leg.status == CallStatus::Canceled {
        let order = Order::EndLeg {
            leg: id,
            carrier_id: carrier_id.to_owned(),
        };
        let now = cx.at.now;
        job(
            cx,
            leg.account,
            &state.call.connection,
            JobKind::Order(order),
            now,
        );
    }
    if leg != *known {
        leg.version += 1;
        cx.write(Write::Leg(Box::new(leg)));
    }
    Ok(())
}

fn not_placed(cx: &mut Cx<'_>, id: LegId) -> Decided {
    let Some(state) = cx.call_of_leg(id)? else {
        return cx.ignored("leg_unknown");
    };
    // A leg that has shown itself was placed, whatever became of the answer to the request.
    let unheard_of = |leg: &Leg| leg.status == CallStatus::Queued && leg.carrier_id.is_none();
    if !state.legs.iter().any(|leg| leg.id == id && unheard_of(leg)) {
        return cx.ignored("leg_late");
    }
    cx.rule("leg_failed");
    resume(
        cx,
        state,
        Event::LegStatus {
            leg: id,
            status: CallStatus::Failed,
        },
        false,
    )
}
