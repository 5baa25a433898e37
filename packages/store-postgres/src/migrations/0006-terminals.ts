/** Where terminals live, and how servers that know no addresses of each other talk. */
export default `
CREATE TABLE hosts (
  id text COLLATE "C" PRIMARY KEY,
  seen_at_ms bigint NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE ptys (
  id text COLLATE "C" PRIMARY KEY,
  session_id text COLLATE "C" NOT NULL REFERENCES sessions ON DELETE CASCADE,
  group_id text COLLATE "C" NOT NULL,
  host_id text COLLATE "C" NOT NULL,
  lease_epoch integer NOT NULL,
  cols integer NOT NULL,
  rows integer NOT NULL,
  created_at timestamptz NOT NULL,
  -- Null while it lives.
  ended json,
  ended_at_ms bigint
);
CREATE INDEX ptys_of_session ON ptys (session_id);
CREATE INDEX ptys_living ON ptys (host_id) WHERE ended_at_ms IS NULL;
CREATE INDEX ptys_ended ON ptys (ended_at_ms) WHERE ended_at_ms IS NOT NULL;

-- Not logged: a call does not outlive a crash of the database, and its caller is told that it did not arrive.
CREATE UNLOGGED TABLE host_calls (
  id text COLLATE "C" PRIMARY KEY,
  place bigint GENERATED ALWAYS AS IDENTITY,
  from_host text COLLATE "C" NOT NULL,
  to_host text COLLATE "C" NOT NULL,
  placed_at_ms bigint NOT NULL,
  taken boolean NOT NULL DEFAULT false,
  request json NOT NULL,
  answer json
);
CREATE INDEX host_calls_to ON host_calls (to_host) WHERE NOT taken;
CREATE INDEX host_calls_from ON host_calls (from_host) WHERE answer IS NOT NULL;
CREATE INDEX host_calls_placed ON host_calls (placed_at_ms);
`;
