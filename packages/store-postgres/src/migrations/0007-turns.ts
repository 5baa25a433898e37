/** Runs of the agent: what was asked, who runs it now, what happened so far, and what waits for a person. */
export default `
ALTER TABLE events ADD COLUMN turn_id text COLLATE "C";

CREATE TABLE turns (
  id text COLLATE "C" PRIMARY KEY,
  workspace_id text COLLATE "C" NOT NULL,
  session_id text COLLATE "C" NOT NULL REFERENCES sessions ON DELETE CASCADE,
  status text NOT NULL CHECK (status IN ('queued', 'running', 'waiting', 'completed', 'failed', 'cancelled')),
  attempt integer NOT NULL DEFAULT 0,
  limits json NOT NULL,
  approvals json NOT NULL,
  cancel_requested boolean NOT NULL DEFAULT false,
  run_state text,
  error json,
  usage json NOT NULL,
  created_at timestamptz NOT NULL,
  started_at timestamptz,
  ended_at timestamptz
);
CREATE INDEX turns_of_session ON turns (session_id, created_at);
-- What makes a message join a turn instead of beginning a second one beside it.
CREATE UNIQUE INDEX turns_live ON turns (session_id) WHERE status IN ('queued', 'running', 'waiting');
CREATE INDEX turns_due ON turns (created_at) WHERE status IN ('queued', 'running');

CREATE TABLE turn_attempts (
  turn_id text COLLATE "C" NOT NULL REFERENCES turns ON DELETE CASCADE,
  attempt integer NOT NULL,
  worker text NOT NULL,
  beat_at timestamptz NOT NULL,
  ended_at timestamptz,
  PRIMARY KEY (turn_id, attempt)
);
CREATE UNIQUE INDEX turn_attempts_alive ON turn_attempts (turn_id) WHERE ended_at IS NULL;

CREATE TABLE turn_messages (
  id text COLLATE "C" PRIMARY KEY,
  turn_id text COLLATE "C" NOT NULL REFERENCES turns ON DELETE CASCADE,
  place bigint GENERATED ALWAYS AS IDENTITY,
  text text NOT NULL,
  taken boolean NOT NULL DEFAULT false
);
CREATE INDEX turn_messages_new ON turn_messages (turn_id, place) WHERE NOT taken;

CREATE TABLE turn_journal (
  session_id text COLLATE "C" NOT NULL REFERENCES sessions ON DELETE CASCADE,
  seq bigint GENERATED ALWAYS AS IDENTITY,
  turn_id text COLLATE "C" NOT NULL,
  attempt integer NOT NULL,
  kind text NOT NULL CHECK (kind IN ('input', 'response', 'call', 'result')),
  call_id text,
  body json NOT NULL,
  PRIMARY KEY (session_id, seq)
);

CREATE TABLE turn_approvals (
  id text COLLATE "C" PRIMARY KEY,
  turn_id text COLLATE "C" NOT NULL REFERENCES turns ON DELETE CASCADE,
  place bigint GENERATED ALWAYS AS IDENTITY,
  call_id text NOT NULL,
  tool text NOT NULL,
  arguments text NOT NULL,
  decision text CHECK (decision IN ('approved', 'rejected')),
  decided_by text
);
CREATE INDEX turn_approvals_of_turn ON turn_approvals (turn_id, place);

-- Events of one session, inside a function. The group's row before the log's, as every append does.
CREATE FUNCTION log_turn_events(of_session text, of_turn text, new_events json) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  of_group text;
  of_revision bigint;
  base bigint;
  of_epoch integer;
BEGIN
  IF json_array_length(new_events) = 0 THEN RETURN; END IF;
  -- A swap moves the log to another group: it is asked again once the group's row is held.
  LOOP
    SELECT l.group_id INTO of_group FROM session_logs l WHERE l.session_id = of_session;
    IF NOT FOUND THEN RETURN; END IF;
    SELECT r.revision INTO of_revision FROM group_revisions r WHERE r.group_id = of_group FOR UPDATE;
    UPDATE session_logs l SET last_seq = l.last_seq + json_array_length(new_events)
      WHERE l.session_id = of_session AND l.group_id = of_group
      RETURNING l.last_seq - json_array_length(new_events) INTO base;
    EXIT WHEN FOUND;
  END LOOP;
  SELECT coalesce((SELECT l.epoch FROM leases l WHERE l.group_id = of_group), 0) INTO of_epoch;
  INSERT INTO events (session_id, seq, at, type, data, revision, lease_epoch, turn_id)
    SELECT of_session, base + e.place, store_now(), e.event ->> 'type', (e.event ->> 'data')::json, of_revision,
      of_epoch, of_turn
    FROM json_array_elements(new_events) WITH ORDINALITY AS e (event, place);
  PERFORM pg_notify('boxyard', 'events/' || of_session);
END $$;

-- The session's row orders the messages of a session, and keeps it from being deleted meanwhile.
CREATE FUNCTION post_message(
  of_workspace text, of_session text, new_turn text, new_message text, message_text text, new_limits json,
  new_approvals json, OUT turn_id text, OUT is_new boolean
) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM sessions s WHERE s.workspace_id = of_workspace AND s.id = of_session FOR NO KEY UPDATE;
  IF NOT FOUND THEN RETURN; END IF;
  SELECT t.id INTO turn_id FROM turns t
    WHERE t.session_id = of_session AND t.status IN ('queued', 'running', 'waiting') FOR UPDATE;
  is_new := NOT FOUND;
  IF is_new THEN
    turn_id := new_turn;
    INSERT INTO turns (id, workspace_id, session_id, status, limits, approvals, usage, created_at)
      VALUES (new_turn, of_workspace, of_session, 'queued', new_limits, new_approvals,
        '{"modelCalls":0,"inputTokens":0,"outputTokens":0}', store_now());
    PERFORM pg_notify('boxyard', 'turns');
  END IF;
  INSERT INTO turn_messages (id, turn_id, text) VALUES (new_message, turn_id, message_text);
  PERFORM pg_notify('boxyard', 'turn/' || turn_id);
END $$;

-- The turn's row is the lock: of two workers one gets it, and the other then sees a fresh attempt.
CREATE FUNCTION claim_turn(of_turn text, by_worker text, ttl_ms bigint) RETURNS TABLE (
  claimed turns, attempt integer, state text
) LANGUAGE plpgsql AS $$
DECLARE
  turn_row turns;
BEGIN
  SELECT * INTO turn_row FROM turns t WHERE t.id = of_turn AND t.status IN ('queued', 'running') FOR UPDATE;
  IF NOT FOUND THEN RETURN; END IF;
  PERFORM FROM turn_attempts a WHERE a.turn_id = of_turn AND a.ended_at IS NULL
    AND a.beat_at > store_now() - ttl_ms * interval '1 millisecond';
  IF FOUND THEN RETURN; END IF;
  UPDATE turn_attempts a SET ended_at = store_now() WHERE a.turn_id = of_turn AND a.ended_at IS NULL;
  state := turn_row.run_state;
  UPDATE turns t SET status = 'running', attempt = t.attempt + 1, run_state = NULL,
    started_at = coalesce(t.started_at, store_now())
    WHERE t.id = of_turn RETURNING * INTO turn_row;
  INSERT INTO turn_attempts (turn_id, attempt, worker, beat_at)
    VALUES (of_turn, turn_row.attempt, by_worker, store_now());
  claimed := turn_row;
  attempt := turn_row.attempt;
  RETURN NEXT;
END $$;

-- True while this attempt is the one that runs the turn; the turn stays locked until the statement is over.
CREATE FUNCTION hold_attempt(of_turn text, of_attempt integer) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM turns t WHERE t.id = of_turn FOR UPDATE;
  RETURN EXISTS (
    SELECT FROM turn_attempts a WHERE a.turn_id = of_turn AND a.attempt = of_attempt AND a.ended_at IS NULL
  );
END $$;

CREATE FUNCTION take_messages(of_turn text, of_attempt integer) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
  IF NOT hold_attempt(of_turn, of_attempt) THEN RAISE EXCEPTION 'fenced' USING ERRCODE = 'BX001'; END IF;
  RETURN QUERY
    WITH fresh AS (
      SELECT m.id, m.place, m.text FROM turn_messages m WHERE m.turn_id = of_turn AND NOT m.taken ORDER BY m.place
    ),
    taken AS (UPDATE turn_messages m SET taken = true FROM fresh f WHERE m.id = f.id),
    logged AS (
      INSERT INTO turn_journal (session_id, turn_id, attempt, kind, body)
      SELECT t.session_id, of_turn, of_attempt, 'input', json_build_object('text', f.text)
      FROM fresh f CROSS JOIN turns t WHERE t.id = of_turn ORDER BY f.place
    )
    SELECT f.text FROM fresh f ORDER BY f.place;
END $$;

CREATE FUNCTION record_journal(of_turn text, of_attempt integer, entries json, new_usage json) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  IF NOT hold_attempt(of_turn, of_attempt) THEN RAISE EXCEPTION 'fenced' USING ERRCODE = 'BX001'; END IF;
  INSERT INTO turn_journal (session_id, turn_id, attempt, kind, call_id, body)
    SELECT t.session_id, of_turn, of_attempt, e.entry ->> 'kind', e.entry ->> 'callId', (e.entry ->> 'body')::json
    FROM turns t CROSS JOIN json_array_elements(entries) WITH ORDINALITY AS e (entry, place)
    WHERE t.id = of_turn ORDER BY e.place;
  IF new_usage IS NOT NULL THEN UPDATE turns SET usage = new_usage WHERE id = of_turn; END IF;
END $$;

CREATE FUNCTION finish_turn(
  of_turn text, of_attempt integer, new_status text, new_error json, new_events json
) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  of_session text;
BEGIN
  IF NOT hold_attempt(of_turn, of_attempt) THEN RAISE EXCEPTION 'fenced' USING ERRCODE = 'BX001'; END IF;
  SELECT t.session_id INTO of_session FROM turns t WHERE t.id = of_turn;
  IF EXISTS (SELECT FROM turn_messages m WHERE m.turn_id = of_turn AND NOT m.taken) THEN
    IF new_status = 'completed' THEN RETURN 'more-messages'; END IF;
    -- Nobody answers them any more, but the next turn knows what was said.
    PERFORM take_messages(of_turn, of_attempt);
  END IF;
  UPDATE turn_attempts a SET ended_at = store_now() WHERE a.turn_id = of_turn AND a.ended_at IS NULL;
  UPDATE turns t SET status = new_status, error = new_error, run_state = NULL, ended_at = store_now()
    WHERE t.id = of_turn;
  PERFORM log_turn_events(of_session, of_turn, new_events);
  RETURN 'finished';
END $$;

CREATE FUNCTION park_turn(
  of_turn text, of_attempt integer, new_state text, new_approvals json, new_events json
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  of_session text;
BEGIN
  IF NOT hold_attempt(of_turn, of_attempt) THEN RAISE EXCEPTION 'fenced' USING ERRCODE = 'BX001'; END IF;
  UPDATE turn_attempts a SET ended_at = store_now() WHERE a.turn_id = of_turn AND a.ended_at IS NULL;
  UPDATE turns t SET status = 'waiting', run_state = new_state WHERE t.id = of_turn
    RETURNING t.session_id INTO of_session;
  INSERT INTO turn_approvals (id, turn_id, call_id, tool, arguments)
    SELECT e.entry ->> 'id', of_turn, e.entry ->> 'callId', e.entry ->> 'tool', e.entry ->> 'arguments'
    FROM json_array_elements(new_approvals) WITH ORDINALITY AS e (entry, place) ORDER BY e.place;
  PERFORM log_turn_events(of_session, of_turn, new_events);
END $$;

CREATE FUNCTION decide_approval(
  of_workspace text, of_session text, of_approval text, new_decision text, by_whom text, new_event json
) RETURNS TABLE (approval turn_approvals, is_new boolean) LANGUAGE plpgsql AS $$
DECLARE
  of_turn turns;
BEGIN
  SELECT t.* INTO of_turn FROM turns t JOIN turn_approvals a ON a.turn_id = t.id
    WHERE a.id = of_approval AND t.workspace_id = of_workspace AND t.session_id = of_session FOR UPDATE OF t;
  IF NOT FOUND THEN RETURN; END IF;
  UPDATE turn_approvals a SET decision = new_decision, decided_by = by_whom
    WHERE a.id = of_approval AND a.decision IS NULL AND of_turn.status = 'waiting';
  is_new := FOUND;
  SELECT a.* INTO approval FROM turn_approvals a WHERE a.id = of_approval;
  IF is_new THEN
    PERFORM log_turn_events(of_session, of_turn.id, json_build_array(new_event));
    IF NOT EXISTS (SELECT FROM turn_approvals a WHERE a.turn_id = of_turn.id AND a.decision IS NULL) THEN
      UPDATE turns t SET status = 'queued' WHERE t.id = of_turn.id;
      PERFORM pg_notify('boxyard', 'turns');
    END IF;
  END IF;
  RETURN NEXT;
END $$;

CREATE FUNCTION cancel_turn(of_workspace text, of_session text, of_turn text, terminal_event json)
RETURNS SETOF turns LANGUAGE plpgsql AS $$
DECLARE
  turn_row turns;
BEGIN
  SELECT * INTO turn_row FROM turns t
    WHERE t.id = of_turn AND t.workspace_id = of_workspace AND t.session_id = of_session FOR UPDATE;
  IF NOT FOUND THEN RETURN; END IF;
  IF turn_row.status IN ('queued', 'waiting') THEN
    UPDATE turns t SET status = 'cancelled', cancel_requested = true, run_state = NULL, ended_at = store_now()
      WHERE t.id = of_turn RETURNING * INTO turn_row;
    PERFORM log_turn_events(of_session, of_turn, json_build_array(terminal_event));
  ELSIF turn_row.status = 'running' THEN
    UPDATE turns t SET cancel_requested = true WHERE t.id = of_turn RETURNING * INTO turn_row;
    PERFORM pg_notify('boxyard', 'turn/' || of_turn);
  END IF;
  RETURN NEXT turn_row;
END $$;
`;
