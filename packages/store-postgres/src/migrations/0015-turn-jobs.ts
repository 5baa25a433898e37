/** A turn that becomes due is a job of the queue, in the same transaction: the queue wakes workers and decides nothing. */
export default `
-- 'short' keeps one waiting job for each turn.
CREATE FUNCTION enqueue_turn(of_turn text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO boxyard_jobs.job (name, data, singleton_key, policy)
    VALUES ('turns', jsonb_build_object('turnId', of_turn), of_turn, 'short') ON CONFLICT DO NOTHING;
  PERFORM pg_notify('boxyard', 'turns');
END $$;

CREATE FUNCTION enqueue_queued_turn() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM enqueue_turn(NEW.id);
  RETURN NULL;
END $$;

CREATE TRIGGER queued_turn AFTER INSERT OR UPDATE OF status ON turns
  FOR EACH ROW WHEN (NEW.status = 'queued') EXECUTE FUNCTION enqueue_queued_turn();

-- Whose worker died, or whose job was lost. Of an attempt without a beat for that long nothing counts any more.
CREATE FUNCTION requeue_turns(ttl_ms bigint, most integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  due text;
BEGIN
  FOR due IN
    SELECT t.id FROM turns t
    WHERE t.status IN ('queued', 'running')
      AND NOT EXISTS (
        SELECT FROM turn_attempts a WHERE a.turn_id = t.id AND a.ended_at IS NULL
          AND a.beat_at > store_now() - ttl_ms * interval '1 millisecond'
      )
      AND NOT EXISTS (
        SELECT FROM boxyard_jobs.job j WHERE j.name = 'turns' AND j.singleton_key = t.id AND j.state = 'created'
      )
    ORDER BY t.created_at, t.id LIMIT most
  LOOP
    PERFORM enqueue_turn(due);
  END LOOP;
END $$;
`;
