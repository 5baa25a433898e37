/** As many former archives are kept as the server is told to keep. */
export default `
DROP FUNCTION commit_artifact(text, bigint, text, integer);
CREATE FUNCTION commit_artifact(
  of_id text, of_size bigint, of_sha256 text, of_claim integer DEFAULT NULL, of_former integer DEFAULT 1
)
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
    state = CASE
      WHEN ranked.place = 1 THEN 'current' WHEN ranked.place <= 1 + of_former THEN 'previous' ELSE 'delete_pending'
    END,
    due_at_ms = CASE WHEN ranked.place > 1 + of_former THEN store_now_ms() END
  FROM (
    SELECT id, row_number() OVER (ORDER BY sequence DESC) AS place FROM artifacts
    WHERE group_id = artifact.group_id AND state IN ('current', 'previous')
  ) ranked
  WHERE a.id = ranked.id;
  RETURN true;
END $$;
`;
