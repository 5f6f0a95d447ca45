//! The words of the project as types: no I/O, no clock, no async.

pub mod account;
pub mod calendar;
pub mod call;
mod capabilities;
mod cidr;
pub mod connection;
pub mod consent;
pub mod conversation;
pub mod directory;
pub mod http;
mod ids;
mod inbound;
pub mod lately;
pub mod message;
pub mod order;
pub mod organisation;
pub mod people;
mod phone;
pub mod staff;
pub mod text;
mod time;
pub mod turn;

pub use call::{
    Call, CallEvent, CallEventKind, CallScript, CallStatus, CallVerb, CallbackKey, DialLeg,
    DialStatus, Leg, Waiting,
};
pub use capabilities::Capabilities;
pub use cidr::{Cidr, CidrError};
pub use connection::Connection;
pub use ids::*;
pub use inbound::Inbound;
pub use message::{Dlr, MediaRef, Message, MessageKind, MessageStatus, Mo, Via};
pub use order::{FailureClass, Hook, Order, Outcome, SendFailure};
pub use phone::{Party, Phone, PhoneError, ShortCode};
pub use time::Timestamp;
