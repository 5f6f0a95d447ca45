//! The daemon as the staff listener sees it.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use super::door::Staff;
use crate::daemon::{ActRefused, Acted, Daemon};
use crate::model::directory::Directory;
use crate::model::staff::StaffAction;
use crate::model::turn::Notice;
use crate::net::blobs::Blobs;
use crate::store::Store;

impl Staff for Daemon {
    fn act<'s>(
        &'s self,
        action: StaffAction,
        form: Option<&'s str>,
    ) -> BoxFuture<'s, Result<Acted, ActRefused>> {
        Self::act(self, action, form).boxed()
    }

    fn directory(&self) -> Arc<Directory> {
        (**self).directory()
    }

    fn store(&self) -> &Store {
        (**self).store()
    }

    fn live(&self) -> broadcast::Receiver<Notice> {
        (**self).live()
    }

    fn blobs(&self) -> &Blobs {
        (**self).blobs()
    }

    fn stopping(&self) -> CancellationToken {
        (**self).stopping()
    }
}
