import { expect, test } from 'vitest';
import {
  agentSubjects,
  machineOpFrames,
  machineSubjects,
  parseAgentSubject,
  parseOpSubject,
  readerFrames,
} from './subjects.ts';

const workspaceId = '0190a0a0-0000-7000-8000-000000000001';
const agentId = '0190a0a0-0000-7000-8000-000000000002';
const instance = '8f14e45f-ceea-4672-9c1f-1f2d3c4b5a69';
const machine = { workspaceId, agentId };

test('a machine and its running agent are spoken to where the protocol says', () => {
  expect(machineSubjects(machine).rpc).toBe(`agent.${workspaceId}.${agentId}.rpc`);
  const subjects = agentSubjects({ ...machine, instance });
  const base = `agent.${workspaceId}.${agentId}.connection.${instance}`;
  expect(subjects).toMatchObject({
    rpc: `${base}.rpc`,
    hello: `${base}.hello`,
    events: `${base}.events`,
    allOps: `${base}.op.*`,
  });
  expect(subjects.op('op_1-a')).toBe(`${base}.op.op_1-a`);
  expect(subjects.ack('op_1-a')).toBe(`${base}.op.op_1-a.ack`);
});

test.each(['*', '>', 'a.b', '', `${workspaceId}.x`, 'not-a-uuid', workspaceId.toUpperCase()])(
  'the id %j never becomes part of a subject',
  (id) => {
    expect(() => machineSubjects({ ...machine, agentId: id })).toThrow(RangeError);
    expect(() => machineSubjects({ ...machine, workspaceId: id })).toThrow(RangeError);
    expect(() => agentSubjects({ ...machine, instance: id })).toThrow(RangeError);
  },
);

test.each(['*', '>', 'a.b.c', 'a.*', 'a.', 'a.ack', '', 'a b', 'é'])('the op id %j is refused', (opId) => {
  const subjects = agentSubjects({ ...machine, instance });
  expect(() => subjects.op(opId)).toThrow(RangeError);
  expect(() => subjects.ack(opId)).toThrow(RangeError);
});

test('a subject says who speaks, and others say nothing', () => {
  const { hello, op } = agentSubjects({ ...machine, instance });
  expect(parseAgentSubject(hello)).toEqual({ ...machine, instance, kind: 'hello' });
  expect(parseAgentSubject(machineSubjects(machine).events)).toEqual({
    ...machine,
    instance: null,
    kind: 'events',
  });
  for (const other of [op('x'), 'agent.a.b.hello', `${hello}.more`, '_INBOX.x', '', `x${hello}`]) {
    expect(parseAgentSubject(other)).toBeNull();
  }
});

test('frames and acks say whose stream they are of', () => {
  const { op, ack } = agentSubjects({ ...machine, instance });
  const speaker = { ...machine, instance };
  expect(parseOpSubject(op('op-1'))).toEqual({ ...speaker, streamId: 'op-1', isAck: false });
  expect(parseOpSubject(ack('op-1'))).toEqual({ ...speaker, streamId: 'op-1', isAck: true });
  expect(parseOpSubject(op('reader.s1'))).toEqual({ ...speaker, streamId: 'reader.s1', isAck: false });
  expect(parseOpSubject(ack('reader.s1'))).toEqual({ ...speaker, streamId: 'reader.s1', isAck: true });
  const { rpc } = machineSubjects(machine);
  for (const other of [rpc, `${op('a')}.b.c`, 'agent.x', '']) expect(parseOpSubject(other)).toBeNull();
});

test('a reader hears only its own streams, and an op is heard from whichever process serves it', () => {
  const { op } = agentSubjects({ ...machine, instance });
  const fits = (pattern: string, subject: string) =>
    new RegExp(`^${pattern.replaceAll('.', '\\.').replaceAll('*', '[^.]+')}$`).test(subject);
  expect(fits(readerFrames('reader'), op('reader.s1'))).toBe(true);
  expect(fits(readerFrames('reader'), op('other.s1'))).toBe(false);
  expect(fits(readerFrames('reader'), op('op-1'))).toBe(false);
  expect(fits(machineOpFrames(machine, 'op-1'), op('op-1'))).toBe(true);
  for (const bad of ['ack', '*', 'a.b', '']) expect(() => readerFrames(bad)).toThrow(RangeError);
});
