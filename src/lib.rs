//! signalbox: one daemon between the phone carriers and the people of an organisation.
//!
//! The modules in reading order; a module may import only what the table allows (a test reads this table
//! and every `use crate::` of the tree).
//!
//! | layer | may import |
//! |---|---|
//! | model, metrics | |
//! | flow, inbox, policy, carrier | model |
//! | decide | model flow inbox policy |
//! | ambient, net | model metrics |
//! | config | model metrics carrier |
//! | limits | model metrics config |
//! | store | model metrics flow inbox policy |
//! | daemon | model metrics flow inbox policy carrier decide ambient config limits store net |
//! | webhook, ops, api, twin | model metrics flow inbox policy carrier decide ambient config limits store net daemon |
//! | web | model metrics flow inbox policy carrier decide ambient config limits store net daemon api |
//! | cli | model metrics flow inbox policy carrier decide ambient config limits store net daemon webhook ops api web twin |
#![warn(unreachable_pub, missing_docs)]

pub mod ambient;
pub mod api;
pub mod carrier;
pub mod cli;
pub mod config;
pub mod daemon;
pub mod decide;
pub mod flow;
pub mod inbox;
pub mod limits;
pub mod metrics;
pub mod model;
pub mod net;
pub mod ops;
pub mod policy;
pub mod store;
pub mod twin;
pub mod web;
pub mod webhook;

/// Throw-away servers, shared with the tests that drive the whole program.
#[cfg(test)]
#[path = "../tests/it/support/services.rs"]
pub(crate) mod services;
