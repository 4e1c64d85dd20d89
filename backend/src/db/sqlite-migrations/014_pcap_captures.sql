-- A row is one packet capture in a container.
-- `succeeded`, `stopped` and `analyzed` are kept beside `complete`: all four ends are found in existing data.
CREATE TABLE pcap_captures (
  id TEXT NOT NULL PRIMARY KEY,
  endpoint_id INTEGER NOT NULL,
  container_id TEXT NOT NULL,
  container_name TEXT NOT NULL,
  status TEXT NOT NULL DEFAULT 'pending'
    CHECK (status IN (
      'pending', 'capturing', 'processing', 'complete', 'failed', 'stopped', 'analyzed', 'succeeded'
    )),
  filter TEXT,
  duration_seconds INTEGER,
  max_packets INTEGER,
  capture_file TEXT,
  file_size_bytes BIGINT,
  packet_count BIGINT,
  protocol_stats JSONB TEXT CHECK (json_valid(protocol_stats)),
  exec_id TEXT,
  error_message TEXT,
  analysis_result JSONB TEXT CHECK (json_valid(analysis_result)),
  started_at TIMESTAMPTZ TEXT,
  completed_at TIMESTAMPTZ TEXT,
  created_at TIMESTAMPTZ TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);

CREATE INDEX idx_pcap_captures_status ON pcap_captures(status);
CREATE INDEX idx_pcap_captures_container_id ON pcap_captures(container_id);
CREATE INDEX idx_pcap_captures_created_at ON pcap_captures(created_at);
