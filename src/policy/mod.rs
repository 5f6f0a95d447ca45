//! The questions asked around a flow: may this text go, when, to whom, and what did that word mean?
//!
//! Everything here is a function of its arguments: the caller brings the facts and the time.

pub mod allowance;
pub mod budget;
pub mod consent;
pub mod retry;
pub mod routing;
