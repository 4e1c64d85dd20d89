-- A row is one finding about a container or an endpoint.
CREATE TABLE insights (
  id TEXT NOT NULL PRIMARY KEY,
  endpoint_id INTEGER,
  endpoint_name TEXT,
  container_id TEXT,
  container_name TEXT,
  severity TEXT NOT NULL CHECK (severity IN ('critical', 'warning', 'info')),
  category TEXT NOT NULL,
  title TEXT NOT NULL,
  description TEXT NOT NULL,
  suggested_action TEXT,
  is_acknowledged BOOLEAN NOT NULL DEFAULT FALSE CHECK (is_acknowledged IN (0, 1)),
  created_at TIMESTAMPTZ TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);

CREATE INDEX idx_insights_severity ON insights(severity);
CREATE INDEX idx_insights_created ON insights(created_at);
CREATE INDEX idx_insights_container ON insights(container_id);
