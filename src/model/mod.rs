//! The words of the project as types: no I/O, no clock, no async.

mod ids;
mod phone;
pub mod text;
mod time;

pub use ids::*;
pub use phone::{Party, Phone, PhoneError, ShortCode};
pub use time::Timestamp;
