//! What touches sockets and disks outside the store: serving HTTP, asking carriers, handing over e-mail and
//! keeping recordings. Everything here is bounded, in bytes, in time and in number.

pub mod body;
pub mod forwarded;
pub mod server;
pub mod sockets;
