-- A row is one MCP server whose tools the assistant may call.
CREATE TABLE mcp_servers (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  transport TEXT NOT NULL CHECK (transport IN ('stdio', 'sse', 'http')),
  command TEXT,
  url TEXT,
  args JSONB TEXT CHECK (json_valid(args)),
  env JSONB TEXT CHECK (json_valid(env)),
  enabled BOOLEAN NOT NULL DEFAULT TRUE CHECK (enabled IN (0, 1)),
  disabled_tools JSONB TEXT CHECK (json_valid(disabled_tools)),
  created_at TIMESTAMPTZ TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  updated_at TIMESTAMPTZ TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);
