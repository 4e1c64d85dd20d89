-- Replaces the twin's empty tables: metrics becomes a hypertable, metrics_1m … metrics_1d its continuous aggregates.
-- Tables that already hold rows stay as they are and are kept by the product's own job (metric_rollups.kept_by).
CREATE OR REPLACE FUNCTION metrics_now_ms() RETURNS BIGINT LANGUAGE SQL STABLE
AS $$ SELECT (extract(epoch FROM now()) * 1000)::BIGINT $$;

DO $extra$
DECLARE
  rollup RECORD;
  day_ms CONSTANT BIGINT := 86400000;
BEGIN
  IF EXISTS (SELECT 1 FROM metric_rollups WHERE kept_by = 'timescaledb') THEN
    RETURN;
  END IF;
  IF EXISTS (SELECT 1 FROM metrics_recent) OR EXISTS (SELECT 1 FROM metrics)
    OR EXISTS (SELECT 1 FROM metrics_1m) OR EXISTS (SELECT 1 FROM metrics_1d) THEN
    RAISE NOTICE 'metrics: the tables hold rows and stay partitioned tables';
    RETURN;
  END IF;

  DROP TABLE metrics, metrics_1m, metrics_5m, metrics_1h, metrics_1d;

  CREATE TABLE metrics (
    series_id INTEGER NOT NULL,
    time_ms BIGINT NOT NULL,
    value DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (series_id, time_ms)
  );
  PERFORM create_hypertable('metrics', by_range('time_ms', day_ms), create_default_indexes => FALSE);
  PERFORM set_integer_now_func('metrics', 'metrics_now_ms');
  ALTER TABLE metrics SET (
    timescaledb.compress, timescaledb.compress_segmentby = 'series_id', timescaledb.compress_orderby = 'time_ms'
  );

  CREATE MATERIALIZED VIEW metrics_1m
  WITH (timescaledb.continuous, timescaledb.materialized_only = FALSE,
    timescaledb.create_group_indexes = FALSE) AS
  SELECT series_id, time_bucket(60000, time_ms) AS time_ms,
    min(value) AS min, max(value) AS max, sum(value) AS sum, count(*) AS count
  FROM metrics
  GROUP BY series_id, time_bucket(60000, time_ms)
  WITH NO DATA;

  -- Minutes show what is not materialized yet; hours and days do not, since that would cost every long chart
  -- dear. Readers take the newest from the minutes.
  FOR rollup IN
    SELECT * FROM (VALUES
      (1, 'metrics_5m', 300000, 'metrics_1m'),
      (2, 'metrics_1h', 3600000, 'metrics_5m'),
      (3, 'metrics_1d', 86400000, 'metrics_1h')
    ) AS levels (n, view, step_ms, finer) ORDER BY n
  LOOP
    EXECUTE format(
      'CREATE MATERIALIZED VIEW %1$I
       WITH (timescaledb.continuous, timescaledb.materialized_only = %4$L,
         timescaledb.create_group_indexes = FALSE) AS
       SELECT series_id, time_bucket(%2$s, time_ms) AS time_ms,
         min(min) AS min, max(max) AS max, sum(sum) AS sum, sum(count)::BIGINT AS count
       FROM %3$I
       GROUP BY series_id, time_bucket(%2$s, time_ms)
       WITH NO DATA',
      rollup.view, rollup.step_ms, rollup.finer, rollup.step_ms >= 3600000);
  END LOOP;

  -- Chunk intervals well under each retention; the policies of the default retention (7 days of samples,
  -- 30 days of 1m, 120 of 5m, a year of 1h and 1d). The retention job changes them with the settings.
  -- A refresh window ends before what its source may have dropped, or the refresh would erase rollups;
  -- compression starts after the window, so that late samples meet plain chunks.
  FOR rollup IN
    SELECT * FROM (VALUES
      ('metrics_1m', 60000, 60000, 3, 6.5, 30, INTERVAL '1 minute'),
      ('metrics_5m', 300000, 300000, 7, 8, 120, INTERVAL '5 minutes'),
      ('metrics_1h', 3600000, 3600000, 7, 8, 365, INTERVAL '30 minutes'),
      -- A day is made when its last hour is sure to be there.
      ('metrics_1d', 86400000, 93600000, 28, 9, 365, INTERVAL '6 hours')
    ) AS levels (view, step_ms, settled_ms, chunk_days, window_days, keep_days, every)
  LOOP
    PERFORM set_chunk_time_interval(rollup.view::regclass, rollup.chunk_days * day_ms);
    -- Compression of an aggregate asks its own hypertable what time it is; nothing sets that by itself.
    PERFORM set_integer_now_func(
      format('%I.%I', c.materialization_hypertable_schema, c.materialization_hypertable_name)::regclass,
      'metrics_now_ms')
    FROM timescaledb_information.continuous_aggregates AS c
    WHERE c.view_schema = current_schema() AND c.view_name = rollup.view;
    PERFORM add_continuous_aggregate_policy(rollup.view::regclass,
      start_offset => (rollup.window_days * day_ms)::BIGINT, end_offset => rollup.settled_ms::BIGINT,
      schedule_interval => rollup.every);
    -- Long charts of all containers read the coarse ones from the index alone.
    EXECUTE format('CREATE INDEX ON %I (series_id, time_ms)%s', rollup.view,
      CASE WHEN rollup.step_ms >= 3600000 THEN ' INCLUDE (min, max, sum, count)' ELSE '' END);
    EXECUTE format(
      'ALTER MATERIALIZED VIEW %I SET (timescaledb.compress, timescaledb.compress_segmentby = ''series_id'')',
      rollup.view);
    PERFORM add_compression_policy(rollup.view::regclass, compress_after => 10 * day_ms);
    PERFORM add_retention_policy(rollup.view::regclass, drop_after => rollup.keep_days * day_ms);
  END LOOP;
  PERFORM add_compression_policy('metrics', compress_after => day_ms);
  PERFORM add_retention_policy('metrics', drop_after => 7 * day_ms);

  UPDATE metric_rollups SET kept_by = 'timescaledb';
END
$extra$;
