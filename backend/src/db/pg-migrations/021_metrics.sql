-- A row of metric_series is one measured thing; a row of metrics is one sample of it; metrics_1m … metrics_1d are its rollups.
CREATE TABLE metric_series (
  id SERIAL PRIMARY KEY,
  endpoint_id INTEGER NOT NULL,
  subject TEXT NOT NULL CHECK (subject IN ('host', 'container')),
  -- The container's name, not its id: history survives a re-create. '' for the host.
  name TEXT NOT NULL,
  metric TEXT NOT NULL,
  -- Device, core, mount or sensor; '' where there is only one.
  instance TEXT NOT NULL,
  unit TEXT NOT NULL,
  UNIQUE (endpoint_id, subject, name, metric, instance)
);

CREATE INDEX idx_metric_series_subject_metric ON metric_series (subject, metric);

-- Samples of the last minutes in order of arrival; the rollup job moves them on. Rows live for minutes
-- only, so vacuum goes by number and not by share of the table.
CREATE TABLE metrics_recent (
  time_ms BIGINT NOT NULL,
  series_id INTEGER NOT NULL,
  value DOUBLE PRECISION NOT NULL,
  PRIMARY KEY (time_ms, series_id)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000);

-- Partitions are made ahead and dropped by the retention job: metrics by day, 1m by 7 days, 5m by 14 days, 1h by 28.
CREATE TABLE metrics (
  series_id INTEGER NOT NULL,
  time_ms BIGINT NOT NULL,
  value DOUBLE PRECISION NOT NULL,
  PRIMARY KEY (series_id, time_ms)
) PARTITION BY RANGE (time_ms);

-- time_ms is the start of the bucket; the mean is sum / count.
CREATE TABLE metrics_1m (
  series_id INTEGER NOT NULL,
  time_ms BIGINT NOT NULL,
  min DOUBLE PRECISION NOT NULL,
  max DOUBLE PRECISION NOT NULL,
  sum DOUBLE PRECISION NOT NULL,
  count BIGINT NOT NULL,
  PRIMARY KEY (series_id, time_ms)
) PARTITION BY RANGE (time_ms);

CREATE TABLE metrics_5m (
  series_id INTEGER NOT NULL,
  time_ms BIGINT NOT NULL,
  min DOUBLE PRECISION NOT NULL,
  max DOUBLE PRECISION NOT NULL,
  sum DOUBLE PRECISION NOT NULL,
  count BIGINT NOT NULL,
  PRIMARY KEY (series_id, time_ms)
) PARTITION BY RANGE (time_ms);

-- Long charts of all containers read these two from the key alone: the rows of one series lie on as many pages
-- as there are buckets.
CREATE TABLE metrics_1h (
  series_id INTEGER NOT NULL,
  time_ms BIGINT NOT NULL,
  min DOUBLE PRECISION NOT NULL,
  max DOUBLE PRECISION NOT NULL,
  sum DOUBLE PRECISION NOT NULL,
  count BIGINT NOT NULL,
  PRIMARY KEY (series_id, time_ms) INCLUDE (min, max, sum, count)
) PARTITION BY RANGE (time_ms);

CREATE TABLE metrics_1d (
  series_id INTEGER NOT NULL,
  time_ms BIGINT NOT NULL,
  min DOUBLE PRECISION NOT NULL,
  max DOUBLE PRECISION NOT NULL,
  sum DOUBLE PRECISION NOT NULL,
  count BIGINT NOT NULL,
  PRIMARY KEY (series_id, time_ms) INCLUDE (min, max, sum, count)
);

-- The newest sample of each series. Updated every cycle: room in each page keeps the updates off the index.
CREATE TABLE metric_latest (
  series_id INTEGER PRIMARY KEY REFERENCES metric_series (id) ON DELETE CASCADE,
  time_ms BIGINT NOT NULL,
  value DOUBLE PRECISION NOT NULL
) WITH (fillfactor = 50);

-- How far each resolution is rolled up: buckets that start before watermark_ms are in its table. Where
-- kept_by is 'timescaledb' its continuous aggregates do that and the watermark is unused.
CREATE TABLE metric_rollups (
  level TEXT NOT NULL PRIMARY KEY CHECK (level IN ('1m', '5m', '1h', '1d')),
  watermark_ms BIGINT NOT NULL DEFAULT 0,
  kept_by TEXT NOT NULL DEFAULT 'product' CHECK (kept_by IN ('product', 'timescaledb'))
);

INSERT INTO metric_rollups (level) VALUES ('1m'), ('5m'), ('1h'), ('1d');
