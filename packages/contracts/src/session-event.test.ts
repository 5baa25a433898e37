import { expect, test } from 'vitest';
import { PERMISSIONS } from './permission.ts';
import { EVENT_PERMISSIONS, SessionEvent } from './session-event.ts';

const id = '0197a3b2-7c44-7d21-8a10-3f5e6b7c8d90';
const opId = '7f0a6c1e-6f0b-4b52-9a53-0c4d2f1a9b10';
const envelope = { seq: 1, sessionId: id, at: '2026-01-02T03:04:05Z', revision: 0, leaseEpoch: 0 };
const usage = { modelCalls: 1, inputTokens: 2, outputTokens: 3 };

const samples: Record<SessionEvent['type'], object> = {
  'session.created': { sandboxGroupId: id, backend: 'local' },
  'session.deleted': {},
  'sandbox.created': { backend: 'local' },
  'sandbox.resumed': { backend: 'local' },
  'sandbox.restored': {
    receipt: { kind: 'STALE', from: '2026-01-02T03:04:05Z', to: '2026-01-02T03:05:05Z' },
  },
  'sandbox.paused': { reason: 'idle' },
  'sandbox.lost': { detail: 'The box does not exist any more.' },
  'sandbox.failed': { code: 'quota', stage: 'create', detail: 'No room is left: free some.' },
  'sandbox.swapped': { from: null, to: id, activeEpoch: 1, receipt: { kind: 'EXACT' } },
  'sandbox.environment.changed': { names: ['A'] },
  'fs.changed': {
    changes: [{ path: 'b', kind: 'renamed', isDir: false, sizeBytes: 3, oldPath: 'a' }],
    source: 'write',
  },
  'git.changed': { path: '' },
  'sandbox.command.started': { opId, command: 'make', cwd: '', background: false },
  'sandbox.command.output.delta': { stream: 'stdout', chunk: 'ok\n', opId, seq: 0 },
  'sandbox.command.exited': { opId, exitCode: 0, signal: null, timedOut: false, lost: null },
  'output.elided': { opId, afterBytes: 1_048_576 },
  'terminal.pty.started': { ptyId: id, cols: 80, rows: 24 },
  'terminal.pty.output.delta': { ptyId: id, chunk: '$ ', seq: 0 },
  'terminal.pty.exited': { ptyId: id, exitCode: null, reason: 'host-restarted' },
  'turn.started': { attempt: 1 },
  'turn.completed': { usage },
  'turn.failed': { error: { code: 'model', message: 'The model does not answer.' }, usage },
  'turn.cancelled': { usage },
  'turn.message': { text: 'Make it green.' },
  'model.text.delta': { text: 'I will', answer: 1 },
  'model.text.superseded': { answer: 1, reason: 'The connection broke off.' },
  'turn.usage': { usage },
  'tool.call.started': { callId: 'call_1', tool: 'exec_command', arguments: '{"cmd":"make"}' },
  'tool.call.output.delta': { callId: 'call_1', chunk: 'ok', elided: false },
  'tool.call.completed': { callId: 'call_1', tool: 'exec_command', output: 'ok', truncated: false },
  'approval.requested': { approvalId: id, callId: 'call_1', tool: 'exec_command', arguments: '{}' },
  'approval.resolved': { approvalId: id, decision: 'approved' },
};

test.each(Object.entries(samples))('%s is stored and read back as it was', (type, payload) => {
  const stored = { ...envelope, type, payload };
  expect(SessionEvent.parse(JSON.parse(JSON.stringify(stored)))).toEqual(stored);
});

test.each(Object.entries(samples).filter(([, payload]) => Object.keys(payload).length > 0))(
  '%s without its payload is refused',
  (type) => {
    expect(SessionEvent.safeParse({ ...envelope, type, payload: {} }).success).toBe(false);
  },
);

test('an unknown type or a missing envelope is refused', () => {
  expect(SessionEvent.safeParse({ ...envelope, type: 'fs.exploded', payload: {} }).success).toBe(false);
  expect(SessionEvent.safeParse({ type: 'session.deleted', payload: {} }).success).toBe(false);
  expect(SessionEvent.safeParse({ ...envelope, seq: 0, type: 'session.deleted', payload: {} }).success).toBe(
    false,
  );
});

test('output and file names are only for readers who may see them', () => {
  expect(EVENT_PERMISSIONS).toEqual({
    'fs.changed': 'files:read',
    'git.changed': 'files:read',
    'sandbox.command.output.delta': 'terminal:attach',
    'terminal.pty.output.delta': 'terminal:attach',
    'tool.call.started': 'terminal:attach',
    'tool.call.output.delta': 'terminal:attach',
    'tool.call.completed': 'terminal:attach',
    'approval.requested': 'sessions:control',
  });
  for (const permission of Object.values(EVENT_PERMISSIONS)) expect(PERMISSIONS).toContain(permission);
});
