// No machine of ours has such a card: the program that tells of them is a fake, and named one.
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { MachineMetrics } from './machine-metrics.ts';
import { NvidiaCards, parseCards } from './nvidia-cards.ts';

const TWO_CARDS = 'NVIDIA A100, 37, 1024, 40960\nNVIDIA T4, [N/A], 0, 15360\n';

/** A PATH with a fake nvidia-smi of this text, in front of what a script needs; each call leaves a line in `calls`. */
async function fakeNvidiaSmi(script: string | null) {
  const folder = await mkdtemp(join(tmpdir(), 'fake-nvidia-smi-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
  const program = join(folder, 'nvidia-smi');
  if (script !== null) {
    await writeFile(program, `#!/bin/sh\necho "$*" >> '${folder}/calls'\n${script}\n`);
    await chmod(program, 0o755);
  }
  const calls = async () =>
    (await readFile(join(folder, 'calls'), 'utf8').catch(() => '')).split('\n').filter(Boolean);
  return { env: { PATH: script === null ? folder : `${folder}:/usr/bin:/bin` }, folder, calls };
}

test('a sample of the machine tells what a fake nvidia-smi says, and asks it each time', async () => {
  const fake = await fakeNvidiaSmi(`printf '${TWO_CARDS.replaceAll('\n', '\\n')}'`);
  const metrics = new MachineMetrics(tmpdir(), new NvidiaCards({ env: fake.env, timeoutMs: 60_000 }));
  const told = [
    { name: 'NVIDIA A100', utilPercent: 37, memUsedBytes: 1_073_741_824n, memTotalBytes: 42_949_672_960n },
    { name: 'NVIDIA T4', utilPercent: 0, memUsedBytes: 0n, memTotalBytes: 16_106_127_360n },
  ];
  expect((await metrics.sample()).gpus).toMatchObject(told);
  expect((await metrics.sample()).gpus).toMatchObject(told);
  expect(await fake.calls()).toEqual(
    Array(2).fill('--query-gpu=name,utilization.gpu,memory.used,memory.total --format=csv,noheader,nounits'),
  );
});

test.each<[string, string | null]>([
  ['is absent', null],
  ['fails', 'echo "NVIDIA-SMI has failed because it could not communicate with the driver." >&2; exit 9'],
  ['fails in the middle', `echo "NVIDIA A100, 37, 1024, 40960"; exit 15`],
  ['says nonsense', 'head -c 4096 /dev/urandom'],
  ['says it cannot, and calls that a success', 'echo "No devices were found"'],
  ['says more than anybody reads', 'while :; do echo "NVIDIA A100, 37, 1024, 40960"; done'],
])('where a fake nvidia-smi %s there is no card, and the other numbers are there', async (_, script) => {
  const fake = await fakeNvidiaSmi(script);
  const metrics = new MachineMetrics(tmpdir(), new NvidiaCards({ env: fake.env, timeoutMs: 60_000 }));
  for (let count = 0; count < 3; count++) {
    const sample = await metrics.sample();
    expect(sample.gpus).toEqual([]);
    expect(sample.memTotalBytes).toBeGreaterThan(0n);
  }
  // Once is enough for a while.
  expect(await fake.calls()).toHaveLength(script === null ? 0 : 1);
});

test('a fake nvidia-smi that hangs is ended, and nothing waits for it or asks it again at once', async () => {
  const fake = await fakeNvidiaSmi('trap "" TERM; echo $$ > "$(dirname "$0")/pid"; exec sleep 300');
  const cards = new NvidiaCards({ env: fake.env, timeoutMs: 2000, retryMs: 0 });
  const metrics = new MachineMetrics(tmpdir(), cards);
  const hanging = metrics.sample();
  const pid = () => readFile(join(fake.folder, 'pid'), 'utf8').then(Number, () => 0);
  await expect.poll(pid, { timeout: 30_000 }).toBeGreaterThan(0);
  const beside = metrics.sample();
  expect((await hanging).gpus).toEqual([]);
  expect((await beside).gpus).toEqual([]);
  expect(await fake.calls()).toHaveLength(1);
  const stands = async () =>
    readFile(`/proc/${await pid()}/stat`, 'latin1').then(
      (line) => !/\) [ZX] /.test(line),
      () => false,
    );
  await expect.poll(stands, { timeout: 30_000 }).toBe(false);
});

test.each([
  ['', []],
  [
    'NVIDIA RTX A6000, with a comma, 5, 1.5, 2\n',
    [{ name: 'NVIDIA RTX A6000, with a comma', utilPercent: 5 }],
  ],
  ['NVIDIA T4, 1, 2\n', null],
  ['NVIDIA T4, many, 2, 3\n', null],
  ['NVIDIA T4, -1, 2, 3\n', null],
  [`${TWO_CARDS}and so on\n`, null],
])('%j is read as what it is', (text, cards) => {
  const parsed = parseCards(text);
  if (cards === null) expect(parsed).toBeNull();
  else expect(parsed).toMatchObject(cards);
});
