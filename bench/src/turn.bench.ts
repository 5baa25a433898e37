// What a turn of the agent adds: before the model is asked, and around a command that it runs.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Script, startScriptedModel } from '@boxyard/scripted-model';
import { type BenchServer, post, send, startServer, stopServer } from './bench-server.ts';
import { type Measurement, median, ms, times as ratio, timed } from './measurement.ts';
import { openScratchBox } from './scratch-box.ts';

const SESSIONS = '/v1/workspaces/default/sessions';
const CHATS = 25;
const ROUNDS = 5;
const CALLS = 12;
/** The first ones open the box and warm caches. */
const WARMING = 2;

/** When the model was asked, and when it had answered: the rest of a turn lies between. */
class AskedTimes {
  asked: number[] = [];
  answered: number[] = [];

  readonly script: Script = ({ userMessages, step }) => {
    this.asked.push(performance.now());
    // Counted from what is sent back: every turn of the tools begins a session of its own.
    const call = userMessages.at(-1) === 'tools' && step < CALLS;
    this.answered.push(performance.now());
    if (!call) return [{ kind: 'text', text: 'Done.' }];
    return [{ kind: 'call', name: 'exec_command', arguments: { cmd: 'echo hi', yield_time_ms: 30_000 } }];
  };

  clear(): void {
    this.asked = [];
    this.answered = [];
  }
}

export async function measureTurns(): Promise<Measurement[]> {
  const times = new AskedTimes();
  await using model = await startScriptedModel({ script: times.script });
  const dataDir = await mkdtemp(join(tmpdir(), 'boxyard-bench-turns-'));
  const server = await startServer(dataDir, {
    BOXYARD_MODEL_BASE_URL: model.baseUrl,
    BOXYARD_MODEL: 'scripted',
  });
  try {
    return [
      await measureChat(server, model.baseUrl, times),
      ...(await measureCalls(server, model.baseUrl, times)),
    ];
  } finally {
    await stopServer(server);
    await rm(dataDir, { recursive: true, force: true });
  }
}

/** From the message to the question, beside the question alone. */
async function measureChat(server: BenchServer, modelUrl: string, times: AskedTimes): Promise<Measurement> {
  const { id } = await post<{ id: string }>(server, SESSIONS, {});
  const samples = { turn: [] as number[], question: [] as number[] };
  for (let round = 0; round < CHATS; round++) {
    const turn = await untilAsked(times, () => turnOf(server, id, 'chat'));
    const question = await untilAsked(times, async () => {
      const response = await fetch(`${modelUrl}/responses`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ model: 'scripted', input: 'chat' }),
      });
      await response.text();
    });
    if (round < WARMING) continue;
    samples.turn.push(turn);
    samples.question.push(question);
  }
  const session = (await (await send(server, 'GET', `${SESSIONS}/${id}`)).json()) as { liveness: string };
  if (session.liveness !== 'cold') throw new Error('A turn that only chats made a box.');
  await send(server, 'DELETE', `${SESSIONS}/${id}`);
  const [ours, beside] = [median(samples.turn), median(samples.question)];
  return {
    what: 'message until the model is asked, no box',
    ours: ms(ours),
    beside: `${ms(beside)} the question alone`,
    ratio: `+${ms(ours - beside)}`,
    goal: '≤ +50 ms',
  };
}

async function untilAsked(times: AskedTimes, work: () => Promise<unknown>): Promise<number> {
  times.clear();
  const begunAt = performance.now();
  await work();
  return (times.asked[0] ?? Number.NaN) - begunAt;
}

/** From the model's answer with a call to its next question: beside the same command in a box, and the SDK alone. */
async function measureCalls(
  server: BenchServer,
  modelUrl: string,
  times: AskedTimes,
): Promise<Measurement[]> {
  await using scratch = await openScratchBox();
  await using sdk = startSdk(modelUrl);
  const samples = { turn: [] as number[], sdk: [] as number[], box: [] as number[] };
  const untilNextQuestion = () =>
    Array.from(
      { length: CALLS - WARMING },
      (_, at) => (times.asked[WARMING + at + 1] ?? Number.NaN) - (times.answered[WARMING + at] ?? Number.NaN),
    );
  for (let round = 0; round < ROUNDS; round++) {
    const { id } = await post<{ id: string }>(server, SESSIONS, { start: true });
    times.clear();
    await turnOf(server, id, 'tools');
    samples.turn.push(...untilNextQuestion());
    await send(server, 'DELETE', `${SESSIONS}/${id}`);
    times.clear();
    await sdk.say('tools');
    samples.sdk.push(...untilNextQuestion());
    for (let call = WARMING; call < CALLS; call++) {
      // As the tool runs what the model asks for: its shell reads the profile of the machine.
      const program = { script: 'echo hi', login: true };
      samples.box.push(await timed(() => scratch.box.exec({ program })));
    }
  }
  const [ours, alone, box] = [median(samples.turn), median(samples.sdk), median(samples.box)];
  const what = 'a command as a tool call, answer to next question';
  return [
    {
      what,
      ours: ms(ours),
      beside: `${ms(box)} exec in a local box, a login shell too`,
      ratio: `+${ms(ours - box)}`,
      goal: '≤ +5 ms',
    },
    {
      what,
      ours: ms(ours),
      beside: `${ms(alone)} the SDK alone in its own local sandbox, nothing stored`,
      ratio: ratio(ours, alone),
      goal: '–',
    },
  ];
}

/** The SDK without us, in a process of its own. */
function startSdk(modelUrl: string): AsyncDisposable & { say(message: string): Promise<void> } {
  const path = fileURLToPath(new URL('./sdk-turns-process.ts', import.meta.url));
  const child = spawn(process.execPath, [path, modelUrl], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  const lines = createInterface({ input: child.stdout });
  return {
    say: async (message) => {
      const answer = once(lines, 'line');
      child.stdin.write(`${message}\n`);
      await Promise.race([
        answer,
        ended.then(([code]) => {
          throw new Error(`The SDK's process ended with ${code}.`);
        }),
      ]);
    },
    [Symbol.asyncDispose]: async () => {
      child.stdin.end();
      await ended;
    },
  };
}

/** Says it and waits for the end of its turn. */
async function turnOf(server: BenchServer, sessionId: string, text: string): Promise<void> {
  const base = `${SESSIONS}/${sessionId}`;
  const { turnId } = await post<{ turnId: string }>(server, `${base}/messages`, { text });
  for (;;) {
    const answer = await send(server, 'GET', `${base}/turns/${turnId}`);
    const { status } = (await answer.json()) as { status: string };
    if (status === 'completed') return;
    if (status === 'failed' || status === 'cancelled') throw new Error(`The measured turn ${status}.`);
    await sleep(25);
  }
}
