-- A row is one API token of a user (api_tokens), or one token that may make the first administrator (setup_tokens).
CREATE TABLE api_tokens (
  id TEXT NOT NULL PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  token_hash TEXT NOT NULL UNIQUE,
  scopes JSONB TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(scopes)),
  created_at TIMESTAMPTZ TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  last_used_at TIMESTAMPTZ TEXT,
  expires_at TIMESTAMPTZ TEXT
);

CREATE INDEX idx_api_tokens_user ON api_tokens(user_id);

CREATE TABLE setup_tokens (
  token_hash TEXT NOT NULL PRIMARY KEY,
  created_at TIMESTAMPTZ TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
  expires_at TIMESTAMPTZ TEXT,
  used_at TIMESTAMPTZ TEXT
);
