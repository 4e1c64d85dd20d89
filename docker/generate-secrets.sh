#!/bin/sh
# Writes the stack's passwords into the `secrets` volume, once. A value given in the environment is
# taken; an empty one is drawn from /dev/urandom. Existing files are kept: PostgreSQL stores its
# passwords at the first start and would not follow a change.
set -eu
umask 077
dir=/run/holdfast

write_secret() { # file, value from the environment
  [ -s "$dir/$1" ] && return
  value=$2
  [ -n "$value" ] || value=$(head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n')
  case $value in
    changeme* | password | postgres | secret)
      echo "refused: '$1' is a well-known password; leave it empty in .env to have one generated" >&2
      exit 1
      ;;
  esac
  printf '%s' "$value" >"$dir/$1"
}

# Percent-encodes everything that has a meaning in a URL.
url_encode() {
  printf '%s' "$1" | od -An -v -tx1 | tr -d '\n' | sed 's/ \([0-9a-f][0-9a-f]\)/%\1/g'
}

write_secret postgres_password "${POSTGRES_PASSWORD:-}"
write_secret postgres_app_password "${POSTGRES_APP_PASSWORD:-}"
write_url() { # file, user, file of the password, database
  printf 'postgresql://%s:%s@timescaledb:5432/%s' "$2" "$(url_encode "$(cat "$dir/$3")")" "$4" >"$dir/$1"
}
write_url app_url dashboard_user postgres_app_password dashboard
write_url admin_url postgres postgres_password postgres

# The database's entrypoint reads as root before it drops to its own user; its init scripts run as that
# user, and the product runs as node. Only these containers mount the volume.
chmod 0755 "$dir"
chmod 0444 "$dir"/*
