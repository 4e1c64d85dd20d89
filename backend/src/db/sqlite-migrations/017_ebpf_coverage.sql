-- A row is one endpoint and how far it is covered by eBPF tracing.
CREATE TABLE ebpf_coverage (
  endpoint_id INTEGER NOT NULL PRIMARY KEY,
  endpoint_name TEXT NOT NULL,
  status TEXT NOT NULL DEFAULT 'unknown'
    CHECK (status IN (
      'planned', 'deployed', 'excluded', 'failed', 'unknown', 'not_deployed', 'unreachable', 'incompatible'
    )),
  beyla_enabled BOOLEAN NOT NULL DEFAULT FALSE CHECK (beyla_enabled IN (0, 1)),
  beyla_container_id TEXT,
  beyla_managed BOOLEAN NOT NULL DEFAULT FALSE CHECK (beyla_managed IN (0, 1)),
  otlp_endpoint_override TEXT,
  exclusion_reason TEXT,
  deployment_profile TEXT,
  last_trace_at TIMESTAMPTZ TEXT,
  last_verified_at TIMESTAMPTZ TEXT,
  created_at TIMESTAMPTZ TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  updated_at TIMESTAMPTZ TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);
