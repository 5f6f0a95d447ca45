//! Keys of the caller. Those of one prompt add up, as on a phone, until its line hands them in.

use std::time::Duration;

use super::line::Waits;
use super::stage::Stage;
use super::transcript::Who;
use crate::model::CallEventKind;

/// How a prompt takes keys.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Takes {
    /// It is over with so many.
    pub(super) most: Option<u32>,
    /// It is over with this one, which is not handed in.
    pub(super) finish_on: Option<char>,
    /// Seconds in which the next key must come.
    pub(super) timeout_s: u32,
}

impl Takes {
    /// Adds keys to those that were pressed; whether that is all. What comes behind the last one nobody hears.
    fn add(self, pressed: &mut String, keys: &str) -> bool {
        for key in keys.chars() {
            if self.finish_on == Some(key) {
                return true;
            }
            pressed.push(key);
            if self.most.is_some_and(|most| pressed.len() >= most as usize) {
                return true;
            }
        }
        false
    }
}

impl Stage {
    /// The caller presses keys, and no more of them for this prompt.
    pub(in crate::decide) fn presses(&mut self, keys: &str) -> Result<(), String> {
        self.types(keys)?;
        self.hands_in()
    }

    /// The caller presses keys, and may press more.
    pub(super) fn types(&mut self, keys: &str) -> Result<(), String> {
        self.wait_for_script()?;
        let Waits::Keys { takes, .. } = self.line.waits else {
            return Err(format!("no keys are awaited now; {}", self.at_now()));
        };
        if takes.add(&mut self.line.pressed, keys) {
            return self.keys_end();
        }
        let until = self.now + Duration::from_secs(u64::from(takes.timeout_s));
        self.line.waits = Waits::Keys { until, takes };
        let words = format!("has {}, and waits for more keys", self.line.pressed);
        let place = self.latest_step();
        self.log(Who::Flow, words, place);
        Ok(())
    }

    /// Keys that were pressed, and that no others follow.
    pub(super) fn hands_in(&mut self) -> Result<(), String> {
        match self.line.pressed.is_empty() {
            true => Ok(()),
            false => self.keys_end(),
        }
    }

    /// The line hands in what was pressed, or that nothing was.
    pub(super) fn keys_end(&mut self) -> Result<(), String> {
        let digits = std::mem::take(&mut self.line.pressed);
        self.caller(CallEventKind::Digits { digits })
    }

    /// Whether keys are awaited; nothing once the call is over.
    pub(super) fn wants_keys(&self) -> Option<bool> {
        (!self.line.over).then_some(matches!(self.line.waits, Waits::Keys { .. }))
    }
}
