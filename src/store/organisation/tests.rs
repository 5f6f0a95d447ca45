//! The organisation and its flows on both databases.
