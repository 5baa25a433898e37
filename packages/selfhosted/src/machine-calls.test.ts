import {
  AgentErrorSchema,
  type ControlRequest,
  type ControlResponse,
  ControlResponseSchema,
  ErrorCode,
} from '@boxyard/agent-proto/messages';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { type AskedOp, MachineCalls } from './machine-calls.ts';
import { machineReason } from './machine-failure.ts';
import { MACHINE_TIMINGS } from './machine-timings.ts';
import { NEVER_SENT, offlineAgentError, timeoutAgentError } from './wire-answers.ts';

const machine = {
  workspaceId: '0190a0a0-0000-7000-8000-000000000001',
  agentId: '0190a0a0-0000-7000-8000-000000000002',
};
const errorOf = (code: ErrorCode, detail: Record<string, string> = {}) =>
  create(AgentErrorSchema, { code, message: 'it failed', detail });
type Answer = MessageInitShape<typeof ControlResponseSchema>;

/** Answers with these one after the other, and with the last one from then on. */
function callsWith(...answers: readonly Answer[]) {
  const asked: ControlRequest[] = [];
  const rpc = {
    request: async (_subject: string, request: ControlRequest): Promise<ControlResponse> => {
      asked.push(request);
      const answer = answers[Math.min(asked.length, answers.length) - 1] ?? {};
      return create(ControlResponseSchema, { requestId: request.requestId, ...answer } as Answer);
    },
  };
  const timings = { ...MACHINE_TIMINGS, pauseMs: 1, longestPauseMs: 1, awayMs: 100 };
  const calls = new MachineCalls({ rpc, machine, timings });
  const ask = (op: AskedOp, changes = false) =>
    calls.ask(op, { what: 'Doing it', signal: new AbortController().signal, changes });
  return { asked, calls, ask };
}

const STAT = { case: 'fsStat', value: { path: 'a' } } as const;
const MKDIR = { case: 'fsMkdir', value: { path: 'a' } } as const;
const EXEC: AskedOp = { case: 'exec', value: { command: ['true'] } };

test.each([
  ['what was never sent, three times', offlineAgentError('', true), MKDIR, 4],
  ['offline otherwise, never', offlineAgentError(), STAT, 1],
  ['draining, three times', errorOf(ErrorCode.DRAINING), MKDIR, 4],
  ['draining of a command, ten times', errorOf(ErrorCode.DRAINING), EXEC, 11],
  ['no answer to what looks, once', timeoutAgentError(), STAT, 2],
  ['no answer to what changes, never', timeoutAgentError(), MKDIR, 1],
  ['any other refusal, never', errorOf(ErrorCode.OS, { errno: 'EIO' }), STAT, 1],
] satisfies readonly [string, unknown, AskedOp, number][])(
  'of an older agent is repeated: %s',
  async (_what, error, op, times) => {
    const { asked, ask } = callsWith({ error });
    await expect(ask(op, op !== STAT)).rejects.toThrow();
    expect(asked.length).toBe(times);
    expect(new Set(asked.map(({ requestId }) => requestId)).size).toBe(1);
  },
);

test.each([
  [offlineAgentError('', true), 'unreachable', 'no', true, 'agent_offline'],
  [offlineAgentError(), 'unreachable', 'no', false, 'agent_offline'],
  [timeoutAgentError(), 'outcome-unknown', 'unknown', false, 'agent_reconnecting'],
  [errorOf(ErrorCode.DRAINING), 'unreachable', 'no', true, null],
  [errorOf(ErrorCode.FENCED), 'fenced', 'no', false, null],
  [errorOf(ErrorCode.CONSENT_REQUIRED), 'denied', 'no', false, 'consent_required'],
  [errorOf(ErrorCode.NOT_FOUND), 'not-found', 'no', false, null],
  [errorOf(ErrorCode.UNSUPPORTED), 'unsupported', 'no', false, null],
  [errorOf(ErrorCode.PAYLOAD_TOO_LARGE), 'too-large', 'unknown', false, null],
  [errorOf(ErrorCode.OS, { errno: 'EEXIST' }), 'conflict', 'unknown', false, null],
  [errorOf(ErrorCode.OS, { errno: 'ENOSPC' }), 'quota', 'unknown', false, null],
  [errorOf(ErrorCode.OS), 'outcome-unknown', 'unknown', false, null],
  [
    errorOf(ErrorCode.OS, { box_code: 'precondition-failed', started: 'no' }),
    'precondition-failed',
    'no',
    false,
    null,
  ],
  // The machine's own box may be gone, the machine is not.
  [errorOf(ErrorCode.OS, { box_code: 'gone' }), 'unreachable', 'unknown', false, null],
] as const)('a change that ends with %j is %s', async (error, code, started, retryable, reason) => {
  const failed = await callsWith({ error })
    .ask(MKDIR, true)
    .catch((thrown: unknown) => thrown);
  expect(failed).toMatchObject({ code, started, retryable });
  expect(machineReason(failed)).toBe(reason);
});

test('an agent that remembers its replies is asked again with the same id, of the same process only', async () => {
  const done: Answer = { process: 'first', result: { case: 'fsMkdir', value: {} } };
  const { asked, calls, ask } = callsWith(
    { error: timeoutAgentError() },
    { error: timeoutAgentError() },
    done,
  );
  calls.knows('first');
  await ask(MKDIR, true);
  expect(asked.map(({ onlyProcess }) => onlyProcess)).toEqual(['', 'first', 'first']);
  expect(new Set(asked.map(({ requestId }) => requestId)).size).toBe(1);
});

test('a machine that goes offline after a request without an answer leaves it open whether that was done', async () => {
  const { calls, ask } = callsWith({ error: timeoutAgentError() }, { error: offlineAgentError() });
  calls.knows('first');
  await expect(ask(MKDIR, true)).rejects.toMatchObject({ code: 'outcome-unknown', started: 'unknown' });
});

test('an answer of another kind than was asked for is no answer', async () => {
  const { ask } = callsWith({ result: { case: 'fsMkdir', value: {} } });
  await expect(ask(STAT)).rejects.toMatchObject({ code: 'unreachable', retryable: false });
  await expect(callsWith({}).ask(STAT)).rejects.toMatchObject({ code: 'unreachable' });
});

test('the detail that nothing was sent is what the protocol calls it', () => {
  expect(offlineAgentError('', true).detail).toEqual({ [NEVER_SENT]: '1' });
  expect(NEVER_SENT).toBe('_never_sent');
});
