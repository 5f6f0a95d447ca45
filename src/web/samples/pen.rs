//! Writes the sample threads, texts, calls and voicemails.

use super::*;

/// Writes the samples.
pub(super) struct Pen<'a> {
    pub(super) of: &'a Sample,
    pub(super) ids: Ids,
    pub(super) writes: Vec<Write>,
}

impl Pen<'_> {
    pub(super) async fn write(&mut self, blobs: &Blobs) -> Put {
        let (of, front, billing) = (self.of, self.of.front, self.of.billing);
        let mut maria = of.conversation(&mut self.ids, front, "+12025550143", 260);
        maria.contact =
            Some(self.contact(&maria, Some("María José Ortega"), Some("maria@example.org")));
        maria.unread = true;
        maria.priority = true;
        maria.tags = vec!["new-patient".to_owned()];
        maria.preview = "Could I come a little earlier? My bus leaves at four.".to_owned();
        self.inbound(
            &maria,
            93_000,
            "Hello, can I get an appointment for my daughter this week?",
        );
        self.event(
            &maria,
            92_990,
            None,
            ThreadEventKind::Posted {
                to: Route::Group(front),
                note: Some("Came in by the APPOINTMENT keyword".to_owned()),
            },
        );
        self.ours(
            &maria,
            92_900,
            "Of course! We have Thursday at 15:30. Does that work for you?",
            Some("ben"),
            MessageStatus::Delivered,
            None,
        );
        self.inbound(&maria, 92_000, "Yes, that works 🙂");
        self.ours(
            &maria,
            91_900,
            "Great, see you on Thursday. Please bring her vaccination record.",
            Some("ana"),
            MessageStatus::Sent,
            None,
        );
        self.event(
            &maria,
            3_600,
            None,
            ThreadEventKind::Called {
                call: self.ids.clone().fresh(),
                outcome: "missed".to_owned(),
                user: None,
            },
        );
        self.event(
            &maria,
            1_800,
            Some("ben"),
            ThreadEventKind::Note {
                text: "Dr. Lee is free from 14:00 on.".to_owned(),
            },
        );
        self.inbound(
            &maria,
            260,
            "Could I come a little earlier? My bus leaves at four.",
        );

        let mut james = of.conversation(&mut self.ids, billing, "+12025550144", 4_100);
        james.contact =
            Some(self.contact(&james, Some("James Whitfield"), Some("james@example.org")));
        james.assignment = Some(Assignment {
            to: Route::User(of.user("ana")),
            by: Some(of.user("ben")),
            at: NOW - Duration::from_secs(7_200),
            note: Some("He asks about the second invoice".to_owned()),
        });
        james.preview = "I was charged twice, please look at it".to_owned();
        self.inbound(&james, 9_000, "I was charged twice, please look at it");
        self.event(
            &james,
            7_200,
            Some("ben"),
            ThreadEventKind::Assigned {
                to: Route::User(of.user("ana")),
                note: Some("He asks about the second invoice".to_owned()),
            },
        );
        self.ours(
            &james,
            5_000,
            "You are right, we are sending the money back today.",
            Some("ana"),
            MessageStatus::Refused,
            Some("opted_out"),
        );
        self.email(
            &james,
            4_100,
            "You are right, we are sending the money back today.",
        );
        self.consent(&james, Consent::Out, 6_000);
        self.event(&james, 6_000, None, ThreadEventKind::OptedOut);

        let mut stranger = of.conversation(&mut self.ids, front, "+12025550145", 20_000);
        stranger.flagged = true;
        stranger.unread = true;
        stranger.preview = "please dont text this phone anymore it is my work phone".to_owned();
        self.ours(
            &stranger,
            21_000,
            "Reminder: your appointment is tomorrow at 09:00.",
            None,
            MessageStatus::Undelivered,
            Some("unreachable"),
        );
        self.inbound(
            &stranger,
            20_000,
            "please dont text this phone anymore it is my work phone",
        );
        self.event(
            &stranger,
            19_999,
            None,
            ThreadEventKind::RevocationSuspected,
        );

        let mut noor = of.conversation(&mut self.ids, of.admissions, "+12025550146", 600);
        noor.contact = Some(self.contact(&noor, Some("Noor Haddad"), None));
        noor.unread = true;
        noor.preview = "<script>alert(1)</script> & when does term begin?".to_owned();
        self.inbound(
            &noor,
            600,
            "<script>alert(1)</script> & when does term begin?",
        );

        let voicemail = self.voicemails(&maria, &stranger, &noor, blobs).await;
        let (many, first) = (self.many(), [&maria, &james, &stranger, &noor]);
        let put = Put {
            maria: maria.id,
            james: james.id,
            noor: noor.id,
            stranger: stranger.id,
            voicemail: voicemail[0],
            college_voicemail: voicemail[1],
        };
        let rows: Vec<Conversation> = first.into_iter().cloned().chain(many).collect();
        self.writes.extend(
            rows.into_iter()
                .map(|row| Write::Conversation(Box::new(row))),
        );
        put
    }

    /// Enough for a list that scrolls: open, closed and automated ones.
    fn many(&mut self) -> Vec<Conversation> {
        let said = [
            (
                "Priya Raman",
                "Thank you, that was quick!",
                ConversationState::Open,
            ),
            (
                "Tom Becker",
                "Is the lab open on Saturdays?",
                ConversationState::Open,
            ),
            ("", "Ok", ConversationState::Closed),
            (
                "Elena Petrova",
                "Which forms do I need to bring?",
                ConversationState::Open,
            ),
            ("Sam O'Neill", "2", ConversationState::Automated),
            (
                "Grace Liu",
                "I will be ten minutes late, sorry",
                ConversationState::Open,
            ),
            (
                "Ahmed Farouk",
                "Perfect, see you then",
                ConversationState::Closed,
            ),
            (
                "Lucía Fernández",
                "¿Hablan español?",
                ConversationState::Open,
            ),
        ];
        let mut rows = vec![];
        for (at, (name, text, state)) in said.into_iter().enumerate() {
            let age = 30_000 + at as u64 * 40_000;
            let phone = format!("+1202555015{at}");
            let mut row = self
                .of
                .conversation(&mut self.ids, self.of.front, &phone, age);
            row.state = state;
            row.preview = text.to_owned();
            let name = Some(name).filter(|name| !name.is_empty());
            row.contact = Some(self.contact(&row, name, None));
            self.inbound(&row, age, text);
            rows.push(row);
        }
        rows
    }

    async fn voicemails(
        &mut self,
        maria: &Conversation,
        stranger: &Conversation,
        noor: &Conversation,
        blobs: &Blobs,
    ) -> [VoicemailId; 2] {
        let mut made = vec![];
        for (of, owner, age, seconds, state) in [
            (stranger, self.of.front, 86_400, 0, VoicemailState::Absent),
            (noor, self.of.admissions, 7_000, 4, VoicemailState::Ready),
            (maria, self.of.front, 3_500, 31, VoicemailState::Ready),
            (stranger, self.of.front, 400, 9, VoicemailState::Fetching),
        ] {
            let id: VoicemailId = self.ids.fresh();
            let missed = seconds == 0;
            let mut blob = None;
            if state == VoicemailState::Ready {
                let key = BlobKey::new(of.account, "recording", id, "audio/x-wav").unwrap();
                blobs.put(&key, Bytes::from(wav(seconds))).await.unwrap();
                blob = Some(key.to_string());
                made.push(id);
            }
            let text = "Hello, it is me again, about Thursday. Could you call me back when you have a moment?";
            self.writes.push(Write::Voicemail(Box::new(Voicemail {
                id,
                account: of.account,
                owner: Route::Group(owner),
                call: self.ids.fresh(),
                conversation: Some(of.id),
                party: of.party.clone(),
                recording: (!missed).then(|| format!("RE{id}")),
                duration_s: seconds,
                state,
                blob,
                transcript: (seconds > 20).then(|| text.to_owned()),
                heard: missed,
                created_at: NOW - Duration::from_secs(age),
                version: 1,
            })));
        }
        [made[1], made[0]]
    }

    fn contact(
        &mut self,
        of: &Conversation,
        name: Option<&str>,
        email: Option<&str>,
    ) -> crate::model::ContactId {
        let id = self.ids.fresh();
        let columns = BTreeMap::from([
            ("size".to_owned(), serde_json::json!("medium")),
            ("member_since".to_owned(), serde_json::json!("2024-05-01")),
        ]);
        let phone = |phone: Party, kind: &str, textable| ContactPhone {
            phone,
            kind: kind.to_owned(),
            textable,
        };
        self.writes.push(Write::Contact(Box::new(Contact {
            id,
            account: of.account,
            name: name.map(str::to_owned),
            phones: vec![
                phone(of.party.clone(), "mobile", true),
                phone(Party::read("+12025550199"), "home", false),
            ],
            email: email.map(str::to_owned),
            language: Some("en".to_owned()),
            source: if name.is_some() {
                "organisation"
            } else {
                "inbound"
            }
            .to_owned(),
            columns: if name.is_some() {
                columns
            } else {
                BTreeMap::new()
            },
            tags: vec![],
            caseloads: Vec::new(),
            forwarded_route: None,
            created_at: of.created_at,
            version: 1,
        })));
        id
    }

    fn inbound(&mut self, of: &Conversation, age_s: u64, text: &str) {
        let row = self.message(of, age_s, text);
        self.writes.push(Write::Message(Box::new(row)));
    }

    fn ours(
        &mut self,
        of: &Conversation,
        age_s: u64,
        text: &str,
        by: Option<&str>,
        status: MessageStatus,
        reason: Option<&str>,
    ) {
        let row = Message {
            kind: if by.is_some() {
                MessageKind::Staff
            } else {
                MessageKind::Automated
            },
            author: by.map(|name| self.of.user(name)),
            status,
            reason: reason.map(str::to_owned),
            ..self.message(of, age_s, text)
        };
        self.writes.push(Write::Message(Box::new(row)));
    }

    fn email(&mut self, of: &Conversation, age_s: u64, text: &str) {
        let row = Message {
            kind: MessageKind::Staff,
            author: Some(self.of.user("ana")),
            status: MessageStatus::Sent,
            via: Via::Email,
            reason: Some("opted_out".to_owned()),
            ..self.message(of, age_s, text)
        };
        self.writes.push(Write::Message(Box::new(row)));
    }

    fn message(&mut self, of: &Conversation, age_s: u64, text: &str) -> Message {
        let at = NOW - Duration::from_secs(age_s);
        Message {
            id: self.id_at(at),
            account: of.account,
            conversation: of.id,
            number: of.number,
            party: of.party.clone(),
            kind: MessageKind::Inbound,
            text: text.to_owned(),
            media: Vec::<MediaRef>::new(),
            status: MessageStatus::Received,
            via: Via::Text,
            segments: 1,
            carrier_id: None,
            reason: None,
            author: None,
            run: None,
            contact: of.contact,
            event: None,
            created_at: at,
            due_at: None,
            attempts: 0,
        }
    }

    fn event(&mut self, of: &Conversation, age_s: u64, by: Option<&str>, kind: ThreadEventKind) {
        let at = NOW - Duration::from_secs(age_s);
        let id = self.id_at(at);
        self.writes.push(Write::ThreadEvent(Box::new(ThreadEvent {
            id,
            account: of.account,
            conversation: of.id,
            at,
            by: by.map(|name| self.of.user(name)),
            kind,
        })));
    }

    fn consent(&mut self, of: &Conversation, verdict: Consent, age_s: u64) {
        self.writes.push(Write::Consent(Box::new(ConsentEntry {
            id: self.ids.fresh(),
            party: of.party.clone(),
            scope: ConsentScope::Number(of.number),
            verdict,
            at: NOW - Duration::from_secs(age_s),
            source: "text".to_owned(),
            event: None,
        })));
    }

    /// Ids are in the order of time, as real ones are.
    fn id_at<T: Id>(&mut self, at: Timestamp) -> T {
        let seed = self.ids.mix();
        Ids::new(at, seed).fresh()
    }
}
