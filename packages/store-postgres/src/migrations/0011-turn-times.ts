/** Turns tell what was said to them, how long they have worked, and nothing in the name of an attempt that is over. */
export default `
ALTER TABLE turn_attempts ADD COLUMN began_at timestamptz;
UPDATE turn_attempts SET began_at = beat_at;
ALTER TABLE turn_attempts ALTER COLUMN began_at SET NOT NULL;

DROP FUNCTION post_message(text, text, text, text, text, json, json);
CREATE FUNCTION post_message(
  of_workspace text, of_session text, new_turn text, new_message text, message_text text, new_limits json,
  new_approvals json, message_event json, OUT turn_id text, OUT is_new boolean
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
  PERFORM log_turn_events(of_session, turn_id, json_build_array(message_event));
  PERFORM pg_notify('boxyard', 'turn/' || turn_id);
END $$;

-- What a person takes to decide is no work of the turn.
DROP FUNCTION claim_turn(text, text, bigint);
CREATE FUNCTION claim_turn(of_turn text, by_worker text, ttl_ms bigint) RETURNS TABLE (
  claimed turns, attempt integer, state text, worked_ms bigint
) LANGUAGE plpgsql AS $$
DECLARE
  turn_row turns;
BEGIN
  SELECT * INTO turn_row FROM turns t WHERE t.id = of_turn AND t.status IN ('queued', 'running') FOR UPDATE;
  IF NOT FOUND THEN RETURN; END IF;
  PERFORM FROM turn_attempts a WHERE a.turn_id = of_turn AND a.ended_at IS NULL
    AND a.beat_at > store_now() - ttl_ms * interval '1 millisecond';
  IF FOUND THEN RETURN; END IF;
  -- One that died worked until its last beat.
  UPDATE turn_attempts a SET ended_at = a.beat_at WHERE a.turn_id = of_turn AND a.ended_at IS NULL;
  state := turn_row.run_state;
  SELECT coalesce(sum(extract(epoch FROM a.ended_at - a.began_at) * 1000), 0)::bigint INTO worked_ms
    FROM turn_attempts a WHERE a.turn_id = of_turn;
  UPDATE turns t SET status = 'running', attempt = t.attempt + 1, run_state = NULL,
    started_at = coalesce(t.started_at, store_now())
    WHERE t.id = of_turn RETURNING * INTO turn_row;
  INSERT INTO turn_attempts (turn_id, attempt, worker, began_at, beat_at)
    VALUES (of_turn, turn_row.attempt, by_worker, store_now(), store_now());
  claimed := turn_row;
  attempt := turn_row.attempt;
  RETURN NEXT;
END $$;

CREATE FUNCTION tell_of_turn(of_turn text, of_attempt integer, new_events json) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  of_session text;
BEGIN
  IF NOT hold_attempt(of_turn, of_attempt) THEN RAISE EXCEPTION 'fenced' USING ERRCODE = 'BX001'; END IF;
  SELECT t.session_id INTO of_session FROM turns t WHERE t.id = of_turn;
  PERFORM log_turn_events(of_session, of_turn, new_events);
END $$;
`;
