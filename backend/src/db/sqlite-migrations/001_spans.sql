-- A row is one finished span of a trace: an operation of a service with its times and OpenTelemetry attributes.
CREATE TABLE spans (
  id TEXT NOT NULL PRIMARY KEY,
  trace_id TEXT NOT NULL,
  parent_span_id TEXT,
  name TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('client', 'server', 'internal')),
  status TEXT NOT NULL DEFAULT 'ok' CHECK (status IN ('ok', 'error', 'unset')),
  start_time TIMESTAMPTZ TEXT NOT NULL,
  end_time TIMESTAMPTZ TEXT,
  -- BIGINT: a span of 25 days passes 2^31 ms.
  duration_ms BIGINT,
  service_name TEXT NOT NULL,
  attributes JSONB TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(attributes)),
  trace_source TEXT NOT NULL DEFAULT 'http',
  http_method TEXT,
  http_route TEXT,
  http_status_code INTEGER,
  service_namespace TEXT,
  service_instance_id TEXT,
  service_version TEXT,
  deployment_environment TEXT,
  container_id TEXT,
  container_name TEXT,
  k8s_namespace TEXT,
  k8s_pod_name TEXT,
  k8s_container_name TEXT,
  server_address TEXT,
  server_port INTEGER,
  client_address TEXT,
  url_full TEXT,
  url_scheme TEXT,
  network_transport TEXT,
  network_protocol_name TEXT,
  network_protocol_version TEXT,
  net_peer_name TEXT,
  net_peer_port INTEGER,
  host_name TEXT,
  os_type TEXT,
  -- BIGINT: OpenTelemetry sends int64, and process ids of Windows are unsigned 32 bit.
  process_pid BIGINT,
  process_executable_name TEXT,
  process_command TEXT,
  telemetry_sdk_name TEXT,
  telemetry_sdk_language TEXT,
  telemetry_sdk_version TEXT,
  otel_scope_name TEXT,
  otel_scope_version TEXT,
  created_at TIMESTAMPTZ TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);

CREATE INDEX idx_spans_trace ON spans(trace_id);
CREATE INDEX idx_spans_parent ON spans(parent_span_id);
CREATE INDEX idx_spans_service ON spans(service_name);
CREATE INDEX idx_spans_time ON spans(start_time);
CREATE INDEX idx_spans_source ON spans(trace_source);
CREATE INDEX idx_spans_source_time ON spans(trace_source, start_time);
CREATE INDEX idx_spans_http_method ON spans(http_method);
CREATE INDEX idx_spans_http_status_code ON spans(http_status_code);
CREATE INDEX idx_spans_service_namespace ON spans(service_namespace);
CREATE INDEX idx_spans_container_name ON spans(container_name);
CREATE INDEX idx_spans_k8s_namespace ON spans(k8s_namespace);
CREATE INDEX idx_spans_host_name ON spans(host_name);
CREATE INDEX idx_spans_net_peer_name ON spans(net_peer_name);
CREATE INDEX idx_spans_network_transport ON spans(network_transport);
-- URLs and paths have no useful limit, and a B-tree entry over 2,704 bytes fails in PostgreSQL: 512 characters are
-- at most 2,048 bytes. A query that wants the index compares this expression and the whole value.
CREATE INDEX idx_spans_url_full ON spans(substr(url_full, 1, 512));
CREATE INDEX idx_spans_process_executable_name ON spans(substr(process_executable_name, 1, 512));
