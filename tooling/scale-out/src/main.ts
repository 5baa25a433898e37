// The full size: node --conditions=@boxyard/source tooling/scale-out/src/main.ts [--sessions 50] [--seconds 120] ...
import { parseArgs } from 'node:util';
import { runScaleOut } from './scale-out.ts';

const { values } = parseArgs({
  options: {
    servers: { type: 'string', default: '2' },
    workers: { type: 'string', default: '3' },
    sessions: { type: 'string', default: '50' },
    seconds: { type: 'string', default: '120' },
    'kill-every': { type: 'string', default: '4' },
    'command-seconds': { type: 'string', default: '0.5' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});
const report = await runScaleOut({
  servers: Number(values.servers),
  workers: Number(values.workers),
  sessions: Number(values.sessions),
  durationMs: Number(values.seconds) * 1000,
  killEveryMs: Number(values['kill-every']) * 1000,
  commandSeconds: Number(values['command-seconds']),
  seed: Number(values.seed),
  say: (line) => console.log(`${new Date().toISOString().slice(11, 19)} ${line}`),
});
const { wrong, ...numbers } = report;
console.log(JSON.stringify(numbers, null, 2));
for (const one of wrong) console.error(`WRONG: ${one}`);
console.log(
  wrong.length === 0 ? 'Nothing is lost, done twice or left over.' : `${wrong.length} things are wrong.`,
);
// Sockets of clients that are kept open for reuse hold the process up otherwise.
process.exit(wrong.length === 0 ? 0 : 1);
