//! Calendars: is this moment inside?

use super::Timestamp;

/// A named set of opening hours and holidays in one time zone.
#[derive(Debug, Clone, PartialEq)]
pub struct Calendar {}

/// What a calendar says of a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hours {
    /// Inside an opening range.
    Open,
    /// Outside.
    Closed,
    /// On a holiday.
    Holiday,
}

impl Calendar {
    /// What the calendar says of `at`.
    pub fn state(&self, _at: Timestamp) -> Hours {
        Hours::Open
    }
}
