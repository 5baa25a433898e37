/** What the models of agents were asked and said, for whom, and how much of it a workspace may have. */
export default `
-- A row for each answer, written with the answer itself: a crash neither counts twice nor loses. It stays when its
-- session is deleted.
CREATE TABLE model_usage (
  workspace_id text COLLATE "C" NOT NULL,
  session_id text COLLATE "C" NOT NULL,
  turn_id text COLLATE "C" NOT NULL,
  at_ms bigint NOT NULL,
  model_calls integer NOT NULL,
  input_tokens bigint NOT NULL,
  output_tokens bigint NOT NULL
);
CREATE INDEX model_usage_of_workspace ON model_usage (workspace_id, at_ms);
CREATE INDEX model_usage_of_session ON model_usage (session_id, at_ms);
CREATE INDEX model_usage_trim ON model_usage (at_ms);
INSERT INTO model_usage
  SELECT workspace_id, session_id, id, (extract(epoch FROM coalesce(ended_at, started_at, created_at)) * 1000)::bigint,
    (usage ->> 'modelCalls')::integer, (usage ->> 'inputTokens')::bigint, (usage ->> 'outputTokens')::bigint
  FROM turns WHERE (usage ->> 'modelCalls')::integer > 0;

CREATE OR REPLACE FUNCTION record_journal(of_turn text, of_attempt integer, entries json, new_usage json) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  IF NOT hold_attempt(of_turn, of_attempt) THEN RAISE EXCEPTION 'fenced' USING ERRCODE = 'BX001'; END IF;
  INSERT INTO turn_journal (session_id, turn_id, attempt, kind, call_id, body)
    SELECT t.session_id, of_turn, of_attempt, e.entry ->> 'kind', e.entry ->> 'callId', (e.entry ->> 'body')::json
    FROM turns t CROSS JOIN json_array_elements(entries) WITH ORDINALITY AS e (entry, place)
    WHERE t.id = of_turn ORDER BY e.place;
  IF new_usage IS NULL THEN RETURN; END IF;
  INSERT INTO model_usage
    SELECT t.workspace_id, t.session_id, of_turn, store_now_ms(),
      (new_usage ->> 'modelCalls')::integer - (t.usage ->> 'modelCalls')::integer,
      (new_usage ->> 'inputTokens')::bigint - (t.usage ->> 'inputTokens')::bigint,
      (new_usage ->> 'outputTokens')::bigint - (t.usage ->> 'outputTokens')::bigint
    FROM turns t WHERE t.id = of_turn;
  UPDATE turns SET usage = new_usage WHERE id = of_turn;
END $$;

-- Tokens of a workspace in a calendar month (UTC), in and out; none: as many as it likes.
ALTER TABLE workspace_budgets ADD COLUMN model_tokens bigint CHECK (model_tokens >= 0);
ALTER TABLE workspace_budgets ALTER COLUMN warm_seconds DROP NOT NULL;

CREATE FUNCTION model_tokens(of_workspace text, from_ms bigint, to_ms bigint) RETURNS bigint LANGUAGE sql VOLATILE AS $$
  SELECT coalesce(sum(u.input_tokens + u.output_tokens), 0)::bigint FROM boxyard.model_usage u
  WHERE u.workspace_id = of_workspace AND u.at_ms >= from_ms AND u.at_ms < to_ms
$$;

-- Sums are made only for limits that there are.
CREATE FUNCTION is_used_up(budget workspace_budgets) RETURNS boolean LANGUAGE sql VOLATILE AS $$
  SELECT
    CASE WHEN budget.warm_seconds IS NULL THEN false ELSE
      boxyard.warm_ms(budget.workspace_id, NULL, boxyard.month_start_ms(), boxyard.store_now_ms()) >= budget.warm_seconds * 1000
    END OR
    CASE WHEN budget.model_tokens IS NULL THEN false ELSE
      boxyard.model_tokens(budget.workspace_id, boxyard.month_start_ms(), boxyard.store_now_ms() + 1) >= budget.model_tokens
    END
$$;
`;
