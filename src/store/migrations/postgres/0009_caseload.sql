-- Named subsets of a program's contacts: { key, name } each; keys are unique in the account.
ALTER TABLE program ADD COLUMN caseloads jsonb NOT NULL DEFAULT '[]';
-- The caseloads that a contact is in, by key.
ALTER TABLE contact ADD COLUMN caseloads jsonb NOT NULL DEFAULT '[]';
