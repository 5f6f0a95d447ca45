//! Decisions, tried on a small organisation with a store in memory.

mod calls;
mod days;
mod explained;
mod phone;
mod queue;
mod receipts;
mod recordings;
mod replayed;
mod replayed_absent;
mod replayed_lines;
mod revisions;
mod ringing;
mod sample;
mod staff;
mod store;
mod talks;
mod texts;
mod threads;
mod verbs;
