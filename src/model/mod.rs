//! The words of the project as types: no I/O, no clock, no async.

pub mod calendar;
pub mod call;
pub mod compliance;
mod ids;
pub mod message;
pub mod order;
mod phone;
pub mod text;
mod time;

pub use call::{
    Call, CallEvent, CallEventKind, CallScript, CallStatus, CallVerb, CallbackKey, DialLeg,
    DialStatus, Leg,
};
pub use ids::*;
pub use message::{Dlr, MediaRef, Message, MessageKind, MessageStatus, Mo, Via};
pub use order::{FailureClass, Hook, Order, Outcome, SendFailure};
pub use phone::{Party, Phone, PhoneError, ShortCode};
pub use time::Timestamp;
