// What is no fault of the request: a status of 5xx.
import { randomUUID } from 'node:crypto';
import { ApiError } from '@boxyard/api';
import { SandboxError } from '@boxyard/sandbox-core';
import { sandboxErrorFromFs } from '@boxyard/sandbox-core/jailed-folder';
import { type GoldenFault, sessions } from './golden-fault.ts';

export const FAILED_REQUESTS: readonly GoldenFault[] = [
  {
    fault: 'what sealed a stored value is another key than the present one',
    status: 500,
    code: 'configuration',
    stage: 'unseal',
    retryable: false,
    started: 'no',
    remedy: 'give the secret key that sealed it, or set the value anew.',
    provoke: async (yard) => {
      const session = await yard.ownSession({ environment: { NAME: 'value' } });
      return yard.ask('POST', `${session}/terminal/exec`, { body: { command: 'true' }, at: yard.stranger });
    },
  },
  {
    fault: "the server was killed and the command's record was removed",
    status: 502,
    code: 'outcome-unknown',
    stage: 'exec.wait',
    retryable: false,
    started: 'unknown',
    remedy: 'Look at what it may have done before you run it anew under another id.',
    provoke: async (yard) => {
      const session = await yard.session();
      const body = { command: 'true', opId: randomUUID() };
      await yard.made('POST', `${session}/terminal/exec`, { body });
      await yard.loseCommand(body.opId);
      return yard.ask('POST', `${session}/terminal/exec`, { body });
    },
  },
  {
    fault: 'the box is being made and that takes long',
    status: 503,
    code: 'not-ready',
    stage: 'box.open',
    retryable: true,
    started: 'no',
    remedy: 'Try again in a moment.',
    provoke: async (yard) => {
      const { id } = await yard.made<{ id: string }>('POST', sessions, { body: {} });
      return yard.ask('POST', `${sessions}/${id}/terminal/exec`, {
        body: { command: 'true' },
        at: yard.impatient,
      });
    },
  },
  {
    fault: 'a local box is asked for at a server with another data folder',
    status: 503,
    code: 'unreachable',
    stage: 'resume',
    retryable: true,
    started: 'no',
    remedy: 'Ask the server that runs there.',
    provoke: async (yard) =>
      yard.ask('POST', `${await yard.session()}/fs/list`, { body: { path: '' }, at: yard.stranger }),
  },
  {
    fault: 'a session has as many terminals as it may',
    status: 507,
    code: 'quota',
    stage: null,
    retryable: false,
    started: 'no',
    remedy: 'Close one of them.',
    provoke: async (yard) => {
      const session = await yard.ownSession();
      for (let i = 0; i < 16; i++) await yard.made('POST', `${session}/terminal/pty`, { body: {} });
      return yard.ask('POST', `${session}/terminal/pty`, { body: {} });
    },
  },
  {
    fault: 'the server has a defect',
    status: 500,
    code: 'internal',
    stage: null,
    retryable: false,
    started: 'unknown',
    remedy: 'Report it with the request id golden-request.',
    provoke: { thrown: () => new TypeError('x is not a function') },
  },
  {
    fault: 'the box does not answer',
    status: 503,
    code: 'unreachable',
    stage: 'exec',
    retryable: true,
    started: 'unknown',
    remedy: 'Look before you repeat it.',
    provoke: {
      thrown: () =>
        new SandboxError('unreachable', 'The box does not answer. Look before you repeat it.', {
          stage: 'exec',
        }),
    },
  },
  {
    fault: 'the box went away while it was used',
    status: 503,
    code: 'not-ready',
    stage: null,
    retryable: true,
    started: 'unknown',
    remedy: 'Open it again.',
    provoke: { thrown: () => new SandboxError('gone', 'The box is gone. Open it again.') },
  },
  {
    fault: 'the server was asked to end',
    status: 503,
    code: 'draining',
    stage: null,
    retryable: true,
    started: 'no',
    remedy: 'Try again in a moment.',
    provoke: {
      thrown: () => new ApiError('draining', 'The server is shutting down. Try again in a moment.'),
    },
  },
  {
    fault: 'a step takes longer than it may',
    status: 504,
    code: 'timeout',
    stage: 'files.list',
    retryable: false,
    started: 'unknown',
    remedy: 'Look at the result before you repeat it.',
    provoke: {
      thrown: () =>
        new SandboxError(
          'timeout',
          'Listing was not done in time. Look at the result before you repeat it.',
          {
            stage: 'files.list',
          },
        ),
    },
  },
  {
    fault: 'the disk is full',
    status: 507,
    code: 'quota',
    stage: null,
    retryable: false,
    started: 'no',
    remedy: 'make room and try again.',
    provoke: {
      thrown: () => {
        const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
        return sandboxErrorFromFs(full, 'Writing "file"', 'no');
      },
    },
  },
];
