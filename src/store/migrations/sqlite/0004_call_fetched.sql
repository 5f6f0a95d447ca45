-- The turn whose script the carrier has for certain: nobody is sent there again.
ALTER TABLE call ADD COLUMN fetched INTEGER NOT NULL DEFAULT 0;
