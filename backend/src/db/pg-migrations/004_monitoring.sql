-- A row is one collection cycle (monitoring_cycles), or the counts of the fleet at its end (monitoring_snapshots).
CREATE TABLE monitoring_cycles (
  id BIGSERIAL PRIMARY KEY,
  duration_ms BIGINT NOT NULL,
  created_at TIMESTAMPTZ NOT NULL DEFAULT NOW()
);

CREATE INDEX idx_monitoring_cycles_created_at ON monitoring_cycles(created_at);

CREATE TABLE monitoring_snapshots (
  id BIGSERIAL PRIMARY KEY,
  containers_running INTEGER NOT NULL,
  containers_stopped INTEGER NOT NULL,
  containers_unhealthy INTEGER NOT NULL,
  endpoints_up INTEGER NOT NULL,
  endpoints_down INTEGER NOT NULL,
  created_at TIMESTAMPTZ NOT NULL DEFAULT NOW()
);

CREATE INDEX idx_monitoring_snapshots_created_at ON monitoring_snapshots(created_at);
