//! What other systems are asked on a stage, and what comes back: an answer, or nothing in time.

use super::stage::Stage;
use crate::decide::Input;
use crate::model::http::HttpAnswer;
use crate::model::{CallId, RunId, Timestamp};

/// A request to another system.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) run: RunId,
    pub(super) call: Option<CallId>,
    pub(super) ask: u32,
    pub(super) url: String,
    /// How long an answer is awaited.
    pub(super) until: Timestamp,
}

impl Stage {
    /// The system asked first, and not answered yet, answers.
    pub(super) fn answered(&mut self, url: Option<&str>, answer: HttpAnswer) -> Result<(), String> {
        let asked = self.asked.front().ok_or("no other system was asked")?;
        if let Some(url) = url.filter(|part| !asked.url.contains(*part)) {
            return Err(format!("{:?} was asked, not {url:?}", asked.url));
        }
        let (run, ask, until) = (asked.run, asked.ask, asked.until);
        if matches!(answer, HttpAnswer::None(_)) {
            let left = until.since(self.now).as_secs_f64().ceil();
            self.passes(left as u32)?;
        }
        // It may be over by now.
        let left = self
            .asked
            .iter()
            .any(|one| (one.run, one.ask) == (run, ask));
        match left {
            true => self.comes_back(run, ask, answer),
            false => Ok(()),
        }
    }

    /// What another system was asked comes back.
    pub(super) fn comes_back(
        &mut self,
        run: RunId,
        ask: u32,
        answer: HttpAnswer,
    ) -> Result<(), String> {
        let mut asked = self.asked.iter();
        let place = asked.position(|one| (one.run, one.ask) == (run, ask));
        let Some(asked) = place.and_then(|place| self.asked.remove(place)) else {
            return Ok(());
        };
        let call = asked.call;
        self.happens(&Input::Answered {
            run,
            call,
            ask,
            answer,
        })
        .map(drop)
    }
}
