-- A row is one MCP server whose tools the assistant may call.
CREATE TABLE mcp_servers (
  id BIGSERIAL PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  transport TEXT NOT NULL CHECK (transport IN ('stdio', 'sse', 'http')),
  command TEXT,
  url TEXT,
  args JSONB,
  env JSONB,
  enabled BOOLEAN NOT NULL DEFAULT TRUE,
  disabled_tools JSONB,
  created_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
  updated_at TIMESTAMPTZ NOT NULL DEFAULT NOW()
);
