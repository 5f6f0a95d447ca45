-- The same for everything else, which is not looked for among them. An index of both would be taken in place of these.
CREATE INDEX job_due_work ON job (due_at) WHERE due_at IS NOT NULL AND (kind -> 'http') IS NULL;
DROP INDEX job_due;
