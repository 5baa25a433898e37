/** A job that its worker took and did not live to strike is told again, and is not kept for a quarter of an hour. */
export default `
CREATE OR REPLACE FUNCTION enqueue_turn(of_turn text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO boxyard_jobs.job (name, data, singleton_key, policy, expire_seconds, deletion_seconds)
    VALUES ('turns', jsonb_build_object('turnId', of_turn), of_turn, 'short', 10, 60) ON CONFLICT DO NOTHING;
  PERFORM pg_notify('boxyard', 'turns');
END $$;
`;
