-- A row is one source of containers (endpoints), or one thing that happened on it (fleet_events).
CREATE TABLE endpoints (
  id BIGSERIAL PRIMARY KEY,
  -- The Portainer server an environment was found on.
  parent_id BIGINT REFERENCES endpoints(id) ON DELETE CASCADE,
  kind TEXT NOT NULL CHECK (kind IN ('local', 'docker', 'portainer')),
  name TEXT NOT NULL UNIQUE,
  url TEXT,
  -- The environment's id on its Portainer server.
  external_id INTEGER,
  enabled BOOLEAN NOT NULL DEFAULT TRUE,
  allow_actions BOOLEAN NOT NULL DEFAULT FALSE,
  tls_ca TEXT,
  tls_cert TEXT,
  tls_key_encrypted TEXT,
  tls_verify BOOLEAN NOT NULL DEFAULT TRUE,
  api_key_encrypted TEXT,
  created_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
  updated_at TIMESTAMPTZ NOT NULL DEFAULT NOW()
);

-- Also what deleting a parent looks for. Rows without a parent are never equal here.
CREATE UNIQUE INDEX idx_endpoints_parent ON endpoints(parent_id, external_id);

CREATE TABLE fleet_events (
  id BIGSERIAL PRIMARY KEY,
  -- No foreign key: what happened stays known when the endpoint is removed.
  endpoint_id BIGINT NOT NULL,
  at TIMESTAMPTZ NOT NULL,
  kind TEXT NOT NULL,
  action TEXT NOT NULL,
  subject_id TEXT NOT NULL,
  subject_name TEXT NOT NULL,
  stack TEXT,
  attributes JSONB NOT NULL DEFAULT '{}'::jsonb
);

CREATE INDEX idx_fleet_events_at ON fleet_events(at, id);
CREATE INDEX idx_fleet_events_subject ON fleet_events(endpoint_id, subject_name, at);
