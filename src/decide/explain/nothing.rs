//! A state for whoever asks without a store.

use crate::model::people::Presence;
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
