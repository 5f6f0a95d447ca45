-- By what contacts are found besides their phones. A row may outlive a change of the field; the contact has the last word.
CREATE TABLE contact_value (
    account_id uuid NOT NULL,
    field text NOT NULL,
    -- without blanks around, A to Z small
    value text NOT NULL,
    contact_id uuid NOT NULL,
    PRIMARY KEY (account_id, field, value, contact_id)
);
INSERT INTO contact_value (account_id, field, value, contact_id)
    SELECT account_id, field, value, id FROM (
        SELECT c.account_id, 'email' AS field, lower(trim(c.email) COLLATE "C") AS value, c.id FROM contact c
        UNION SELECT c.account_id, j.key, lower(trim(j.value #>> '{}') COLLATE "C"), c.id
            FROM contact c, jsonb_each(c.columns) j
            WHERE jsonb_typeof(j.value) IN ('string', 'number') AND j.key <> 'email'
    ) AS found WHERE value <> '' AND length(value) <= 200;
