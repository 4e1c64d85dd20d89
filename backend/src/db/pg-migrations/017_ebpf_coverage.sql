-- A row is one endpoint and how far it is covered by eBPF tracing.
CREATE TABLE ebpf_coverage (
  endpoint_id INTEGER PRIMARY KEY,
  endpoint_name TEXT NOT NULL,
  status TEXT NOT NULL DEFAULT 'unknown'
    CHECK (status IN (
      'planned', 'deployed', 'excluded', 'failed', 'unknown', 'not_deployed', 'unreachable', 'incompatible'
    )),
  beyla_enabled BOOLEAN NOT NULL DEFAULT FALSE,
  beyla_container_id TEXT,
  beyla_managed BOOLEAN NOT NULL DEFAULT FALSE,
  otlp_endpoint_override TEXT,
  exclusion_reason TEXT,
  deployment_profile TEXT,
  last_trace_at TIMESTAMPTZ,
  last_verified_at TIMESTAMPTZ,
  created_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
  updated_at TIMESTAMPTZ NOT NULL DEFAULT NOW()
);
