-- Text segments a second that the carrier takes from a number; none: only its connection's rate holds.
ALTER TABLE number ADD COLUMN rate TEXT;
