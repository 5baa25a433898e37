/** Who keeps a box, which boxes have to go, and what their files can be restored from. Times are in milliseconds. */
export default `
CREATE TABLE leases (
  group_id text COLLATE "C" PRIMARY KEY,
  workspace_id text COLLATE "C" NOT NULL,
  state text NOT NULL
    CHECK (state IN ('cold', 'warming', 'warm', 'draining', 'replacing', 'terminating')),
  epoch integer NOT NULL,
  -- Grows with every write: who decided on an older row is told to decide again.
  version bigint NOT NULL DEFAULT 1,
  box json,
  -- The rest of the lease, as its type in sandbox-core names it, without the columns of this table.
  body json NOT NULL,
  holders jsonb NOT NULL,
  deadline_ms bigint,
  idle_grace_ms bigint,
  reason text,
  deleted_at_ms bigint,
  -- When the reaper has to look; may be early, never late.
  due_at_ms bigint
) WITH (fillfactor = 50);
CREATE INDEX leases_due ON leases (due_at_ms) WHERE due_at_ms IS NOT NULL;

CREATE TABLE condemned_boxes (
  id text COLLATE "C" PRIMARY KEY DEFAULT gen_random_uuid()::text,
  provider text NOT NULL,
  instance text NOT NULL,
  ref json NOT NULL,
  group_id text COLLATE "C" NOT NULL,
  epoch integer NOT NULL,
  reason text NOT NULL,
  attempts integer NOT NULL DEFAULT 0,
  due_at_ms bigint NOT NULL,
  CONSTRAINT condemned_boxes_ref UNIQUE (provider, instance)
);
CREATE INDEX condemned_boxes_due ON condemned_boxes (due_at_ms);
CREATE INDEX condemned_boxes_of_group ON condemned_boxes (group_id);

CREATE TABLE artifacts (
  id text COLLATE "C" PRIMARY KEY,
  group_id text COLLATE "C" NOT NULL,
  workspace_id text COLLATE "C" NOT NULL,
  epoch integer NOT NULL,
  revision bigint NOT NULL,
  archive_key text NOT NULL CONSTRAINT artifacts_archive_key UNIQUE,
  manifest_key text NOT NULL,
  state text NOT NULL CHECK (state IN ('candidate', 'current', 'previous', 'delete_pending')),
  -- The order in which captures started.
  sequence bigint GENERATED ALWAYS AS IDENTITY,
  started_at_ms bigint NOT NULL,
  size_bytes bigint,
  sha256 text,
  -- Once true it stays: a second commit answers as the first did, whatever became of the artifact since.
  committed boolean NOT NULL DEFAULT false,
  -- When a candidate counts as failed, or a deletion is tried next; null for what is kept.
  due_at_ms bigint
);
CREATE INDEX artifacts_of_group ON artifacts (group_id, sequence DESC);
CREATE INDEX artifacts_due ON artifacts (due_at_ms) WHERE due_at_ms IS NOT NULL;

-- The lease is held while its artifact is judged. All artifacts of the group are locked in one order, so that
-- captures that end together are ranked one after the other. A function, because each of its statements sees
-- what was committed while the one before waited.
CREATE FUNCTION commit_artifact(of_id text, of_size bigint, of_sha256 text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  artifact artifacts;
  wanted boolean;
BEGIN
  SELECT * INTO artifact FROM artifacts WHERE id = of_id;
  IF NOT FOUND THEN RETURN false; END IF;
  SELECT l.deleted_at_ms IS NULL AND l.epoch = artifact.epoch INTO wanted
    FROM leases l WHERE l.group_id = artifact.group_id FOR SHARE;
  PERFORM FROM artifacts a WHERE a.group_id = artifact.group_id ORDER BY a.sequence DESC FOR UPDATE;
  SELECT * INTO artifact FROM artifacts WHERE id = of_id;
  IF NOT FOUND THEN RETURN false; END IF;
  IF artifact.committed THEN RETURN true; END IF;
  IF artifact.state <> 'candidate' THEN RETURN false; END IF;
  IF wanted IS NOT TRUE THEN
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
