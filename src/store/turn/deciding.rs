//! The decisions of a batch, one event after the other, each with what those before have changed.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Known, NewEvent, Verdict};
use crate::model::turn::{Decision, Need, ROUNDS_MAX, State, Turn};
use crate::model::{EventId, Timestamp};
use crate::store::StoreError;
use crate::store::load::Loaded;
use crate::store::pools::Tx;

/// A batch that is being decided.
pub(super) struct Deciding<'b> {
    tx: &'b mut Tx,
    loaded: &'b mut Loaded,
    batch: &'b [NewEvent],
    /// By which place `decide` knows each event.
    places: &'b [usize],
    known: &'b [Known],
    now: Timestamp,
    /// How often each was asked what it needs before its turn.
    probed: Vec<usize>,
}

impl<'b> Deciding<'b> {
    pub(super) fn new(
        tx: &'b mut Tx,
        loaded: &'b mut Loaded,
        batch: &'b [NewEvent],
        places: &'b [usize],
        known: &'b [Known],
    ) -> Self {
        let now = batch.iter().map(|event| event.received_at).max();
        Self {
            tx,
            loaded,
            batch,
            places,
            known,
            now: now.unwrap_or_default(),
            probed: vec![0; batch.len()],
        }
    }

    /// What becomes of each event; `repeats` are the answers to those that are known.
    pub(super) async fn all<D>(
        mut self,
        repeats: HashMap<EventId, Option<String>>,
        decide: &mut D,
    ) -> Result<Vec<Verdict>, StoreError>
    where
        D: FnMut(&State, usize, &NewEvent) -> Decision,
    {
        let first = self
            .fresh_from(0)
            .flat_map(|place| &self.batch[place].needs);
        self.loaded.load(self.tx, first, self.now).await?;
        let mut verdicts = Vec::with_capacity(self.batch.len());
        for place in 0..self.batch.len() {
            verdicts.push(match &self.known[place] {
                Known::Repeat(event) => Verdict::Repeat(repeats.get(event).cloned().flatten()),
                Known::Twin(first) => Verdict::Twin(*first),
                Known::Fresh => self.one(place, decide).await?,
            });
        }
        Ok(verdicts)
    }

    /// Decides one event, which may ask for more a few times.
    async fn one<D>(&mut self, place: usize, decide: &mut D) -> Result<Verdict, StoreError>
    where
        D: FnMut(&State, usize, &NewEvent) -> Decision,
    {
        let mut rounds = 0;
        loop {
            match self.look(place, decide) {
                Decision::Done(turn) => {
                    self.loaded.state.apply(&turn);
                    return Ok(decided(turn));
                }
                Decision::Undecided(reason) => return Ok(Verdict::Undecided(reason)),
                Decision::Need(_) if rounds == ROUNDS_MAX => {
                    return Ok(Verdict::Undecided("asked for more too often".to_owned()));
                }
                Decision::Need(needs) if needs.iter().all(|need| self.loaded.has(need)) => {
                    return Ok(Verdict::Undecided("asked for what it has".to_owned()));
                }
                Decision::Need(mut needs) => {
                    rounds += 1;
                    self.ask_later_ones(place + 1, rounds, &mut needs, decide);
                    self.loaded.load(self.tx, needs.iter(), self.now).await?;
                }
            }
        }
    }

    /// The later ones may well ask for the same kinds: one statement for all.
    fn ask_later_ones<D>(
        &mut self,
        from: usize,
        rounds: usize,
        needs: &mut Vec<Need>,
        decide: &mut D,
    ) where
        D: FnMut(&State, usize, &NewEvent) -> Decision,
    {
        for later in self.fresh_from(from) {
            if self.probed[later] >= rounds {
                continue;
            }
            self.probed[later] += 1;
            if let Decision::Need(more) = self.look(later, decide) {
                needs.extend(more);
            }
        }
    }

    /// The places of events that are not known.
    fn fresh_from(&self, from: usize) -> impl Iterator<Item = usize> + use<'b> {
        let known = self.known;
        (from..known.len()).filter(|place| known[*place] == Known::Fresh)
    }

    /// One look at one event. A panic is that event's misfortune alone.
    fn look<D>(&self, place: usize, decide: &mut D) -> Decision
    where
        D: FnMut(&State, usize, &NewEvent) -> Decision,
    {
        let (state, event) = (&self.loaded.state, &self.batch[place]);
        catch_unwind(AssertUnwindSafe(|| {
            decide(state, self.places[place], event)
        }))
        .unwrap_or_else(|_| Decision::Undecided("panic".to_owned()))
    }
}

fn decided(turn: Box<Turn>) -> Verdict {
    let script = turn.answer.as_ref().map(serde_json::to_string);
    let told = || turn.told.as_ref().map(serde_json::to_string);
    match script.or_else(told).transpose() {
        Ok(answer) => Verdict::Decided(turn, answer),
        Err(error) => Verdict::Undecided(format!("the answer cannot be written: {error}")),
    }
}
