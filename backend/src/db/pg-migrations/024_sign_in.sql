-- A row is one account or address that failed to sign in lately (login_attempts); sessions learn where they come from.
ALTER TABLE sessions ADD COLUMN ip_address TEXT;
ALTER TABLE sessions ADD COLUMN user_agent TEXT;

-- Every request looks a session up by the hash of its cookie.
CREATE UNIQUE INDEX idx_sessions_token_hash ON sessions(token_hash);

CREATE TABLE login_attempts (
  key TEXT PRIMARY KEY,
  failures INTEGER NOT NULL DEFAULT 0,
  first_at TIMESTAMPTZ NOT NULL DEFAULT NOW(),
  locked_until TIMESTAMPTZ
);

CREATE INDEX idx_login_attempts_first_at ON login_attempts(first_at);
