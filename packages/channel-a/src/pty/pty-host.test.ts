import { PtyOpenRequest, PtyStreamMessage, SessionEvent } from '@boxyard/contracts';
import { createRedactor, SandboxError } from '@boxyard/sandbox-core';
import { eventually } from '@tooling/eventually';
import { v7 as uuidv7 } from 'uuid';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { useHostStage } from '../../test/host-stage.ts';
import { PtyHost, type PtyHostOptions } from './pty-host.ts';

const SECRET = 'correct-horse-battery-staple';
const stage = useHostStage();
const { session } = stage;

let host: PtyHost;

beforeEach(() => {
  host = newHost();
});
afterEach(async () => {
  stage.opener.failure = null;
  await host.shutdown();
});

const newHost = (options: Partial<PtyHostOptions> = {}) =>
  new PtyHost({
    events: stage.store.events,
    openBox: stage.opener.open,
    redactorFor: () => createRedactor([SECRET]),
    ...options,
  });
const open = async (request: object = {}) =>
  (await host.open(session, PtyOpenRequest.parse({ shell: '/bin/sh', ...request }))).ptyId;
const type = (ptyId: string, data: string) => host.write(session, { ptyId, data, encoding: 'utf8' });
const exits = () => stage.store.told('terminal.pty.exited');

/** Everything that a viewer is shown, growing, until it is let go or the terminal ends. */
class Viewer {
  readonly messages: PtyStreamMessage[] = [];
  readonly #stop = new AbortController();
  readonly done: Promise<void>;

  constructor(ptyId: string, after?: number) {
    const request = after === undefined ? {} : { after };
    const stream = host.stream(session, ptyId, { ...request, signal: this.#stop.signal });
    this.done = (async () => {
      for await (const message of stream) this.messages.push(PtyStreamMessage.parse(message));
    })();
    this.done.catch(() => undefined);
  }

  get text(): string {
    return this.messages
      .map((message) => ('screen' in message ? message.screen : 'chunk' in message ? message.chunk : ''))
      .join('');
  }

  get position(): number {
    return this.messages.at(-1)?.seq ?? 0;
  }

  shows(text: string | RegExp): Promise<unknown> {
    return eventually(`${text} on the screen`, () =>
      typeof text === 'string' ? this.text.includes(text) : text.test(this.text),
    );
  }

  leave(): Promise<void> {
    this.#stop.abort();
    return this.done;
  }
}

describe('a terminal', () => {
  it('shows what is typed and printed, has a real size, and tells how it ended', async () => {
    const ptyId = await open({ cols: 90, rows: 20 });
    expect(host.list(session)).toMatchObject([{ ptyId, cols: 90, rows: 20, supportsInput: true }]);
    const viewer = new Viewer(ptyId);
    await type(ptyId, 'stty size; echo "sum $((40 + 2))"\r');
    await viewer.shows('20 90');
    await viewer.shows('sum 42');
    await host.resize(session, { ptyId, cols: 111, rows: 33 });
    await type(ptyId, 'stty size\r');
    await viewer.shows('33 111');
    await type(ptyId, 'exit 3\r');
    await viewer.done;
    expect(viewer.messages.at(-1)).toEqual({ seq: viewer.position, exitCode: 3, reason: 'exited' });
    expect(host.list(session)).toEqual([]);
    await eventually('the end in the log', () => exits().length === 1);
    expect(exits()).toEqual([{ ptyId, exitCode: 3, reason: 'exited' }]);
    expect(stage.store.told('terminal.pty.started')).toEqual([{ ptyId, cols: 90, rows: 20 }]);
    for (const event of stage.store.logged)
      SessionEvent.parse({ ...event, at: event.at.toISOString(), payload: event.data });
  });

  it('survives its viewers, replays the screen to a new one and the rest to one that comes back', async () => {
    const ptyId = await open();
    const first = new Viewer(ptyId);
    await type(ptyId, 'echo "o"ne\r');
    await first.shows('one');
    await first.leave();
    await type(ptyId, 'echo "t"wo\r');
    const second = new Viewer(ptyId);
    await second.shows('two');
    expect(second.messages[0]).toHaveProperty('screen');
    expect(second.text).toContain('one');

    const back = new Viewer(ptyId, first.position);
    await back.shows('two');
    expect(back.messages.some((message) => 'screen' in message)).toBe(false);
    expect(back.text).not.toContain('one');
    const seqs = back.messages.map(({ seq }) => seq);
    expect(seqs).toEqual([...seqs].sort((a, b) => a - b));
    await Promise.all([second.leave(), back.leave()]);
    expect(host.list(session)).toHaveLength(1);
  });

  it('shows several viewers the same, and its end to one that comes late', async () => {
    const ptyId = await open();
    const viewers = [new Viewer(ptyId), new Viewer(ptyId)];
    await type(ptyId, 'echo "f"or all\r');
    for (const viewer of viewers) await viewer.shows('for all');
    await host.close(session, ptyId);
    const late = new Viewer(ptyId);
    for (const viewer of [...viewers, late]) {
      await viewer.done;
      expect(viewer.messages.at(-1)).toMatchObject({ exitCode: null, reason: 'closed' });
    }
    expect(late.text).toContain('for all');
    await host.close(session, ptyId);
    await expect(type(ptyId, 'x')).rejects.toMatchObject({ code: 'conflict', started: 'no' });
  });

  it('keeps a bounded memory however slow its viewers are', async () => {
    await host.shutdown();
    host = newHost({ replayBytes: 64 * 1024 });
    const ptyId = await open();
    const { signal } = new AbortController();
    const stalled = host.stream(session, ptyId, { signal })[Symbol.asyncIterator]();
    const begin = (await stalled.next()).value!;
    const viewer = new Viewer(ptyId);
    await type(ptyId, "head -c 2000000 /dev/zero | tr '\\0' x; echo; echo a'l'l\r");
    await viewer.shows(/\nall/);
    // The slow one has fallen out of the memory: it is shown the screen anew.
    const resync = (await stalled.next()).value!;
    expect(resync.seq).toBeGreaterThan(begin.seq + 1_000_000);
    expect('screen' in resync && resync.screen.length).toBeLessThan(200_000);
    await stalled.return(undefined);
    await viewer.leave();
  });

  it('hides secrets in the events and shows them to its viewers', async () => {
    const ptyId = await open();
    const viewer = new Viewer(ptyId);
    const [first, second] = [SECRET.slice(0, 12), SECRET.slice(12)];
    await type(ptyId, `printf '%s%s\\n' ${first} ${second}\r`);
    await viewer.shows(SECRET);
    await viewer.leave();
    await host.close(session, ptyId);
    const told = stage.store.told('terminal.pty.output.delta').map(({ chunk }) => chunk);
    expect(told.join('')).toContain('[redacted]');
    expect(told.join('')).not.toContain(SECRET);
  });

  it('belongs to its session', async () => {
    const ptyId = await open();
    const other = { ...session, sessionId: uuidv7() };
    const { signal } = new AbortController();
    expect(host.list(other)).toEqual([]);
    expect(() => host.check(other, ptyId)).toThrow(expect.objectContaining({ code: 'not-found' }));
    for (const work of [
      () => host.write(other, { ptyId, data: 'x', encoding: 'utf8' }),
      () => host.resize(other, { ptyId, cols: 1, rows: 1 }),
      () => host.close(other, ptyId),
      () => host.stream(other, ptyId, { signal }).next(),
    ]) {
      await expect(work()).rejects.toMatchObject({ code: 'not-found' });
    }
  });

  it('is refused where its folder leaves the workspace or there are too many', async () => {
    await expect(open({ cwd: '../x' })).rejects.toMatchObject({ code: 'invalid' });
    await host.shutdown();
    host = newHost({ maxPerSession: 1 });
    await open();
    await expect(open()).rejects.toMatchObject({ code: 'quota' });
  });
});

describe('a terminal ends', () => {
  it('with its box: on use, and when it is told', async () => {
    const ptyId = await open();
    const viewer = new Viewer(ptyId);
    stage.opener.epoch += 1;
    const viewers = [viewer, new Viewer(ptyId)];
    await expect(type(ptyId, 'x')).rejects.toMatchObject({ code: 'fenced' });
    for (const { done, messages } of viewers) {
      await done;
      expect(messages.at(-1)).toMatchObject({ exitCode: null, reason: 'box-replaced' });
    }
    expect(exits()).toEqual([{ ptyId, exitCode: null, reason: 'box-replaced' }]);

    stage.opener.epoch = stage.box.epoch;
    const next = await open();
    await host.endMoved(session.groupId, stage.box.epoch);
    expect(host.list(session)).toHaveLength(1);
    await host.endMoved(session.groupId, stage.box.epoch + 1);
    expect(exits().at(-1)).toMatchObject({ ptyId: next, reason: 'box-replaced' });
  });

  it('with the reason that its box gives when the shell is gone', async () => {
    const ptyId = await open();
    const viewer = new Viewer(ptyId);
    await type(ptyId, 'echo r"e"ady\r');
    await viewer.shows('ready');
    await type(ptyId, 'sleep 0.2; exit\r');
    stage.opener.failure = new SandboxError('gone', 'It is gone. Make another one.');
    await viewer.done;
    expect(viewer.messages.at(-1)).toMatchObject({ exitCode: null, reason: 'box-gone' });
    stage.opener.failure = null;
  });

  it('when nobody uses it, but not while somebody looks', async () => {
    await host.shutdown();
    host = newHost({ idleMs: 400 });
    const watched = await open();
    const viewer = new Viewer(watched);
    const idle = await open();
    await eventually('the idle one to be closed', () => exits().some(({ ptyId }) => ptyId === idle));
    expect(exits()).toEqual([{ ptyId: idle, exitCode: null, reason: 'idle' }]);
    expect(host.list(session).map(({ ptyId }) => ptyId)).toEqual([watched]);
    await viewer.leave();
  });

  it('with its session and with this process', async () => {
    const first = await open();
    await host.endSession(session.sessionId);
    expect(exits()).toEqual([{ ptyId: first, exitCode: null, reason: 'session-deleted' }]);
    const second = await open();
    await host.shutdown();
    expect(exits().at(-1)).toEqual({ ptyId: second, exitCode: null, reason: 'host-restarted' });
    await expect(open()).rejects.toMatchObject({ code: 'closed' });
  });
});
