import { OUTPUT_START, SandboxError } from '@boxyard/sandbox-core';
import { type BrokenBox, overridden, unless, withProcesses } from './broken-box.ts';

const NOTHING = new Uint8Array();

export const BROKEN_EXEC: readonly BrokenBox[] = [
  {
    wrong: 'merged output is stdout first and stderr after it',
    breaks: 'exec.merged',
    wrap: (box) =>
      overridden(box, {
        exec: async (request, options) => {
          const result = await box.exec({ ...request, output: 'separate' }, options);
          if (request.output !== 'merged') return result;
          return { ...result, stdout: new Uint8Array([...result.stdout, ...result.stderr]), stderr: NOTHING };
        },
      }),
  },
  {
    wrong: 'no duration is measured',
    breaks: 'exec.separate',
    wrap: (box) =>
      overridden(box, {
        exec: async (...args) => ({ ...(await box.exec(...args)), durationMs: Number.NaN }),
      }),
  },
  {
    wrong: 'a missing cwd is a result of the command',
    breaks: 'exec.cwd-missing',
    wrap: (box) =>
      overridden(box, {
        exec: (request, options) => {
          if (request.cwd === undefined) return box.exec(request, options);
          return unless('not-found', box.exec(request, options), () =>
            box.exec({ program: { script: 'exit 1' } }, options),
          );
        },
      }),
  },
  {
    wrong: 'the environment of the host is handed on',
    breaks: 'exec.environment',
    wrap: (box) =>
      overridden(box, {
        exec: (request, options) => {
          const { CONFORMANCE_HOST_SECRET = '' } = process.env;
          return box.exec({ ...request, env: { CONFORMANCE_HOST_SECRET, ...request.env } }, options);
        },
      }),
  },
  {
    wrong: 'stderr is taken for Latin-1',
    breaks: 'exec.bytes',
    wrap: (box) =>
      overridden(box, {
        exec: async (...args) => {
          const result = await box.exec(...args);
          const text = Buffer.from(result.stderr).toString('latin1');
          return { ...result, stderr: new Uint8Array(Buffer.from(text, 'utf8')) };
        },
      }),
  },
  {
    wrong: 'output of exactly the limit is called truncated',
    breaks: 'exec.exactly-the-limit',
    wrap: (box) =>
      overridden(box, {
        exec: async (request, options) => {
          const result = await box.exec(request, options);
          return {
            ...result,
            truncated: result.truncated || result.stdout.length === request.maxOutputBytes,
          };
        },
      }),
  },
  {
    wrong: 'commands run one after the other',
    breaks: 'exec.five-at-once',
    waitMs: 300,
    wrap: (box) => {
      let last: Promise<unknown> = Promise.resolve();
      return overridden(box, {
        exec: (...args) => {
          const own = last.then(() => box.exec(...args));
          last = own.catch(() => undefined);
          return own;
        },
      });
    },
  },
  {
    wrong: 'login is ignored',
    breaks: 'exec.login',
    wrap: (box) =>
      overridden(box, {
        exec: ({ program, ...request }, options) =>
          box.exec(
            { ...request, program: 'argv' in program ? program : { ...program, login: false } },
            options,
          ),
      }),
  },
  {
    wrong: 'empty arguments are dropped',
    breaks: 'exec.argv',
    wrap: (box) =>
      overridden(box, {
        exec: ({ program, ...request }, options) => {
          if (!('argv' in program)) return box.exec({ program, ...request }, options);
          const [name, ...args] = program.argv;
          return box.exec({ ...request, program: { argv: [name, ...args.filter(Boolean)] } }, options);
        },
      }),
  },
  {
    wrong: 'exit 127 of a script is taken for a missing program',
    breaks: 'exec.exit-127',
    wrap: (box) =>
      overridden(box, {
        exec: async (...args) => {
          const result = await box.exec(...args);
          if (result.exitCode === 127)
            throw new SandboxError('not-found', 'There is no such program; install it.');
          return result;
        },
      }),
  },
  {
    wrong: 'a run limit is an error and loses the output so far',
    breaks: 'exec.run-limit',
    wrap: (box) =>
      overridden(box, {
        exec: async (...args) => {
          const result = await box.exec(...args);
          if (result.endedBy === 'run-limit')
            throw new SandboxError('timeout', 'It took too long; wait longer.');
          return result;
        },
      }),
  },
  {
    wrong: 'a run limit that is none counts as none',
    breaks: 'exec.run-limit-invalid',
    wrap: (box) =>
      overridden(box, {
        exec: ({ runLimitMs, ...request }, options) => {
          const usable = runLimitMs !== undefined && runLimitMs > 0 && Number.isFinite(runLimitMs);
          return box.exec(usable ? { ...request, runLimitMs } : request, options);
        },
      }),
  },
];

export const BROKEN_OUTPUT: readonly BrokenBox[] = [
  {
    wrong: 'the cursor of stderr is ignored',
    breaks: 'output.cursor',
    wrap: (box) =>
      withProcesses(box, (process) => ({
        output: ({ from = OUTPUT_START, ...options } = {}) =>
          process.output({ ...options, from: { ...from, stderr: 0 } }),
      })),
  },
  {
    wrong: 'a second reading says that output is missing',
    breaks: 'output.after-exit',
    wrap: (box) =>
      withProcesses(box, (process) => {
        let readings = 0;
        return {
          async *output(options) {
            for await (const event of process.output(options)) {
              yield event.kind === 'end' && readings++ > 0 ? { ...event, complete: false } : event;
            }
          },
        };
      }),
  },
  {
    wrong: 'output that orphans hold open is called complete',
    breaks: 'output.orphan',
    wrap: (box) =>
      withProcesses(box, (process) => ({
        async *output(options) {
          for await (const event of process.output(options)) {
            yield event.kind === 'end' ? { ...event, complete: true } : event;
          }
        },
      })),
  },
  {
    wrong: 'exec calls output that orphans hold open complete',
    breaks: 'output.orphan-exec',
    wrap: (box) =>
      overridden(box, { exec: async (...args) => ({ ...(await box.exec(...args)), outputComplete: true }) }),
  },
];

export const BROKEN_SPAWN: readonly BrokenBox[] = [
  {
    wrong: 'starts of one id that come together are several runs',
    breaks: 'spawn.same-id-at-once',
    wrap: (box) => {
      const starting = new Set<string>();
      return overridden(box, {
        spawn: async ({ id, ...request }, options) => {
          if (id === undefined || starting.has(id)) return box.spawn(request, options);
          starting.add(id);
          return box.spawn({ ...request, id }, options).finally(() => starting.delete(id));
        },
      });
    },
  },
  {
    wrong: 'an id whose command has ended runs again',
    breaks: 'spawn.same-id',
    waitMs: 500,
    wrap: (box) => {
      const ended = new Set<string>();
      return overridden(box, {
        spawn: async ({ id, ...request }, options) => {
          if (id === undefined || ended.has(id)) return box.spawn(request, options);
          const started = await box.spawn({ ...request, id }, options);
          started.exited().then(
            () => ended.add(id),
            () => undefined,
          );
          return started;
        },
      });
    },
  },
  {
    wrong: 'a running command is forgotten without a word',
    breaks: 'spawn.forget-running',
    wrap: (box) =>
      withProcesses(box, (process) => ({
        forget: (options) => unless('conflict', process.forget(options), () => undefined),
      })),
  },
];

export const BROKEN_STDIN: readonly BrokenBox[] = [
  {
    wrong: 'what is written to a command without stdin is dropped without a word',
    breaks: 'stdin.none',
    wrap: (box) =>
      withProcesses(box, (process, request) => ({
        write: async (bytes, options) => {
          if (request?.stdin === 'open') await process.write(bytes, options);
        },
      })),
  },
  {
    wrong: 'writes that are under way overtake each other',
    breaks: 'stdin.unawaited-order',
    wrap: (box) =>
      withProcesses(box, (process) => {
        let underWay = 0;
        return {
          write: async (bytes, options) => {
            const first = underWay++ === 0;
            for (let turns = first ? 5 : 1; turns > 0; turns--)
              await new Promise((resolve) => setImmediate(resolve));
            underWay--;
            await process.write(bytes, options);
          },
        };
      }),
  },
];

export const BROKEN_KILL: readonly BrokenBox[] = [
  {
    wrong: 'kill gives no grace',
    breaks: 'kill.grace',
    wrap: (box) =>
      withProcesses(box, (process) => ({ kill: (options) => process.kill({ ...options, graceMs: 0 }) })),
  },
  {
    wrong: 'kill ends every command of the box',
    breaks: 'kill.others-live',
    wrap: (box, machine) =>
      withProcesses(box, (process) => ({
        kill: async (options) => {
          await process.kill(options);
          machine.stopTasks();
        },
      })),
  },
  {
    wrong: 'kill leaves the orphans of a command that has ended',
    breaks: 'kill.orphans',
    wrap: (box, machine) =>
      withProcesses(box, (process) => ({
        kill: async (options) => {
          if (machine.operation(process.id).running) await process.kill(options);
        },
      })),
  },
  {
    wrong: 'what ends by itself after an interrupt is said to be killed',
    breaks: 'kill.interrupt-handled',
    wrap: (box) =>
      withProcesses(box, (process) => {
        let interrupted = false;
        return {
          interrupt: (options) => {
            interrupted = true;
            return process.interrupt(options);
          },
          exited: async (options) => {
            const status = await process.exited(options);
            return interrupted ? { ...status, endedBy: 'kill' } : status;
          },
        };
      }),
  },
  {
    wrong: 'a kill after the end changes the result',
    breaks: 'kill.twice',
    wrap: (box) =>
      withProcesses(box, (process) => {
        let killed = false;
        return {
          kill: async (options) => {
            await process.kill(options);
            killed = true;
          },
          exited: async (options) => {
            const status = await process.exited(options);
            return killed ? { ...status, endedBy: 'kill' } : status;
          },
        };
      }),
  },
];
