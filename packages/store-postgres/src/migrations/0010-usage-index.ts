/** What a month costs is read from what was up in it, not from all that ever was. */
export default `
DROP INDEX box_usage_of_workspace;
CREATE INDEX box_usage_ended ON box_usage (workspace_id, ended_at_ms);
CREATE OR REPLACE FUNCTION warm_ms(of_workspace text, of_group text, from_ms bigint, to_ms bigint)
RETURNS bigint LANGUAGE sql VOLATILE AS $$
  SELECT coalesce(sum(greatest(0, least(coalesce(u.ended_at_ms, clock.now), to_ms) - greatest(u.started_at_ms, from_ms))), 0)::bigint
  FROM (SELECT boxyard.store_now_ms() AS now) clock, boxyard.box_usage u
  WHERE u.workspace_id = of_workspace AND u.group_id = coalesce(of_group, u.group_id)
    AND u.started_at_ms < to_ms AND (u.ended_at_ms > from_ms OR u.ended_at_ms IS NULL)
$$;
`;
