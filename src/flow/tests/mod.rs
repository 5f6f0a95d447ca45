//! Tests of the language as a whole: an organisation to run in, and a run that is driven by hand.

mod drive;
mod faults;
mod shipped;
