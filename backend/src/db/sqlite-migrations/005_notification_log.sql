-- A row is one notification that was sent, or failed to be, on one channel.
CREATE TABLE notification_log (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  channel TEXT NOT NULL,
  event_type TEXT NOT NULL,
  title TEXT NOT NULL,
  body TEXT NOT NULL,
  severity TEXT DEFAULT 'info',
  container_id TEXT,
  container_name TEXT,
  endpoint_id INTEGER,
  status TEXT NOT NULL DEFAULT 'sent',
  error TEXT,
  created_at TIMESTAMPTZ TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);

CREATE INDEX idx_notif_log_created ON notification_log(created_at);
CREATE INDEX idx_notif_log_channel ON notification_log(channel);
