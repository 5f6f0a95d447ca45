//! What would happen to a text, and why: the same functions as in production, with nothing saved.
