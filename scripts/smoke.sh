#!/usr/bin/env bash
# Waits until a started stack is ready and shows what its health says; fails when it is not ready in two minutes.
#   scripts/smoke.sh [http://127.0.0.1:3051]
set -euo pipefail
url=${1:-http://127.0.0.1:3051}
for _ in $(seq 1 60); do
  if curl --fail --silent --show-error "$url/health/ready" 2>/dev/null; then
    echo
    curl --fail --silent "$url/" | grep -q '<div id="root"' && echo "page served" && exit 0
    echo "ready, but the page is not served" >&2
    exit 1
  fi
  sleep 2
done
echo "not ready after two minutes:" >&2
curl --silent "$url/health/ready" >&2 || true
exit 1
