-- What a party is known by, side by side: its threads and its contacts are found on one page of one tree, where
-- two indexes in random order had dirtied one page each. A contact's row may outlive a change of phones; the contact
-- has the last word.
CREATE TABLE party_index (
    party text NOT NULL,
    -- 'conversation', inside a number, or 'contact', inside an account
    what text NOT NULL,
    within_id uuid NOT NULL,
    id uuid NOT NULL,
    PRIMARY KEY (party, what, within_id, id)
);
INSERT INTO party_index (party, what, within_id, id)
    SELECT party, 'conversation', number_id, id FROM conversation
    UNION ALL SELECT party, 'contact', account_id, contact_id FROM contact_phone
    ORDER BY 1, 2, 3, 4;
DROP INDEX conversation_of_party;
DROP TABLE contact_phone;

-- Texts under way are looked for apart from those that wait, however many wait. The status stands in the indexes so
-- that both are counted without looking at the texts.
DROP INDEX message_due;
CREATE INDEX message_waiting ON message (due_at, id, status) WHERE due_at IS NOT NULL AND status IN ('queued', 'held');
CREATE INDEX message_under_way ON message (due_at, id, status) WHERE due_at IS NOT NULL AND status IN ('sending', 'unknown');

-- The loop guard counts a thread's latest automated texts: from its index alone, for its texts lie far apart.
DROP INDEX message_of_conversation;
CREATE INDEX message_of_conversation ON message (conversation_id, id, kind, created_at);
