-- A row is one proposed remediation and what became of it: approved, rejected, executed.
CREATE TABLE actions (
  id TEXT NOT NULL PRIMARY KEY,
  insight_id TEXT REFERENCES insights(id),
  endpoint_id INTEGER NOT NULL,
  container_id TEXT NOT NULL,
  container_name TEXT NOT NULL,
  action_type TEXT NOT NULL,
  rationale TEXT NOT NULL,
  status TEXT NOT NULL DEFAULT 'pending'
    CHECK (status IN ('pending', 'approved', 'rejected', 'executing', 'completed', 'failed')),
  approved_by TEXT,
  approved_at TIMESTAMPTZ TEXT,
  rejected_by TEXT,
  rejected_at TIMESTAMPTZ TEXT,
  rejection_reason TEXT,
  executed_at TIMESTAMPTZ TEXT,
  completed_at TIMESTAMPTZ TEXT,
  execution_result TEXT,
  execution_duration_ms BIGINT,
  created_at TIMESTAMPTZ TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);

CREATE INDEX idx_actions_status ON actions(status);
CREATE INDEX idx_actions_container ON actions(container_id);
CREATE INDEX idx_actions_created ON actions(created_at);
-- Deleting an insight looks for actions that refer to it.
CREATE INDEX idx_actions_insight ON actions(insight_id);
-- One pending action of a kind per container. Older databases know the same index as idx_actions_pending_dedup.
CREATE UNIQUE INDEX idx_actions_pending_unique ON actions(container_id, action_type) WHERE status = 'pending';
