//! Live notices between nodes: what one node announces, pages on the others hear through Redis. A notice
//! that is lost costs a page its freshness until the next one, never a row.

use std::time::Duration;

use futures_util::StreamExt;
use redis::AsyncCommands;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::model::turn::Notice;

use super::Daemon;

/// The channel that all nodes of one organisation share.
const CHANNEL: &str = "signalbox:notices";
/// Notices waiting for Redis; more are dropped, because a page that missed one is mended by the next.
pub(super) const WAITING_MAX: usize = 1_024;
/// Pause before Redis is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// A notice on its way, with the node it comes from, so that no node hears its own.
#[derive(Debug, Serialize, Deserialize)]
struct Told {
    node: u64,
    notice: Notice,
}

/// Tells other nodes what this one announces, and hears theirs, until the daemon stops.
pub(super) async fn run(daemon: Daemon, mut announced: mpsc::Receiver<Notice>) {
    let Some(url) = &daemon.config().redis else {
        return;
    };
    let client = match redis::Client::open(url.expose_secret()) {
        Ok(client) => client,
        Err(error) => {
            tracing::error!(%error, "notices are not shared: the Redis address cannot be read");
            return;
        }
    };
    let (node, stopping) = (daemon.seed(), daemon.stopping());
    loop {
        let shared = share(&daemon, &client, node, &mut announced);
        tokio::select! {
            () = stopping.cancelled() => return,
            ended = shared => {
                if let Err(error) = ended {
                    tracing::warn!(%error, "live notices are not shared for now: Redis does not answer");
                }
            }
        }
        tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(AGAIN_AFTER) => {}
        }
    }
}

/// Shares until the connection breaks. Publishing has a connection of its own, as a subscribed one may not.
async fn share(
    daemon: &Daemon,
    client: &redis::Client,
    node: u64,
    announced: &mut mpsc::Receiver<Notice>,
) -> redis::RedisResult<()> {
    let mut publish = client.get_multiplexed_async_connection().await?;
    let mut subscribed = client.get_async_pubsub().await?;
    subscribed.subscribe(CHANNEL).await?;
    let mut heard = subscribed.on_message();
    loop {
        tokio::select! {
            notice = announced.recv() => {
                let Some(notice) = notice else { return Ok(()) };
                let told = serde_json::to_string(&Told { node, notice }).unwrap_or_default();
                publish.publish::<_, _, ()>(CHANNEL, told).await?;
            }
            message = heard.next() => {
                let Some(message) = message else { return Ok(()) };
                hear(daemon, node, &message.get_payload::<String>()?);
            }
        }
    }
}

fn hear(daemon: &Daemon, node: u64, text: &str) {
    match serde_json::from_str::<Told>(text) {
        Ok(told) if told.node != node => daemon.hear(told.notice),
        Ok(_) => {}
        Err(error) => tracing::debug!(%error, "a notice of another version cannot be read"),
    }
}
