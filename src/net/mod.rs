//! What touches sockets and disks outside the store: serving HTTP, asking carriers, handing over e-mail and
//! keeping recordings. Everything here is bounded, in bytes, in time and in number.

pub mod blobs;
pub mod body;
pub mod client;
pub mod files;
pub mod forwarded;
pub mod mail;
pub mod server;
pub mod sockets;
