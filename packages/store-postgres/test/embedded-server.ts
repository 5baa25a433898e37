// A server of its own, to be killed: starts the embedded PostgreSQL, says where it is, and lives on.
import { startEmbeddedPostgres } from '../src/embedded/embedded-postgres.ts';

const [dataDir] = process.argv.slice(2);
const { connection } = await startEmbeddedPostgres({ dataDir: dataDir! });
process.stdout.write(`${JSON.stringify(connection)}\n`);
setInterval(() => {}, 60_000);
