/** Machines as boxes of sessions: all that work on one share its group. */
export default `
-- Null is a box that is made; otherwise the enrollment of the machine that the box is.
ALTER TABLE box_groups ADD COLUMN machine_id text COLLATE "C";
CREATE INDEX box_groups_of_machine ON box_groups (workspace_id, machine_id) WHERE machine_id IS NOT NULL;

-- One at a time for each machine. A group without users is on its way out: then the machine gets another.
CREATE FUNCTION take_machine_group(
  of_workspace text, of_machine text, new_id text, awaited_ms double precision
) RETURNS box_groups LANGUAGE plpgsql AS $$
DECLARE
  until timestamptz := store_now() + awaited_ms * interval '1 millisecond';
  found_id text;
  taken box_groups;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('machine/' || of_workspace || '/' || of_machine, 0));
  FOR found_id IN
    SELECT g.id FROM box_groups g
    WHERE g.workspace_id = of_workspace AND g.machine_id = of_machine ORDER BY g.id DESC
  LOOP
    -- The lock that deletion of a session takes: whether it was the last one is known then.
    PERFORM FROM group_revisions r WHERE r.group_id = found_id FOR UPDATE;
    UPDATE box_groups g SET awaited_until = greatest(g.awaited_until, until)
      WHERE g.id = found_id AND (group_in_use(g.id) OR g.awaited_until > store_now())
      RETURNING * INTO taken;
    IF FOUND THEN RETURN taken; END IF;
  END LOOP;
  INSERT INTO box_groups (
    id, workspace_id, backend, machine_id, environment_names, resources, created_at, awaited_until
  ) VALUES (new_id, of_workspace, 'selfhosted', of_machine, '[]', '{}', store_now(), until)
    RETURNING * INTO taken;
  INSERT INTO group_revisions (group_id) VALUES (new_id);
  RETURN taken;
END $$;
`;
