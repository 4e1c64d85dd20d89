#!/bin/bash
# Makes the product's database and its user when the server is initialised for the first time.
# An existing volume is not initialised again: run the statements by hand there (docs/runbooks/postgresql.md).
# --dbname is named: without it psql looks for a database called like the user and the first start fails.
set -euo pipefail

password=${POSTGRES_APP_PASSWORD:-}
if [ -z "$password" ] && [ -r /run/holdfast/postgres_app_password ]; then
  password=$(cat /run/holdfast/postgres_app_password)
fi
if [ -z "$password" ]; then
  echo 'init-pg-databases: POSTGRES_APP_PASSWORD is not set and no generated secret is mounted' >&2
  exit 1
fi

# The password travels as a psql variable, quoted by psql itself, so that any character may be in it.
psql -v ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres --set app_password="$password" <<'SQL'
CREATE ROLE dashboard_user LOGIN CREATEDB PASSWORD :'app_password';
CREATE DATABASE dashboard OWNER dashboard_user TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C';
REVOKE ALL ON DATABASE dashboard FROM PUBLIC;
SQL

# TimescaleDB where the image has it: creating an extension needs a superuser, which the product is not.
psql -v ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname dashboard <<'SQL'
SELECT count(*) > 0 AS has_timescaledb FROM pg_available_extensions WHERE name = 'timescaledb' \gset
\if :has_timescaledb
CREATE EXTENSION IF NOT EXISTS timescaledb;
\endif
SQL
