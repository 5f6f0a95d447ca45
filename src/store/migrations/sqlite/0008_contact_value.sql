-- By what contacts are found besides their phones. A row may outlive a change of the field; the contact has the last word.
CREATE TABLE contact_value (
    account_id BLOB NOT NULL,
    field TEXT NOT NULL,
    -- without blanks around, A to Z small
    value TEXT NOT NULL,
    contact_id BLOB NOT NULL,
    PRIMARY KEY (account_id, field, value, contact_id)
) WITHOUT ROWID;
INSERT INTO contact_value (account_id, field, value, contact_id)
    SELECT account_id, field, value, id FROM (
        SELECT c.account_id, 'email' AS field, lower(trim(c.email)) AS value, c.id FROM contact c
        UNION SELECT c.account_id, j.key, lower(trim(j.value)), c.id FROM contact c, json_each(c.columns) j
            WHERE j.type IN ('text', 'integer', 'real') AND j.key <> 'email'
    ) WHERE value <> '' AND length(value) <= 200
    ORDER BY 1, 2, 3, 4;
