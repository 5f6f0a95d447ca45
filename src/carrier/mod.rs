//! Carriers: each one a folder that turns requests into values and values into requests, and neither
//! sends nor stores. A new carrier is a folder with its `cases/` and one line in [`ALL`].

use bytes::Bytes;
use http::{Request, Response};

use crate::model::{
    CallScript, Capabilities, Connection, Hook, Inbound, Order, Outcome, SendFailure, Timestamp,
};

pub mod capture;
#[cfg(test)]
mod cases;
mod refusal;
mod ringback;
pub(crate) mod signature;
mod twilio;

pub use refusal::{Malformed, Refusal, Rejected};
pub use ringback::ringback;

/// What is wrong with one setting of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingFault {
    /// The setting, written or missing.
    pub setting: String,
    /// What is wrong, to be read behind the setting's name, and what to write.
    pub words: String,
    /// Whether the value must not be shown, because a secret was written plainly.
    pub hide: bool,
}

/// Everything that one carrier does differently. No method waits, reads a clock or panics, whatever it
/// is given.
///
/// A webhook's URI is the full URL as the carrier wrote it: our public address with the path and the
/// query as they came.
pub trait Carrier: Sync {
    /// The `kind` of its connections.
    fn name(&self) -> &'static str;

    /// Checks a connection's settings; every mistake is named, without any secret.
    fn settings(&self, at: &Connection) -> Result<(), Vec<SettingFault>>;

    /// Whether the carrier sent this request. Must hold before [`Self::parse`] is asked.
    fn verify(
        &self,
        at: &Connection,
        hook: Hook,
        request: &Request<Bytes>,
        now: Timestamp,
    ) -> Result<(), Rejected>;

    /// What the request means. An empty list: nothing that changes anything.
    fn parse(
        &self,
        at: &Connection,
        hook: Hook,
        request: &Request<Bytes>,
    ) -> Result<Vec<Inbound>, Malformed>;

    /// What a request means that the carrier did send: both of the above. A carrier that signs the very fields
    /// it must decode does so once.
    fn receive(
        &self,
        at: &Connection,
        hook: Hook,
        request: &Request<Bytes>,
        now: Timestamp,
    ) -> Result<Vec<Inbound>, Refusal> {
        self.verify(at, hook, request, now)?;
        Ok(self.parse(at, hook, request)?)
    }

    /// The answer to a webhook that needs no words, once it is safely stored.
    fn acknowledge(&self, at: &Connection, hook: Hook) -> Response<Bytes>;

    /// The request that asks the carrier for this order. Refused before anything leaves when the order
    /// itself is not allowed, such as a file on a foreign host.
    fn request(&self, at: &Connection, order: &Order) -> Result<Request<Bytes>, SendFailure>;

    /// What the carrier's reply means for the order.
    fn outcome(
        &self,
        at: &Connection,
        order: &Order,
        reply: &Response<Bytes>,
    ) -> Result<Outcome, SendFailure>;

    /// The order to carry out in place of a fetch whose reply points elsewhere. Asked before
    /// [`Self::outcome`]; the caller bounds how often it follows.
    fn moved(&self, _at: &Connection, _order: &Order, _reply: &Response<Bytes>) -> Option<Order> {
        None
    }

    /// Its calls, where it carries any.
    fn voice(&self) -> Option<&dyn Voice>;

    /// What it takes at once and at most.
    fn capabilities(&self) -> Capabilities;
}

/// How a carrier is told what happens next on a call.
pub trait Voice: Sync {
    /// The answer to a call webhook: the script in the carrier's language.
    fn answer(&self, at: &Connection, script: &CallScript) -> Response<Bytes>;

    /// The answer to the hook `hold`: what a caller who waits in a room hears, over and over.
    fn hold(&self, at: &Connection) -> Response<Bytes>;
}

/// Every carrier that connections can name.
pub static ALL: &[&dyn Carrier] = &[&twilio::Twilio];

/// The carrier of connections of this kind.
pub fn by_kind(kind: &str) -> Option<&'static dyn Carrier> {
    ALL.iter().copied().find(|carrier| carrier.name() == kind)
}
