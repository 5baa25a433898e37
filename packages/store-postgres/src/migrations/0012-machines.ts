/** Machines of users: who asks to be enrolled, who was, and which of them were heard of. */
export default `
CREATE TABLE enrollments (
  id text COLLATE "C" PRIMARY KEY,
  workspace_id text COLLATE "C" NOT NULL,
  public_key text COLLATE "C" NOT NULL,
  machine json NOT NULL,
  allow_screen_control boolean NOT NULL,
  approved_by text NOT NULL,
  -- The enrollment token that let it in, if one did.
  token_id text COLLATE "C",
  generation integer NOT NULL DEFAULT 0,
  challenged_at_ms bigint NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL,
  refreshed_at timestamptz NOT NULL,
  revoked_at timestamptz
) WITH (fillfactor = 50);
CREATE UNIQUE INDEX enrollments_active ON enrollments (workspace_id, public_key) WHERE revoked_at IS NULL;
CREATE INDEX enrollments_workspace ON enrollments (workspace_id, id DESC);
CREATE INDEX enrollments_token ON enrollments (token_id) WHERE token_id IS NOT NULL;

CREATE TABLE device_grants (
  id text COLLATE "C" PRIMARY KEY,
  workspace_id text COLLATE "C" NOT NULL,
  device_code_sha256 text COLLATE "C" NOT NULL CONSTRAINT device_grants_device_code UNIQUE,
  user_code text COLLATE "C" NOT NULL CONSTRAINT device_grants_user_code UNIQUE,
  machine json NOT NULL,
  decision text NOT NULL DEFAULT 'pending' CHECK (decision IN ('pending', 'approved', 'denied')),
  enrollment_id text COLLATE "C",
  interval_ms bigint NOT NULL,
  created_at_ms bigint NOT NULL,
  expires_at_ms bigint NOT NULL,
  polled_at_ms bigint,
  delivered_at_ms bigint,
  version integer NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
CREATE INDEX device_grants_expires ON device_grants (expires_at_ms);

CREATE TABLE enrollment_tokens (
  id text COLLATE "C" PRIMARY KEY,
  workspace_id text COLLATE "C" NOT NULL,
  uses_left integer NOT NULL,
  expires_at timestamptz NOT NULL,
  created_by text NOT NULL
);
CREATE INDEX enrollment_tokens_expires ON enrollment_tokens (expires_at);

CREATE TABLE machines (
  id text COLLATE "C" PRIMARY KEY REFERENCES enrollments ON DELETE CASCADE,
  -- The agent process that counts; null for an agent that names none.
  instance text COLLATE "C",
  hello json,
  seen_at timestamptz NOT NULL,
  said_goodbye boolean NOT NULL DEFAULT false,
  draining boolean NOT NULL DEFAULT false
) WITH (fillfactor = 50);

-- Not logged: after a crash the next minute fills it again.
CREATE UNLOGGED TABLE machine_samples (
  machine_id text COLLATE "C" NOT NULL,
  received_at timestamptz NOT NULL,
  sample json NOT NULL
);
CREATE INDEX machine_samples_machine ON machine_samples (machine_id, received_at);
CREATE INDEX machine_samples_received ON machine_samples (received_at);

-- Lets a machine in. The lock, because two that show the same key at once would both find nobody to revoke.
CREATE FUNCTION enroll_machine(enrollment json, by_token text) RETURNS enrollments LANGUAGE plpgsql AS $$
DECLARE
  of_workspace text := enrollment ->> 'workspaceId';
  of_key text := enrollment -> 'machine' ->> 'publicKey';
  made enrollments;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('enrollment/' || of_workspace || '/' || of_key, 0));
  UPDATE enrollments e SET revoked_at = store_now()
    WHERE e.workspace_id = of_workspace AND e.public_key = of_key AND e.revoked_at IS NULL;
  INSERT INTO enrollments
    (id, workspace_id, public_key, machine, allow_screen_control, approved_by, token_id, created_at, refreshed_at)
    VALUES (
      enrollment ->> 'id', of_workspace, of_key, enrollment -> 'machine',
      (enrollment ->> 'allowScreenControl')::boolean, enrollment ->> 'approvedBy', by_token, store_now(), store_now()
    ) RETURNING * INTO made;
  RETURN made;
END $$;

CREATE FUNCTION change_device_grant(of_grant text, at_version integer, change json, enrollment json)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  UPDATE device_grants g SET version = g.version + 1,
    decision = coalesce(change ->> 'decision', g.decision),
    enrollment_id = coalesce(change ->> 'enrollmentId', g.enrollment_id),
    interval_ms = coalesce((change ->> 'intervalMs')::bigint, g.interval_ms),
    polled_at_ms = coalesce((change ->> 'polledAtMs')::bigint, g.polled_at_ms),
    delivered_at_ms = coalesce((change ->> 'deliveredAtMs')::bigint, g.delivered_at_ms)
    WHERE g.id = of_grant AND g.version = at_version;
  IF NOT FOUND THEN RETURN false; END IF;
  IF enrollment IS NOT NULL THEN PERFORM enroll_machine(enrollment, NULL); END IF;
  RETURN true;
END $$;

CREATE FUNCTION exchange_enrollment_token(
  of_token text, enrollment json, grace_ms bigint, OUT outcome text, OUT enrollment_id text
) LANGUAGE plpgsql AS $$
DECLARE
  token enrollment_tokens;
BEGIN
  SELECT * INTO token FROM enrollment_tokens t
    WHERE t.id = of_token AND t.workspace_id = enrollment ->> 'workspaceId' FOR UPDATE;
  IF NOT FOUND THEN outcome := 'unknown'; RETURN; END IF;
  SELECT e.id INTO enrollment_id FROM enrollments e
    WHERE e.token_id = of_token AND e.public_key = enrollment -> 'machine' ->> 'publicKey'
      AND e.revoked_at IS NULL AND e.created_at > store_now() - grace_ms * interval '1 millisecond';
  IF FOUND THEN outcome := 'again'; RETURN; END IF;
  IF token.expires_at <= store_now() THEN outcome := 'expired'; RETURN; END IF;
  IF token.uses_left <= 0 THEN outcome := 'used-up'; RETURN; END IF;
  UPDATE enrollment_tokens t SET uses_left = t.uses_left - 1 WHERE t.id = of_token;
  enrollment_id := (enroll_machine(enrollment, of_token)).id;
  outcome := 'enrolled';
END $$;

CREATE FUNCTION refresh_enrollment(
  of_enrollment text, shown_generation integer, challenge_ms bigint, OUT outcome text
) LANGUAGE plpgsql AS $$
DECLARE
  found_row enrollments;
BEGIN
  SELECT * INTO found_row FROM enrollments e WHERE e.id = of_enrollment FOR UPDATE;
  IF NOT FOUND THEN outcome := 'unknown'; RETURN; END IF;
  IF found_row.revoked_at IS NOT NULL THEN outcome := 'revoked'; RETURN; END IF;
  -- The bearer before the newest is taken too: the answer that brought the newest may have been lost.
  IF found_row.challenged_at_ms >= challenge_ms OR shown_generation > found_row.generation
    OR shown_generation < found_row.generation - 1 THEN outcome := 'replayed'; RETURN; END IF;
  UPDATE enrollments e SET challenged_at_ms = challenge_ms, generation = shown_generation + 1,
    refreshed_at = store_now() WHERE e.id = of_enrollment;
  outcome := 'refreshed';
END $$;

-- In the order of ids, so that two servers never wait for each other.
CREATE FUNCTION record_machine_beats(beats json) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  beat json;
  heard boolean;
BEGIN
  DELETE FROM machine_samples s WHERE s.received_at < store_now() - interval '1 minute';
  FOR beat IN SELECT b FROM json_array_elements(beats) AS b ORDER BY b ->> 'agentId' LOOP
    INSERT INTO machines (id, instance, seen_at, draining)
      SELECT e.id, beat ->> 'instance', store_now(), (beat ->> 'draining')::boolean FROM enrollments e
      WHERE e.id = beat ->> 'agentId' AND e.workspace_id = beat ->> 'workspaceId' AND e.revoked_at IS NULL
    ON CONFLICT (id) DO UPDATE SET instance = excluded.instance, seen_at = excluded.seen_at,
      draining = excluded.draining, said_goodbye = false
      -- A process that said goodbye does not come back, and what of it is late must not raise it. Another one
      -- whose hello was missed counts once the known one has been silent for three of its heartbeats.
      WHERE (machines.instance IS NOT DISTINCT FROM excluded.instance
          AND NOT (machines.said_goodbye AND machines.instance IS NOT NULL))
        OR (machines.instance IS DISTINCT FROM excluded.instance
          AND machines.seen_at < store_now() - interval '15 seconds')
    RETURNING true INTO heard;
    IF heard AND beat ->> 'metrics' IS NOT NULL THEN
      INSERT INTO machine_samples VALUES (beat ->> 'agentId', store_now(), beat -> 'metrics');
    END IF;
  END LOOP;
END $$;
`;
