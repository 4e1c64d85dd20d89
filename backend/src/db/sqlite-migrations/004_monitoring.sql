-- A row is one collection cycle (monitoring_cycles), or the counts of the fleet at its end (monitoring_snapshots).
CREATE TABLE monitoring_cycles (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  duration_ms BIGINT NOT NULL,
  created_at TIMESTAMPTZ TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);

CREATE INDEX idx_monitoring_cycles_created_at ON monitoring_cycles(created_at);

CREATE TABLE monitoring_snapshots (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  containers_running INTEGER NOT NULL,
  containers_stopped INTEGER NOT NULL,
  containers_unhealthy INTEGER NOT NULL,
  endpoints_up INTEGER NOT NULL,
  endpoints_down INTEGER NOT NULL,
  created_at TIMESTAMPTZ TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);

CREATE INDEX idx_monitoring_snapshots_created_at ON monitoring_snapshots(created_at);
