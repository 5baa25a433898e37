/** Which box a session works in, and whose the boxes are that were made for a swap. */
export default `
ALTER TABLE box_groups
  -- The session that a swap made it for; it goes with that session unless others use it.
  ADD COLUMN made_by text COLLATE "C",
  -- A swap that is under way may still make it active until then.
  ADD COLUMN awaited_until timestamptz;
CREATE INDEX box_groups_made_by ON box_groups (made_by) WHERE made_by IS NOT NULL;

ALTER TABLE sessions
  -- Null is the session's own group, its home.
  ADD COLUMN active_group_id text COLLATE "C",
  ADD COLUMN active_epoch integer NOT NULL DEFAULT 0,
  -- What somebody works in is not deleted, and is of his workspace.
  ADD CONSTRAINT sessions_active_group
    FOREIGN KEY (workspace_id, active_group_id) REFERENCES box_groups (workspace_id, id);
CREATE INDEX sessions_of_active_group ON sessions (active_group_id) WHERE active_group_id IS NOT NULL;

CREATE FUNCTION group_in_use(of_group text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  RETURN EXISTS (SELECT FROM sessions s WHERE s.group_id = of_group)
    OR EXISTS (SELECT FROM sessions s WHERE s.active_group_id = of_group)
    OR EXISTS (SELECT FROM box_groups g JOIN sessions s ON s.id = g.made_by WHERE g.id = of_group);
END $$;

-- The session's row first, so that what it uses stays as it was read; in a mode that lets others join its group
-- meanwhile, because they hold the group's row by then. Then the rows of its groups, in one order, as every append
-- takes one of them before a session's log. Who deletes the last user of a group is told to free it.
DROP FUNCTION delete_session(text, text);
CREATE FUNCTION delete_session(of_workspace text, of_session text, OUT of_group text, OUT freed json)
LANGUAGE plpgsql AS $$
DECLARE
  active text;
  used text[];
BEGIN
  SELECT s.group_id, s.active_group_id INTO of_group, active FROM sessions s
    WHERE s.workspace_id = of_workspace AND s.id = of_session FOR NO KEY UPDATE;
  IF of_group IS NULL THEN RETURN; END IF;
  used := ARRAY(
    SELECT of_group UNION SELECT active WHERE active IS NOT NULL
    UNION SELECT g.id FROM box_groups g WHERE g.made_by = of_session
  );
  PERFORM FROM group_revisions r WHERE r.group_id = ANY (used) ORDER BY r.group_id FOR UPDATE;
  DELETE FROM sessions s WHERE s.id = of_session;
  DELETE FROM events e WHERE e.session_id = of_session;
  DELETE FROM ops o WHERE o.session_id = of_session;
  SELECT coalesce(json_agg(u ORDER BY u), '[]') INTO freed FROM unnest(used) u WHERE NOT group_in_use(u);
END $$;

-- Moves the pointer when it is still at expected_epoch, with the event that tells of it; the session's log goes
-- along, so that what happens in the box reaches the session. Answers swapped, fenced, no-session or no-target.
CREATE FUNCTION swap_active_box(
  of_workspace text, of_session text, to_group text, expected_epoch integer, event_type text, event_data json,
  of_lease_epoch integer
) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  home text;
  active text;
  present integer;
  target text;
  number bigint;
BEGIN
  SELECT s.group_id, s.active_group_id, s.active_epoch INTO home, active, present FROM sessions s
    WHERE s.workspace_id = of_workspace AND s.id = of_session FOR NO KEY UPDATE;
  IF NOT FOUND THEN RETURN 'no-session'; END IF;
  IF present <> expected_epoch THEN RETURN 'fenced'; END IF;
  target := coalesce(to_group, home);
  PERFORM FROM group_revisions r WHERE r.group_id IN (target, coalesce(active, home)) ORDER BY r.group_id FOR UPDATE;
  -- A group without users is on its way out, unless it was made for a swap such as this.
  PERFORM FROM box_groups g WHERE g.id = target AND g.workspace_id = of_workspace
    AND (group_in_use(g.id) OR g.awaited_until > store_now());
  IF NOT FOUND THEN RETURN 'no-target'; END IF;
  UPDATE box_groups g SET made_by = of_session, awaited_until = NULL
    WHERE g.id = target AND g.awaited_until IS NOT NULL;
  UPDATE sessions s SET active_group_id = to_group, active_epoch = present + 1 WHERE s.id = of_session;
  UPDATE session_logs l SET group_id = target, last_seq = l.last_seq + 1 WHERE l.session_id = of_session
    RETURNING l.last_seq INTO number;
  INSERT INTO events (session_id, seq, at, type, data, revision, lease_epoch)
    SELECT of_session, number, store_now(), event_type, event_data, r.revision, of_lease_epoch
    FROM group_revisions r WHERE r.group_id = target;
  PERFORM pg_notify('boxyard', 'events/' || of_session);
  PERFORM pg_notify('boxyard', 'pointer/' || of_session);
  RETURN 'swapped';
END $$;
`;
