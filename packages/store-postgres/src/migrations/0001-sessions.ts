/** Workspaces, keys, sessions and what happens in them. */
export default `
-- Moved by tests only. Every time that a decision is made from comes through here.
CREATE TABLE store_clock (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  offset_ms bigint NOT NULL DEFAULT 0
);
INSERT INTO store_clock DEFAULT VALUES;

-- The wall clock, not the start of the transaction: who waited for a lock decides by the time it got it.
CREATE FUNCTION store_now() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$
  SELECT clock_timestamp() + offset_ms * interval '1 millisecond' FROM boxyard.store_clock
$$;
CREATE FUNCTION store_now_ms() RETURNS bigint LANGUAGE sql VOLATILE AS $$
  SELECT floor(extract(epoch FROM boxyard.store_now()) * 1000)::bigint
$$;

CREATE TABLE workspaces (
  id text COLLATE "C" PRIMARY KEY,
  slug text COLLATE "C" NOT NULL CONSTRAINT workspaces_slug UNIQUE,
  created_at timestamptz NOT NULL
);

CREATE TABLE api_keys (
  id text COLLATE "C" PRIMARY KEY,
  workspace_id text COLLATE "C" NOT NULL,
  name text NOT NULL,
  secret_sha256 text COLLATE "C" NOT NULL CONSTRAINT api_keys_secret UNIQUE,
  permissions json NOT NULL,
  created_at timestamptz NOT NULL,
  expires_at timestamptz,
  revoked_at timestamptz
);
CREATE INDEX api_keys_workspace ON api_keys (workspace_id);

CREATE TABLE box_groups (
  id text COLLATE "C" PRIMARY KEY,
  workspace_id text COLLATE "C" NOT NULL,
  backend text NOT NULL,
  image text,
  environment_names json NOT NULL,
  sealed_environment text,
  source json,
  sealed_source_token text,
  source_cloned_at timestamptz,
  resources json NOT NULL,
  idle_timeout_ms bigint,
  max_lifetime_ms bigint,
  restored json,
  created_at timestamptz NOT NULL,
  UNIQUE (workspace_id, id)
);

-- Beside the group, because it is written with every mutation and the group hardly ever. The row is also the
-- lock that orders everything that is appended to the logs of the group's sessions.
CREATE TABLE group_revisions (
  group_id text COLLATE "C" PRIMARY KEY REFERENCES box_groups ON DELETE CASCADE,
  revision bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

CREATE TABLE sessions (
  id text COLLATE "C" PRIMARY KEY,
  workspace_id text COLLATE "C" NOT NULL,
  group_id text COLLATE "C" NOT NULL,
  name text,
  metadata jsonb NOT NULL,
  created_at timestamptz NOT NULL,
  -- A box is shared inside its workspace only.
  CONSTRAINT sessions_group FOREIGN KEY (workspace_id, group_id) REFERENCES box_groups (workspace_id, id)
);
CREATE INDEX sessions_workspace ON sessions (workspace_id, id DESC);
CREATE INDEX sessions_of_group ON sessions (group_id);
CREATE INDEX sessions_metadata ON sessions USING gin (metadata jsonb_path_ops);

-- Where a session's log stands.
CREATE TABLE session_logs (
  session_id text COLLATE "C" PRIMARY KEY REFERENCES sessions ON DELETE CASCADE,
  group_id text COLLATE "C" NOT NULL,
  last_seq bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
CREATE INDEX session_logs_of_group ON session_logs (group_id);

-- No reference to sessions: an append holds its session's log row, which deletion takes first.
CREATE TABLE events (
  session_id text COLLATE "C" NOT NULL,
  seq bigint NOT NULL,
  at timestamptz NOT NULL,
  type text NOT NULL,
  data json NOT NULL,
  revision bigint NOT NULL,
  lease_epoch integer NOT NULL,
  PRIMARY KEY (session_id, seq)
);
CREATE INDEX events_at ON events (at);

CREATE TABLE ops (
  session_id text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  group_id text COLLATE "C" NOT NULL,
  body_digest text NOT NULL,
  command text,
  lease_epoch integer NOT NULL,
  background boolean NOT NULL,
  emit_stream boolean NOT NULL,
  started_at timestamptz NOT NULL,
  state text NOT NULL CHECK (state IN ('running', 'ended', 'lost')),
  result json,
  -- By the store's clock; retention goes by it.
  finished_at timestamptz,
  PRIMARY KEY (session_id, id)
);
CREATE INDEX ops_id ON ops (id);
CREATE INDEX ops_running ON ops (started_at) WHERE state = 'running';
CREATE INDEX ops_finished ON ops (finished_at) WHERE state <> 'running';

-- A function, because each of its statements sees what was committed while the one before waited for a lock.
-- The group's row first, as every append does; two last sessions deleted at once must not both see the other.
CREATE FUNCTION delete_session(
  of_workspace text, of_session text, OUT of_group text, OUT deleted boolean, OUT remaining bigint
) LANGUAGE plpgsql AS $$
BEGIN
  SELECT s.group_id INTO of_group FROM sessions s WHERE s.workspace_id = of_workspace AND s.id = of_session;
  IF of_group IS NULL THEN RETURN; END IF;
  PERFORM FROM group_revisions r WHERE r.group_id = of_group FOR UPDATE;
  DELETE FROM sessions s WHERE s.id = of_session;
  deleted := FOUND;
  DELETE FROM events e WHERE e.session_id = of_session;
  DELETE FROM ops o WHERE o.session_id = of_session;
  SELECT count(*) INTO remaining FROM sessions s WHERE s.group_id = of_group;
END $$;

CREATE TABLE idempotency_keys (
  workspace_id text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  body_digest text NOT NULL,
  claimed_at timestamptz NOT NULL,
  claim_ends_at timestamptz NOT NULL,
  status integer,
  body text,
  PRIMARY KEY (workspace_id, key)
);
CREATE INDEX idempotency_keys_claimed ON idempotency_keys (claimed_at);
`;
