import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  Op,
  type OpStreamMessage,
  SessionEvent,
  TerminalExecRequest,
  TerminalExecResponse,
} from '@boxyard/contracts';
import { createRedactor, OUTPUT_START, SandboxError } from '@boxyard/sandbox-core';
import { eventually } from '@tooling/eventually';
import { v7 as uuidv7 } from 'uuid';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { useHostStage } from '../../test/host-stage.ts';
import { OpHost } from './op-host.ts';

const SECRET = 'correct-horse-battery-staple';
const stage = useHostStage();
const { session } = stage;

let host: OpHost;

beforeEach(() => {
  host = newHost();
});
afterEach(async () => {
  for (const { id, state } of stage.store.records.values()) {
    if (state === 'running') await host.kill(session, id, { graceMs: 0 }).catch(() => undefined);
  }
  await host.close();
});

const newHost = (maxEventBytes?: number) =>
  new OpHost({
    ops: stage.store.ops,
    events: stage.store.events,
    openBox: stage.opener.open,
    hostId: uuidv7(),
    redactorFor: () => createRedactor([SECRET]),
    soleHost: true,
    maxEventBytes,
  });
const exec = async (request: object, signal?: AbortSignal) =>
  TerminalExecResponse.parse(await host.exec(session, TerminalExecRequest.parse(request), { signal }));
const printed = () =>
  stage.store
    .told('sandbox.command.output.delta')
    .map(({ chunk }) => chunk)
    .join('');
const ended = (opId: string) =>
  eventually('the end of the command', async () => {
    const op = Op.parse(await host.get(session, opId));
    return op.state === 'running' ? null : op;
  });
const fileText = (name: string) => readFile(join(stage.box.workspaceRoot, name), 'utf8').catch(() => '');

async function streamed(opId: string, from = OUTPUT_START): Promise<OpStreamMessage[]> {
  const messages = [];
  const stream = host.stream(session, opId, { from, signal: new AbortController().signal });
  for await (const { message } of stream) messages.push(message);
  return messages;
}
const textOf = (messages: readonly OpStreamMessage[], stream: 'stdout' | 'stderr') =>
  messages.map((message) => ('chunk' in message && message.stream === stream ? message.chunk : '')).join('');

describe('exec', () => {
  it('costs two statements when the command is short', async () => {
    // Without output: on a slow machine what is printed may be stored before the end comes.
    expect(await exec({ command: 'exit 3' })).toMatchObject({ exitCode: 3, running: false });
    expect(stage.store.statements).toBe(2);
  });

  it('answers what the command did, and tells the session of it', async () => {
    const answer = await exec({ command: 'echo out; echo err >&2; exit 3' });
    expect(answer).toEqual({
      opId: answer.opId,
      stdout: 'out\n',
      stderr: 'err\n',
      exitCode: 3,
      running: false,
      timedOut: false,
      truncated: false,
      wallTimeMs: answer.wallTimeMs,
    });
    expect(stage.store.revision).toBe(1);
    const types = stage.store.logged.map(({ type }) => type);
    expect([types[0], types.at(-1)]).toEqual(['sandbox.command.started', 'sandbox.command.exited']);
    expect(stage.store.told('sandbox.command.exited')).toEqual([
      { opId: answer.opId, exitCode: 3, signal: null, timedOut: false, lost: null },
    ]);
    expect(printed()).toContain('out\n');
    for (const event of stage.store.logged) {
      SessionEvent.parse({ ...event, at: event.at.toISOString(), payload: event.data });
    }
    expect(await host.list(session)).toMatchObject([{ state: 'exited', exitCode: 3 }]);
  });

  it('passes folder, environment and input on, and bytes as bytes', async () => {
    await stage.box.files.mkdir('sub');
    const answer = await exec({
      command: 'pwd; echo "$GREETING"; cat',
      cwd: 'sub',
      env: { GREETING: 'hi' },
      stdin: 'in',
    });
    expect(answer.stdout).toBe(`${join(stage.box.workspaceRoot, 'sub')}\nhi\nin`);
    const stdin = Buffer.from([0, 255, 10]).toString('base64');
    expect((await exec({ command: 'cat', stdin, encoding: 'base64' })).stdout).toBe(stdin);
    expect((await exec({ command: 'true', stdin: 'x'.repeat(300_000) })).exitCode).toBe(0);
  });

  it('ends a command at its time limit and answers what it had printed', async () => {
    const answer = await exec({ command: 'echo before; sleep 60', timeoutMs: 1000 });
    expect(answer).toMatchObject({ stdout: 'before\n', running: false, timedOut: true });
  });

  it('cuts what is too long between characters and says so', async () => {
    const answer = await exec({ command: "printf 'ü%.0s' 1 2 3 4 5", maxOutputBytes: 5 });
    expect(answer).toMatchObject({ stdout: 'üü', truncated: true, exitCode: 0 });
    expect(await exec({ command: 'printf 12345', maxOutputBytes: 5 })).toMatchObject({ truncated: false });
  });

  it('answers while the command still runs, and the command keeps its box', async () => {
    const answer = await exec({ command: 'echo one; echo two', waitMs: 0 });
    expect(answer).toMatchObject({ running: true, exitCode: null });
    expect((await ended(answer.opId)).exitCode).toBe(0);

    await stage.box.exec({ program: { argv: ['mkfifo', 'gate'] } });
    const waiting = await exec({ command: 'cat gate', waitMs: 100 });
    expect(waiting.running).toBe(true);
    const holder = `process ${waiting.opId}`;
    await eventually('the holder of the process', () => stage.opener.held.includes(holder));
    await eventually('the end of the request', () => stage.opener.held.length === 1);
    await stage.box.exec({ program: { script: 'echo through > gate' } });
    expect((await ended(waiting.opId)).exitCode).toBe(0);
    expect(textOf(await streamed(waiting.opId), 'stdout')).toBe('through\n');
  });

  it('goes on when its caller goes away', async () => {
    const caller = new AbortController();
    const opId = uuidv7();
    const call = exec({ command: 'echo > begun; sleep 0.3; echo done > left', opId }, caller.signal);
    await eventually('the command', () => fileText('begun'));
    caller.abort();
    await expect(call).rejects.toMatchObject({ code: 'cancelled' });
    expect((await ended(opId)).exitCode).toBe(0);
    expect(await fileText('left')).toBe('done\n');
  });

  it('runs one command for any number of requests with the same id and body', async () => {
    const request = { command: 'echo run >> runs; echo $$; sleep 0.2', opId: uuidv7() };
    const answers = await Promise.all([1, 2, 3, 4].map(() => exec(request)));
    answers.push(await exec({ ...request, waitMs: 1000 }));
    expect(new Set(answers.map(({ stdout }) => stdout)).size).toBe(1);
    expect(answers.every(({ exitCode, opId }) => exitCode === 0 && opId === request.opId)).toBe(true);
    expect(await fileText('runs')).toBe('run\n');

    await expect(exec({ ...request, command: 'echo other' })).rejects.toMatchObject({ code: 'conflict' });
    const other = { ...session, sessionId: uuidv7() };
    const sameId = host.exec(other, TerminalExecRequest.parse(request));
    await expect(sameId).rejects.toMatchObject({ code: 'conflict' });
    await expect(host.get(other, request.opId)).rejects.toMatchObject({ code: 'not-found' });
  });

  it('says why a command was never started', async () => {
    const opId = uuidv7();
    await expect(exec({ command: 'true', cwd: 'missing', opId })).rejects.toMatchObject({
      code: 'not-found',
    });
    expect(await host.get(session, opId)).toMatchObject({ state: 'lost', exitCode: null });
    for (const request of [{ command: 'true', cwd: '../x' }, { command: 'a\0b' }, { command: 'a\ud800' }]) {
      await expect(exec(request)).rejects.toMatchObject({ code: 'invalid', started: 'no' });
    }
  });

  it('shows only the beginning of a script that is long', async () => {
    const { opId, stdout } = await exec({ command: `: ${'x'.repeat(200_000)}; echo end` });
    expect(stdout).toBe('end\n');
    expect((await host.get(session, opId)).command).toHaveLength(4097);
  });

  it('takes input and an end from other requests', async () => {
    const { opId, running } = await exec({ command: 'cat; echo end', background: true });
    expect(running).toBe(true);
    await host.writeStdin(session, opId, { data: 'one ', encoding: 'utf8', close: false });
    await host.writeStdin(session, opId, { data: 'dHdvCg==', encoding: 'base64', close: true });
    expect((await ended(opId)).exitCode).toBe(0);
    expect(textOf(await streamed(opId), 'stdout')).toBe('one two\nend\n');
    const late = host.writeStdin(session, opId, { data: 'x', encoding: 'utf8', close: false });
    await expect(late).rejects.toMatchObject({ code: 'conflict' });

    const endless = await exec({ command: 'sleep 300 & sleep 300', background: true });
    await host.kill(session, endless.opId, { graceMs: 500 });
    expect(await ended(endless.opId)).toMatchObject({ state: 'exited', timedOut: false });
    await host.kill(session, endless.opId, { graceMs: 0 });
    await expect(host.kill(session, uuidv7(), { graceMs: 0 })).rejects.toMatchObject({ code: 'not-found' });
  });
});

describe('events', () => {
  it('hide secrets, also one that comes in two pieces', async () => {
    const [first, second] = [SECRET.slice(0, 9), SECRET.slice(9)];
    const command = `: ${SECRET}; printf 'a ${first}'; sleep 0.3; printf '${second} z'`;
    const { stdout, opId } = await exec({ command });
    expect(stdout).toBe(`a ${SECRET} z`);
    expect(JSON.stringify([...stage.store.records.values()])).not.toContain(SECRET);
    expect(JSON.stringify(stage.store.logged)).not.toContain(SECRET);
    expect(printed()).toBe('a [redacted] z');
    expect((await host.get(session, opId)).command).toContain('[redacted]');
  });

  it('carry at most 1 MiB of one command and then say so; the stream has everything', async () => {
    const { opId, truncated } = await exec({
      command: "head -c 3000000 /dev/zero | tr '\\0' x",
      maxOutputBytes: 10,
    });
    expect(truncated).toBe(true);
    expect(printed()).toHaveLength(1024 * 1024);
    expect(stage.store.told('output.elided')).toEqual([{ opId, afterBytes: 1024 * 1024 }]);
    expect(textOf(await streamed(opId), 'stdout')).toHaveLength(3_000_000);
  });

  it('carry as much of one command as their host is told to', async () => {
    await host.close();
    host = newHost(100);
    const { opId } = await exec({ command: 'yes | head -n 100' });
    expect(printed()).toBe('y\n'.repeat(50));
    expect(stage.store.told('output.elided')).toEqual([{ opId, afterBytes: 100 }]);
  });

  it('stay away where they are not wanted', async () => {
    await exec({ command: 'echo quiet', emitStream: false });
    expect(printed()).toBe('');
    expect(stage.store.told('sandbox.command.exited')).toHaveLength(1);
  });

  it('come while the command runs', async () => {
    const { opId } = await exec({ command: 'echo early; cat', background: true });
    await eventually('the first output', () => printed() === 'early\n');
    expect((await host.get(session, opId)).state).toBe('running');
  });
});

describe('stream', () => {
  it('goes on from any position, with offsets that are bytes', async () => {
    const { opId } = await exec({ command: "printf 'grün\\n'; printf '\\377\\0' >&2; exit 2" });
    const all = await streamed(opId);
    expect(all).toEqual([
      { stream: 'stdout', offset: 0, chunk: 'grün\n' },
      { stream: 'stderr', offset: 0, chunkBase64: '/wA=' },
      { exitCode: 2, signal: null, timedOut: false },
    ]);
    expect(await streamed(opId, { stdout: 4, stderr: 2 })).toEqual([
      { stream: 'stdout', offset: 4, chunk: 'n\n' },
      { exitCode: 2, signal: null, timedOut: false },
    ]);
    await expect(streamed(uuidv7())).rejects.toMatchObject({ code: 'not-found' });
  });

  it('holds half a character back until it is whole', async () => {
    const { opId } = await exec({ command: "printf 'a\\303'; sleep 0.3; printf '\\274b'", waitMs: 0 });
    const messages = await streamed(opId);
    expect(messages.every((message) => !('chunkBase64' in message))).toBe(true);
    expect(textOf(messages, 'stdout')).toBe('aüb');
    expect(messages.at(-1)).toEqual({ exitCode: 0, signal: null, timedOut: false });
  });

  it('serves several readers and lets go of one that goes away', async () => {
    const { opId } = await exec({ command: 'echo here; cat', background: true });
    const leaver = new AbortController();
    for await (const _ of host.stream(session, opId, { from: OUTPUT_START, signal: leaver.signal })) {
      leaver.abort();
    }
    const readers = [streamed(opId), streamed(opId)];
    await host.writeStdin(session, opId, { data: 'more\n', encoding: 'utf8', close: true });
    for (const messages of await Promise.all(readers)) {
      expect(textOf(messages, 'stdout')).toBe('here\nmore\n');
    }
  });
});

describe('after a crash of the server', () => {
  /** What a kill -9 leaves: records, and commands that nobody follows. */
  const crash = async () => {
    await host.close();
    host = newHost();
  };

  it('commands that go on are followed again, and those that ended show their end and all their bytes', async () => {
    const goesOn = await exec({ command: 'echo before; cat; exit 7', background: true });
    const ends = await exec({ command: "sleep 0.2; printf '%01000d' 0; exit 5", background: true });
    await crash();
    expect((await host.get(session, ends.opId)).state).toBe('running');
    expect(await host.adoptRunning()).toEqual({ adopted: 2, lost: 0 });
    expect(await host.adoptRunning()).toEqual({ adopted: 0, lost: 0 });
    expect((await ended(ends.opId)).exitCode).toBe(5);
    expect(textOf(await streamed(ends.opId), 'stdout')).toHaveLength(1000);

    const reader = streamed(goesOn.opId);
    await host.writeStdin(session, goesOn.opId, { data: 'after\n', encoding: 'utf8', close: true });
    expect(textOf(await reader, 'stdout')).toBe('before\nafter\n');
    expect((await ended(goesOn.opId)).exitCode).toBe(7);
    expect(stage.store.told('sandbox.command.exited')).toHaveLength(2);
  });

  it('the session is told of what comes after, once and with secrets hidden, up to the same limit', async () => {
    const command = `printf 'ü one '; echo err >&2; cat; printf '\\nlast'`;
    const { opId } = await exec({ command, background: true });
    await eventually(
      'the first output to be told',
      () => printed().includes('one') && printed().includes('err'),
    );
    await crash();
    expect(await host.adoptRunning()).toEqual({ adopted: 1, lost: 0 });
    await host.writeStdin(session, opId, { data: `two ${SECRET}`, encoding: 'utf8', close: true });
    await ended(opId);
    const deltas = stage.store.told('sandbox.command.output.delta');
    const of = (stream: string) =>
      deltas.map((delta) => (delta.stream === stream ? delta.chunk : '')).join('');
    expect(of('stdout')).toBe('ü one two [redacted]\nlast');
    expect(of('stderr')).toBe('err\n');
    expect(deltas.map(({ seq }) => seq)).toEqual(deltas.map((_, index) => index));
    expect(stage.store.told('output.elided')).toEqual([]);

    const flood = await exec({ command: 'head -c 700000 /dev/zero | tr "\\0" x; cat', background: true });
    const told = () =>
      stage.store.told('sandbox.command.output.delta').filter((delta) => delta.opId === flood.opId);
    const length = () => told().reduce((sum, { chunk }) => sum + String(chunk).length, 0);
    await eventually('the beginning of the flood', () => length() > 100_000);
    await crash();
    await host.adoptRunning();
    const more = { data: 'y'.repeat(600_000), encoding: 'utf8', close: true } as const;
    await host.writeStdin(session, flood.opId, more);
    await ended(flood.opId);
    expect(stage.store.told('output.elided')).toHaveLength(1);
    expect(length()).toBe(1024 * 1024);
    await crash();
  });

  it('a command that nobody has adopted yet can be reached all the same', async () => {
    const { opId } = await exec({ command: 'cat', background: true });
    await crash();
    await host.writeStdin(session, opId, { data: 'x', encoding: 'utf8', close: true });
    expect(textOf(await streamed(opId), 'stdout')).toBe('x');
    const request = { command: 'cat', background: true, opId };
    expect(await exec(request)).toMatchObject({ opId });
    await host.adoptRunning();
    await ended(opId);
  });

  it('one whose output is gone is lost, which is never an exit code', async () => {
    const request = { command: 'exit 0', opId: uuidv7(), background: true };
    await exec(request);
    await eventually(
      'the end of the command',
      async () => (await host.get(session, request.opId)).state === 'exited',
    );
    // The record says that nobody saw its end, and its box has forgotten it.
    const record = stage.store.records.get(request.opId)!;
    stage.store.records.set(request.opId, { ...record, state: 'running', result: null });
    const { attach } = stage.box.capabilities;
    if (!attach.available) throw new Error(attach.reason);
    await (await attach.use.attach(request.opId)).forget();
    await crash();
    expect(await host.adoptRunning()).toEqual({ adopted: 0, lost: 1 });
    expect(await host.get(session, request.opId)).toMatchObject({ state: 'lost', exitCode: null });
    expect(await streamed(request.opId)).toEqual([{ lost: 'Its box has no record of it any more.' }]);
    await expect(exec(request)).rejects.toMatchObject({ code: 'outcome-unknown' });
    expect(stage.store.told('sandbox.command.exited').at(-1)).toMatchObject({ exitCode: null });
  });

  it('one whose box was replaced is lost; one whose box is silent waits', async () => {
    const { opId } = await exec({ command: 'sleep 300', background: true });
    await crash();
    stage.opener.failure = new SandboxError('unreachable', 'No answer. Try again.');
    expect(await host.adoptRunning()).toEqual({ adopted: 0, lost: 0 });
    stage.opener.failure = null;
    stage.opener.epoch += 1;
    expect(await host.adoptRunning()).toEqual({ adopted: 0, lost: 1 });
    expect((await host.get(session, opId)).lostReason).toBe('Its box was replaced or stopped.');
    const { attach } = stage.box.capabilities;
    if (attach.available) await (await attach.use.attach(opId)).kill({ graceMs: 0 });
  });
});

describe('sweepExpired', () => {
  it('removes old ops with their output and leaves the others', async () => {
    const { opId } = await exec({ command: 'echo old' });
    const { attach } = stage.box.capabilities;
    if (!attach.available) throw new Error(attach.reason);
    expect(await host.sweepExpired({ keptMs: 60 * 60 * 1000 })).toBe(0);
    expect(await attach.use.list()).toContain(opId);
    stage.opener.failure = new SandboxError('unreachable', 'No. Wait.');
    expect(await host.sweepExpired({ keptMs: -1000 })).toBe(0);
    stage.opener.failure = null;
    expect(await host.sweepExpired({ keptMs: -1000 })).toBe(1);
    expect(await attach.use.list()).not.toContain(opId);
    await expect(host.get(session, opId)).rejects.toMatchObject({ code: 'not-found' });
  });
});
