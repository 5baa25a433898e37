/** What boxes cost and may cost, whose boxes they are, and archives that outlive the process that made them. */
export default `
-- One installation on however many servers: it names its boxes by this.
CREATE TABLE deployment (
  only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
  id text COLLATE "C" NOT NULL
);

-- When the box of an epoch was up: from its making, or from being found parked, until no lease names it as running.
-- Written by the statement that changes the lease, so that no crash comes between the two.
CREATE TABLE box_usage (
  group_id text COLLATE "C" NOT NULL,
  epoch integer NOT NULL,
  workspace_id text COLLATE "C" NOT NULL,
  provider text NOT NULL,
  started_at_ms bigint NOT NULL,
  ended_at_ms bigint,
  PRIMARY KEY (group_id, epoch)
) WITH (fillfactor = 90);
CREATE INDEX box_usage_of_workspace ON box_usage (workspace_id, started_at_ms);
CREATE INDEX box_usage_running ON box_usage (workspace_id) WHERE ended_at_ms IS NULL;
INSERT INTO box_usage (group_id, epoch, workspace_id, provider, started_at_ms)
  SELECT group_id, epoch, workspace_id, box ->> 'provider', store_now_ms() FROM leases
  WHERE state <> 'cold' AND box IS NOT NULL AND deleted_at_ms IS NULL;

-- Seconds for which boxes of the workspace may be up in a calendar month (UTC). None: as long as they like.
CREATE TABLE workspace_budgets (
  workspace_id text COLLATE "C" PRIMARY KEY,
  warm_seconds bigint NOT NULL CHECK (warm_seconds >= 0)
);

CREATE FUNCTION month_start_ms() RETURNS bigint LANGUAGE sql VOLATILE AS $$
  SELECT (extract(epoch FROM date_trunc('month', boxyard.store_now() AT TIME ZONE 'UTC')) * 1000)::bigint
$$;

-- How long boxes were up between two moments; one that is still up counts until now.
CREATE FUNCTION warm_ms(of_workspace text, of_group text, from_ms bigint, to_ms bigint)
RETURNS bigint LANGUAGE sql VOLATILE AS $$
  SELECT coalesce(sum(greatest(0, least(coalesce(u.ended_at_ms, clock.now), to_ms) - greatest(u.started_at_ms, from_ms))), 0)::bigint
  FROM (SELECT boxyard.store_now_ms() AS now) clock, boxyard.box_usage u
  WHERE u.workspace_id = of_workspace AND u.group_id = coalesce(of_group, u.group_id)
    AND u.started_at_ms < to_ms AND coalesce(u.ended_at_ms, clock.now) > from_ms
$$;

-- As before, and for the claim of a later epoch that finds the bytes of its predecessor whole: what its process
-- could not commit any more is the newest that there is.
DROP FUNCTION commit_artifact(text, bigint, text);
CREATE FUNCTION commit_artifact(of_id text, of_size bigint, of_sha256 text, of_claim integer DEFAULT NULL)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  artifact artifacts;
  wanted boolean;
BEGIN
  SELECT * INTO artifact FROM artifacts WHERE id = of_id;
  IF NOT FOUND THEN RETURN false; END IF;
  SELECT l.deleted_at_ms IS NULL AND (
      l.epoch = artifact.epoch
      OR l.epoch = of_claim AND l.epoch > artifact.epoch AND l.state IN ('warming', 'replacing')
    ) INTO wanted
    FROM leases l WHERE l.group_id = artifact.group_id FOR SHARE;
  PERFORM FROM artifacts a WHERE a.group_id = artifact.group_id ORDER BY a.sequence DESC FOR UPDATE;
  SELECT * INTO artifact FROM artifacts WHERE id = of_id;
  IF NOT FOUND THEN RETURN false; END IF;
  IF artifact.committed THEN RETURN true; END IF;
  IF artifact.state <> 'candidate' THEN RETURN false; END IF;
  IF wanted IS NOT TRUE THEN
    -- Whose claim was lost has no say: the present claim may want it.
    IF of_claim IS NOT NULL THEN RETURN false; END IF;
    UPDATE artifacts SET state = 'delete_pending', due_at_ms = store_now_ms() WHERE id = of_id;
    RETURN false;
  END IF;
  UPDATE artifacts SET committed = true, size_bytes = of_size, sha256 = of_sha256, state = 'current'
    WHERE id = of_id;
  UPDATE artifacts a SET
    state = CASE ranked.place WHEN 1 THEN 'current' WHEN 2 THEN 'previous' ELSE 'delete_pending' END,
    due_at_ms = CASE WHEN ranked.place > 2 THEN store_now_ms() END
  FROM (
    SELECT id, row_number() OVER (ORDER BY sequence DESC) AS place FROM artifacts
    WHERE group_id = artifact.group_id AND state IN ('current', 'previous')
  ) ranked
  WHERE a.id = ranked.id;
  RETURN true;
END $$;
`;
