//! Sending on both databases.
