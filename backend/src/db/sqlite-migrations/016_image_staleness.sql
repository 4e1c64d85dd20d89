-- A row is one image by tag, and whether its registry has a newer one.
CREATE TABLE image_staleness (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  image_name TEXT NOT NULL,
  image_tag TEXT NOT NULL DEFAULT 'latest',
  registry TEXT NOT NULL DEFAULT 'docker.io',
  local_digest TEXT,
  remote_digest TEXT,
  is_stale BOOLEAN NOT NULL DEFAULT FALSE CHECK (is_stale IN (0, 1)),
  days_since_update INTEGER,
  last_checked_at TIMESTAMPTZ TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  created_at TIMESTAMPTZ TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  UNIQUE (image_name, image_tag, registry)
);

CREATE INDEX idx_image_staleness_stale ON image_staleness(is_stale);
CREATE INDEX idx_image_staleness_name ON image_staleness(image_name);
