//! A state for whoever asks without a store.

use crate::model::people::{Contact, Presence};
use crate::model::turn::{Need, State, Thread};

/// A state in which nothing is known, so that an organisation can be asked about without a store.
pub fn nothing_known(needs: &[Need]) -> State {
    let mut state = State::default();
    for need in needs {
        match need.clone() {
            Need::Thread(number, party) => {
                state.put_thread(number, party, Thread::default());
            }
            Need::Conversation(id) => {
                state.conversations.insert(id, None);
            }
            Need::Call(id) => {
                state.calls.insert(id, None);
            }
            Need::Leg(id) => {
                state.legs.insert(id, None);
            }
            Need::Run(id) => {
                state.runs.insert(id, None);
            }
            Need::Message(id) => {
                state.messages.insert(id, None);
            }
            Need::MessageByCarrier(connection, id) => {
                state.carrier_messages.insert((connection, id), None);
            }
            Need::CallByCarrier(connection, id) => {
                state.carrier_calls.insert((connection, id), None);
            }
            Need::Voicemail(call) => {
                state.voicemails.insert(call, Vec::new());
            }
            Need::Presence(user) => {
                state.presence.insert(user, Presence::default());
            }
            Need::Waiting(account) => {
                state.waiting.insert(account, Vec::new());
            }
            Need::Revision(id) => {
                state.revisions.insert(id, None);
            }
            Need::Contacts(account, asked) => {
                state.contacts.insert((account, asked), Vec::new());
            }
            Need::Usage(account, month) => {
                state.usage.insert((account, month), None);
            }
        }
    }
    state
}

/// A state in which only these people are known, as an organisation's file or a test makes them up.
pub fn people_known(needs: &[Need], people: &[Contact]) -> State {
    let mut state = nothing_known(needs);
    for ((_, party), thread) in &mut state.threads {
        let has = |one: &&Contact| one.phones.iter().any(|phone| phone.phone == *party);
        thread.contacts = people.iter().filter(has).cloned().collect();
    }
    for ((account, asked), found) in &mut state.contacts {
        let has = |one: &&Contact| {
            one.account == *account && one.compared(&asked.field).as_ref() == Some(&asked.value)
        };
        *found = people.iter().filter(has).cloned().collect();
    }
    state
}
