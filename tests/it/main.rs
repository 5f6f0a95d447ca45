//! Drives the whole program over loopback: the real binary, a real database, and the twin in the part of the
//! carrier. Nothing here looks into the program; what it did is read from its answers, its metrics, its store
//! and from what the carrier saw.

mod browser;
mod calls;
mod crash;
mod door;
mod explain;
mod flows;
mod life;
mod lines;
mod notices;
mod replays;
mod sending;
mod support;
mod talks;
mod texts;
mod verbs;
