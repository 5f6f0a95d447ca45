-- Who was rung longest ago, and who took a call longest ago.
CREATE INDEX leg_rung ON leg (user_id, started_at) WHERE user_id IS NOT NULL;
CREATE INDEX leg_answered ON leg (user_id, started_at) WHERE accepted AND user_id IS NOT NULL;
