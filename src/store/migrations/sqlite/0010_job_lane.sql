-- Requests of flows to other systems are claimed apart from everything else that must leave.
CREATE INDEX job_due_http ON job (due_at) WHERE due_at IS NOT NULL AND (kind -> 'http') IS NOT NULL;
