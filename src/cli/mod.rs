//! The commands.

pub mod doctor;
pub mod organisation;
