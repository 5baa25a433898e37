// What is the request's own fault: a status of 4xx.
import { randomUUID } from 'node:crypto';
import { SandboxError } from '@boxyard/sandbox-core';
import type { FailureYard } from './failure-yard.ts';
import { type GoldenFault, sessions } from './golden-fault.ts';

async function keyOf(yard: FailureYard, permissions: readonly string[], workspace = 'default') {
  const { token } = await yard.made<{ token: string }>('POST', `/v1/workspaces/${workspace}/keys`, {
    body: { name: 'of a fault', permissions },
  });
  return token;
}

export const REFUSED_REQUESTS: readonly GoldenFault[] = [
  {
    fault: 'the body or the query is not as the API says',
    status: 400,
    code: 'invalid',
    stage: null,
    retryable: false,
    started: 'no',
    remedy: 'Correct it and send it again.',
    provoke: (yard) => yard.ask('POST', sessions, { body: { backend: 7 } }),
  },
  {
    fault: 'a path is absolute, holds `..` or NUL',
    status: 400,
    code: 'invalid',
    stage: null,
    retryable: false,
    started: 'no',
    remedy: 'Give a path relative to the workspace root.',
    provoke: async (yard) => yard.ask('POST', `${await yard.session()}/fs/read`, { body: { path: '../x' } }),
  },
  {
    fault: 'an upload broke off, or its digest differs',
    status: 400,
    code: 'invalid',
    stage: null,
    retryable: false,
    started: 'no',
    remedy: 'Send them again.',
    provoke: async (yard) =>
      yard.ask('PUT', `${await yard.session()}/fs/content?path=file`, {
        raw: 'abc',
        headers: { 'content-digest': `sha-256=:${Buffer.alloc(32).toString('base64')}:` },
      }),
  },
  {
    fault: 'an archive is damaged, cut short or leads out of its folder',
    status: 400,
    code: 'invalid',
    stage: null,
    retryable: false,
    started: 'no',
    remedy: 'get it again.',
    provoke: async (yard) =>
      yard.ask('PUT', `${await yard.session()}/fs/archive?path=`, { raw: 'no tar'.repeat(200) }),
  },
  {
    fault: 'the key is missing, unknown, revoked or expired',
    status: 401,
    code: 'unauthenticated',
    stage: null,
    retryable: false,
    started: 'no',
    remedy: 'Use another one.',
    provoke: (yard) => yard.ask('GET', sessions, { token: 'byk_unknown' }),
  },
  {
    fault: 'the key lacks a permission; the workspace is not its own',
    status: 403,
    code: 'denied',
    stage: null,
    retryable: false,
    started: 'no',
    remedy: 'Use a key that carries it.',
    provoke: async (yard) =>
      yard.ask('POST', sessions, { body: {}, token: await keyOf(yard, ['sessions:read']) }),
  },
  {
    fault: 'the key lacks a permission; the workspace is not its own',
    status: 404,
    code: 'not-found',
    stage: null,
    retryable: false,
    started: 'no',
    remedy: 'Check its id.',
    provoke: async (yard) => {
      await yard.made('POST', '/v1/workspaces', { body: { slug: 'of-others' } });
      return yard.ask('GET', '/v1/workspaces/of-others/sessions', {
        token: await keyOf(yard, ['sessions:read']),
      });
    },
  },
  {
    fault: 'a path leads out of the workspace through a link',
    status: 403,
    code: 'denied',
    stage: null,
    retryable: false,
    started: 'no',
    remedy: 'Use what lies inside.',
    provoke: async (yard) => {
      const session = await yard.session();
      await yard.made('POST', `${session}/terminal/exec`, { body: { command: 'ln -s /etc out' } });
      return yard.ask('POST', `${session}/fs/read`, { body: { path: 'out/hostname' } });
    },
  },
  {
    fault: 'what is named is not there: a session, a file, a command, a terminal',
    status: 404,
    code: 'not-found',
    stage: 'session.find',
    retryable: false,
    started: 'no',
    remedy: 'Check its id and its workspace.',
    provoke: (yard) =>
      yard.ask('POST', `${sessions}/${randomUUID()}/terminal/exec`, { body: { command: 'true' } }),
  },
  {
    fault: 'what is named is not there: a session, a file, a command, a terminal',
    status: 404,
    code: 'not-found',
    stage: null,
    retryable: false,
    started: 'no',
    remedy: 'list the folder.',
    provoke: async (yard) =>
      yard.ask('POST', `${await yard.session()}/fs/read`, { body: { path: 'absent' } }),
  },
  {
    fault: 'the same op id with another body',
    status: 409,
    code: 'conflict',
    stage: null,
    retryable: false,
    started: 'no',
    remedy: 'Use a new id.',
    provoke: async (yard) => {
      const session = await yard.session();
      const opId = randomUUID();
      await yard.made('POST', `${session}/terminal/exec`, { body: { command: 'true', opId } });
      return yard.ask('POST', `${session}/terminal/exec`, { body: { command: 'false', opId } });
    },
  },
  {
    fault: 'a box is paused while something keeps it, without `force`',
    status: 409,
    code: 'conflict',
    stage: 'pause',
    retryable: false,
    started: 'no',
    remedy: 'Wait for them, or force the pause.',
    provoke: async (yard) => {
      const session = await yard.ownSession();
      const body = { command: 'sleep 60', background: true };
      await yard.made('POST', `${session}/terminal/exec`, { body });
      return yard.ask('POST', `${session}/pause`, { body: {} });
    },
  },
  {
    fault: 'the backend cannot have such a box',
    status: 409,
    code: 'unsupported',
    stage: 'create',
    retryable: false,
    started: 'no',
    remedy: 'Leave it out, or use another backend.',
    provoke: (yard) => yard.ask('POST', sessions, { body: { image: 'debian:13' } }),
  },
  {
    fault: 'a file changed since it was read (`ifMatch`)',
    status: 412,
    code: 'precondition-failed',
    stage: null,
    retryable: false,
    started: 'no',
    remedy: 'Read it again and repeat the change.',
    provoke: async (yard) =>
      yard.ask('POST', `${await yard.session()}/fs/write`, {
        body: { path: 'file', content: 'x', ifMatch: `sha256-${'0'.repeat(64)}` },
      }),
  },
  {
    fault: 'the body is longer than `BOXYARD_BODY_LIMIT_BYTES`',
    status: 413,
    code: 'too-large',
    stage: null,
    retryable: false,
    started: 'no',
    remedy: 'Send less, or use fs/content for files of any size.',
    provoke: (yard) => yard.ask('POST', sessions, { body: { name: 'x'.repeat(9 * 1024 * 1024) } }),
  },
  {
    fault: 'a range beyond the end of a file',
    status: 416,
    code: 'range',
    stage: null,
    retryable: false,
    started: 'no',
    remedy: 'Ask for a range within them.',
    provoke: async (yard) => {
      const session = await yard.session();
      await yard.made('POST', `${session}/fs/write`, { body: { path: 'file', content: 'abc' } });
      return yard.ask('GET', `${session}/fs/content?path=file`, { headers: { range: 'bytes=7-' } });
    },
  },
  {
    fault: 'the same `Idempotency-Key`: still being worked on, or with another body',
    status: 422,
    code: 'idempotency-mismatch',
    stage: null,
    retryable: false,
    started: 'no',
    remedy: 'Use a new key.',
    provoke: async (yard) => {
      const headers = { 'idempotency-key': randomUUID() };
      await yard.made('POST', sessions, { body: { name: 'one' }, headers });
      return yard.ask('POST', sessions, { body: { name: 'another' }, headers });
    },
  },
  {
    fault: 'another process opened the box with a newer epoch',
    status: 409,
    code: 'fenced',
    stage: 'exec',
    retryable: false,
    started: 'no',
    remedy: 'Read the session again.',
    provoke: {
      thrown: () =>
        new SandboxError('fenced', 'The box is of epoch 3, not 2. Read the session again.', {
          stage: 'exec',
          started: 'no',
        }),
    },
  },
  {
    fault: 'the client goes away before its answer',
    status: 499,
    code: 'cancelled',
    stage: null,
    retryable: false,
    started: 'unknown',
    remedy: 'Look before you repeat it.',
    provoke: {
      thrown: () => new SandboxError('cancelled', 'The wait was cancelled. Look before you repeat it.'),
    },
  },
  {
    fault: 'what the workspace may use is used up',
    status: 402,
    code: 'over-budget',
    stage: 'budget',
    retryable: false,
    started: 'no',
    remedy: /Raise the budget of the workspace, or wait until \S+\.$/,
    provoke: async (yard) => {
      const own = await yard.workspaceWithBudget(0);
      const { id } = await yard.made<{ id: string }>('POST', `/v1/workspaces/${own}/sessions`, { body: {} });
      const path = `/v1/workspaces/${own}/sessions/${id}/terminal/exec`;
      return yard.ask('POST', path, { body: { command: 'true' } });
    },
  },
];
