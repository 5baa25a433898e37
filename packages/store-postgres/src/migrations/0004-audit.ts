/** Who did what. The database itself refuses to change or remove an entry, apart from the one function below. */
export default `
-- No reference to sessions or workspaces: what was done to them outlives them.
CREATE TABLE audit_log (
  -- UUIDv7: sorts by time.
  id text COLLATE "C" PRIMARY KEY,
  at timestamptz NOT NULL,
  workspace_id text COLLATE "C" NOT NULL,
  session_id text COLLATE "C",
  actor_kind text NOT NULL,
  actor_id text NOT NULL,
  action text NOT NULL,
  target text,
  request_id text,
  outcome text NOT NULL,
  detail json NOT NULL
);
CREATE INDEX audit_log_workspace ON audit_log (workspace_id, id DESC);
CREATE INDEX audit_log_session ON audit_log (session_id, id DESC) WHERE session_id IS NOT NULL;
CREATE INDEX audit_log_at ON audit_log (at);

CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' AND current_setting('boxyard.audit_retention', true) = 'on' THEN RETURN OLD; END IF;
  RAISE EXCEPTION 'The audit is append-only: % is refused. Old entries go by boxyard.trim_audit.', TG_OP
    USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER audit_log_append_only BEFORE UPDATE OR DELETE ON audit_log
  FOR EACH ROW EXECUTE FUNCTION refuse_audit_change();
CREATE TRIGGER audit_log_no_truncate BEFORE TRUNCATE ON audit_log
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change();

-- Retention, and the only way out of the table. The setting holds inside of this function and nowhere else.
CREATE FUNCTION trim_audit(older_than timestamptz, at_most integer) RETURNS bigint LANGUAGE plpgsql
SET boxyard.audit_retention = 'on' AS $$
DECLARE
  removed bigint;
BEGIN
  DELETE FROM boxyard.audit_log WHERE id IN (
    SELECT id FROM boxyard.audit_log WHERE at < older_than ORDER BY at LIMIT at_most
  );
  GET DIAGNOSTICS removed = ROW_COUNT;
  RETURN removed;
END $$;

-- Keys of operators were made before there was an audit to read.
UPDATE api_keys SET permissions = (permissions::jsonb || '["audit:read"]'::jsonb)::json
  WHERE permissions::jsonb ? 'workspaces:manage' AND NOT permissions::jsonb ? 'audit:read';
`;
