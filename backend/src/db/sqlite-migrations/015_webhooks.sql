-- A row is one receiver of events (webhooks), or one attempt series to deliver one event (webhook_deliveries).
CREATE TABLE webhooks (
  id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  url TEXT NOT NULL,
  secret TEXT NOT NULL,
  events JSONB TEXT NOT NULL DEFAULT '["insight.created"]' CHECK (json_valid(events)),
  enabled BOOLEAN NOT NULL DEFAULT TRUE CHECK (enabled IN (0, 1)),
  description TEXT,
  created_at TIMESTAMPTZ TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  updated_at TIMESTAMPTZ TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);

CREATE TABLE webhook_deliveries (
  id TEXT NOT NULL PRIMARY KEY,
  webhook_id TEXT NOT NULL REFERENCES webhooks(id) ON DELETE CASCADE,
  event_type TEXT NOT NULL,
  -- The signed bytes. JSONB would reorder keys, and the signature would no longer fit.
  payload TEXT NOT NULL,
  status TEXT NOT NULL DEFAULT 'pending',
  http_status INTEGER,
  response_body TEXT,
  attempt INTEGER NOT NULL DEFAULT 0,
  max_attempts INTEGER NOT NULL DEFAULT 5,
  next_retry_at TIMESTAMPTZ TEXT,
  delivered_at TIMESTAMPTZ TEXT,
  created_at TIMESTAMPTZ TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);

CREATE INDEX idx_webhook_deliveries_webhook_id ON webhook_deliveries(webhook_id);
CREATE INDEX idx_webhook_deliveries_status ON webhook_deliveries(status);
CREATE INDEX idx_webhook_deliveries_next_retry ON webhook_deliveries(status, next_retry_at);
