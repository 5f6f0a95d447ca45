//! What a carrier can do, as far as decisions depend on it.

/// What a carrier takes at once and at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// Whether it carries calls.
    pub voice: bool,
    /// Legs that one dial may ring at the same time.
    pub dial_legs_max: usize,
    /// Legs that may be placed in a second, unless the connection's setting says otherwise.
    pub calls_per_second: u32,
    /// Characters of one text.
    pub text_chars_max: usize,
    /// Characters of one spoken text.
    pub say_chars_max: usize,
    /// Longest ringing of a dial or leg, in seconds.
    pub ring_s_max: u32,
    /// Longest recording, in seconds.
    pub record_s_max: u32,
    /// Whether placed legs can show the caller's own number, by the token of the inbound call.
    pub shows_caller: bool,
    /// Whether it can tell whether a person or a machine has picked up a placed leg.
    pub detects_machines: bool,
    /// Whether it can write down what a recording says.
    pub transcribes: bool,
    /// Whether a lost text can be looked up ([`crate::model::Order::FindText`]).
    pub finds_texts: bool,
}
