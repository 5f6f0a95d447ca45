-- What is not in party_index yet, in order of arrival: appended there, moved in the index's own order later.
CREATE TABLE party_recent (
    seq INTEGER PRIMARY KEY,
    party TEXT NOT NULL,
    -- 'conversation', inside a number, or 'contact', inside an account
    what TEXT NOT NULL,
    within_id BLOB NOT NULL,
    id BLOB NOT NULL
);
