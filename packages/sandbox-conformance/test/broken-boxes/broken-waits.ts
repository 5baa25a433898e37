import { type CallOptions, SandboxError } from '@boxyard/sandbox-core';
import { type BrokenBox, overridden, withFiles, withProcesses, withUse } from './broken-box.ts';

export const BROKEN_ATTACH: readonly BrokenBox[] = [
  {
    wrong: 'an id with odd characters is an error of another kind',
    breaks: 'attach.bad-id',
    wrap: (box) =>
      withUse(box, 'attach', (use) => ({
        attach: async (id, options) => {
          if (!/^[\w-]+$/.test(id)) throw new TypeError(`cannot open ${id}`);
          return use.attach(id, options);
        },
      })),
  },
  {
    wrong: 'only running commands are listed',
    breaks: 'attach.list',
    wrap: (box, machine) =>
      withUse(box, 'attach', (use) => ({
        list: async (options) => (await use.list(options)).filter((id) => machine.operation(id).running),
      })),
  },
  {
    wrong: 'exec leaves the record of its command',
    breaks: 'attach.exec-leaves-nothing',
    waitMs: 300,
    wrap: (box) => {
      let count = 0;
      return overridden(box, {
        exec: (request, options) => box.exec({ id: `exec-${++count}`, ...request }, options),
      });
    },
  },
];

const asNone = (options: CallOptions = {}): CallOptions =>
  Number.isNaN(options.deadlineMs) ? { signal: options.signal } : options;

export const BROKEN_DEADLINE: readonly BrokenBox[] = [
  {
    wrong: 'a deadline that is no number counts as none',
    breaks: 'deadline.not-a-number',
    wrap: (box) =>
      withFiles(box, (files) => ({ stat: (path, options) => files.stat(path, asNone(options)) })),
  },
  {
    wrong: 'a write that came to its deadline leaves a part',
    breaks: 'deadline.stalled-upload',
    waitMs: 1000,
    wrap: leavingParts('timeout'),
  },
  {
    wrong: 'a start that came to its deadline is made once more',
    breaks: 'deadline.frozen-once',
    wrap: (box) =>
      overridden(box, {
        spawn: async (request, options) => {
          try {
            return await box.spawn(request, options);
          } catch (error) {
            const late = SandboxError.hasCode(error, 'timeout') && (options?.deadlineMs ?? 0) > 0;
            const { id: _, ...again } = request;
            if (late) box.spawn(again).catch(() => undefined);
            throw error;
          }
        },
      }),
  },
];

export const BROKEN_CANCEL: readonly BrokenBox[] = [
  {
    wrong: 'one method goes on with a signal that has aborted already',
    breaks: 'cancel.before',
    wrap: (box) =>
      withFiles(box, (files) => ({
        version: (path, { signal, ...options } = {}) =>
          files.version(path, signal?.aborted ? options : { ...options, signal }),
      })),
  },
  {
    wrong: 'an aborted upload leaves a part',
    breaks: 'cancel.upload',
    waitMs: 1000,
    wrap: leavingParts('cancelled'),
  },
  {
    wrong: 'the signal of spawn ends the command later',
    breaks: 'cancel.spawn-signal-is-for-the-start',
    wrap: (box) =>
      overridden(box, {
        spawn: async (request, options) => {
          const started = await box.spawn(request, options);
          options?.signal?.addEventListener('abort', () => void started.kill({ graceMs: 0 }));
          return started;
        },
      }),
  },
  {
    wrong: 'an aborted wait for the exit ends the command',
    breaks: 'cancel.exited',
    wrap: (box) =>
      withProcesses(box, (process) => ({
        exited: (options) => {
          if (options?.signal?.aborted === false) {
            options.signal.addEventListener('abort', () => void process.kill({ graceMs: 0 }));
          }
          return process.exited(options);
        },
      })),
  },
];

export const BROKEN_CLOSE: readonly BrokenBox[] = [
  {
    wrong: 'closing a second time is an error',
    breaks: 'close.closed',
    wrap: (box) => {
      let closed = false;
      return overridden(box, {
        close: async () => {
          if (closed) throw new SandboxError('closed', 'The handle is closed; open the box again.');
          closed = true;
          await box.close();
        },
      });
    },
  },
  {
    wrong: 'a box that is gone is called unreachable',
    breaks: 'close.gone',
    wrap: (box) =>
      overridden(box, {
        exec: (...args) =>
          box.exec(...args).catch((error: unknown) => {
            if (!SandboxError.hasCode(error, 'gone')) throw error;
            throw new SandboxError('unreachable', 'The box does not answer; try again.');
          }),
      }),
  },
];

function leavingParts(code: 'timeout' | 'cancelled'): BrokenBox['wrap'] {
  return (box) =>
    withFiles(box, (files) => ({
      write: async (path, content, options) => {
        try {
          return await files.write(path, content, options);
        } catch (error) {
          const broken = content instanceof ReadableStream && SandboxError.hasCode(error, code);
          if (broken) await files.write(`${path}.part`, new Uint8Array());
          throw error;
        }
      },
    }));
}
