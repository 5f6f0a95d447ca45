//! The daemon as the pages see it, without the daemon.

use super::*;
use crate::daemon::{Inner, acted, once};

/// A daemon of which only the doors for staff are real.
pub(crate) struct TestStaff {
    pub(crate) sample: Sample,
    pub(crate) store: Store,
    pub(crate) live: broadcast::Sender<Notice>,
    pub(crate) stopping: CancellationToken,
    blobs: Blobs,
    _folder: TempDir,
}

impl TestStaff {
    pub(crate) async fn new(store: Store) -> (Self, Put) {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(folder.path()).unwrap();
        let sample = Sample::new();
        sample.apply(&store).await;
        let put = sample.fill(&store, &blobs).await;
        let made = Self {
            sample,
            store,
            live: broadcast::channel(8).0,
            stopping: CancellationToken::new(),
            blobs,
            _folder: folder,
        };
        (made, put)
    }

    /// A text comes in and is announced.
    pub(crate) async fn receive(&self, to: ConversationId, text: &str) {
        let now = crate::ambient::now();
        let (sample, text) = (&self.sample, text.to_owned());
        let notice = Notice {
            account: sample.clinic,
            conversation: Some(to),
            boxes: vec![Route::Group(sample.front)],
        };
        let needs = vec![crate::model::turn::Need::Conversation(to)];
        let mut event = event(now, crate::ambient::seed());
        event.needs = needs;
        let decide = move |state: &crate::model::turn::State, _: usize, _: &NewEvent| {
            let thread = state
                .threads
                .values()
                .flat_map(|thread| &thread.conversations);
            let Some(found) = thread.into_iter().find(|one| one.id == to) else {
                let place = state.conversations.get(&to).cloned().flatten().unwrap();
                return Decision::Need(vec![crate::model::turn::Need::Thread(place.0, place.1)]);
            };
            let mut row = found.clone();
            row.version += 1;
            row.unread = true;
            row.preview.clone_from(&text);
            row.last_at = now;
            let message = Message {
                id: Ids::new(now, crate::ambient::seed()).fresh(),
                account: row.account,
                conversation: row.id,
                number: row.number,
                party: row.party.clone(),
                kind: MessageKind::Inbound,
                text: text.clone(),
                media: vec![],
                status: MessageStatus::Received,
                via: Via::Text,
                segments: 1,
                carrier_id: None,
                reason: None,
                author: None,
                run: None,
                contact: row.contact,
                event: None,
                created_at: now,
                due_at: None,
                attempts: 0,
            };
            Decision::Done(Box::new(Turn {
                writes: vec![
                    Write::Conversation(Box::new(row)),
                    Write::Message(Box::new(message)),
                ],
                rule: "sample",
                ..Turn::default()
            }))
        };
        let answers = self
            .store
            .turn(NodeScope::daemon(), vec![event], decide)
            .await
            .unwrap();
        assert!(matches!(answers[0], Answer::Decided { .. }), "{answers:?}");
        let _ = self.live.send(notice);
    }

    async fn decided(&self, action: StaffAction, form: Option<&str>) -> Result<Acted, ActRefused> {
        let once = form.and_then(|form| once(&action, form));
        match acted(self.answered(action.clone(), once).await) {
            Some(acted) => acted,
            None => acted(self.answered(action, None).await).unwrap(),
        }
    }

    async fn answered(&self, action: StaffAction, once: Option<String>) -> Answer {
        let world = World {
            directory: self.directory(),
            email: true,
            ..World::default()
        };
        let input = Input::Staff(action);
        let mut event = event(crate::ambient::now(), crate::ambient::seed());
        event.needs = decide::needs(&world, &input);
        event.dedupe = once.map(|once| Inner::dedupe("", &once));
        let decide = move |state: &_, _: usize, event: &NewEvent| {
            let at = At {
                event: event.id,
                now: event.received_at,
                seed: event.seed,
            };
            decide::decide(&world, state, &input, at)
        };
        let answers = self
            .store
            .turn(NodeScope::daemon(), vec![event], decide)
            .await
            .unwrap();
        let answer = answers.into_iter().next().unwrap();
        if let Answer::Decided { turn } = &answer {
            for notice in &turn.notices {
                let _ = self.live.send(notice.clone());
            }
        }
        answer
    }
}

impl Staff for TestStaff {
    fn act<'s>(
        &'s self,
        action: StaffAction,
        form: Option<&'s str>,
    ) -> BoxFuture<'s, Result<Acted, ActRefused>> {
        self.decided(action, form).boxed()
    }

    fn directory(&self) -> Arc<Directory> {
        Arc::clone(&self.sample.directory)
    }

    fn store(&self) -> &Store {
        &self.store
    }

    fn live(&self) -> broadcast::Receiver<Notice> {
        self.live.subscribe()
    }

    fn blobs(&self) -> &Blobs {
        &self.blobs
    }

    fn stopping(&self) -> CancellationToken {
        self.stopping.clone()
    }
}

pub(super) fn event(now: Timestamp, seed: u64) -> NewEvent {
    NewEvent {
        id: Ids::new(now, seed).fresh::<EventId>(),
        connection: String::new(),
        hook: "sample".to_owned(),
        dedupe: None,
        received_at: now,
        seed,
        raw: b"{}".to_vec(),
        needs: vec![],
    }
}
