import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { BoxTerminal } from '@boxyard/sandbox-core';
import { expect, onTestFinished, test } from 'vitest';
import { localProvider } from './local-provider.ts';

const KIB = 1024;
const DEADLINE = { deadlineMs: 60_000 };

interface Printing {
  readonly terminal: BoxTerminal;
  readonly printed: string;
}

/** A terminal whose program prints these bytes as they are, and ends. */
async function print(sizeBytes: number, after = ''): Promise<Printing> {
  const dataDir = await mkdtemp(join(tmpdir(), 'boxyard-drain-'));
  const provider = localProvider({ dataDir });
  const tag = { deployment: 'test', group: 'box', epoch: 1 };
  const box = await provider.create({ tag, environment: {} });
  onTestFinished(async () => {
    await box.close();
    await provider.destroy(box.ref);
    await rm(dataDir, { recursive: true, force: true });
  });
  const bytes = randomBytes(sizeBytes);
  await writeFile(join(box.workspaceRoot, 'bytes'), bytes);
  const program = `#!/bin/sh\nstty raw -echo\ncat bytes\n${after}\nexit 7\n`;
  await writeFile(join(box.workspaceRoot, 'print.sh'), program, { mode: 0o755 });
  const { terminal: terminals } = box.capabilities;
  if (!terminals.available) throw new Error(terminals.reason);
  const terminal = await terminals.use.open({ cols: 80, rows: 24, shell: './print.sh' }, DEADLINE);
  return { terminal, printed: sha256(bytes) };
}

const sha256 = (...parts: readonly Uint8Array[]) =>
  createHash('sha256').update(Buffer.concat(parts)).digest('hex');

test.each([1, 2, 3])(
  'a reader of 5 MB that is more than a MiB behind at the end gets every byte (%i)',
  async () => {
    const { terminal, printed } = await print(5_000_000);
    const parts: Uint8Array[] = [];
    let left = 5_000_000;
    let slow = false;
    for await (const bytes of terminal.output()) {
      parts.push(bytes);
      left -= bytes.length;
      if (slow && parts.length % 16 === 0) await delay(2);
      if (slow || left > 1028 * KIB) continue;
      slow = true;
      await terminal.exited(DEADLINE);
    }
    expect(sha256(...parts)).toBe(printed);
    expect(await terminal.exited(DEADLINE)).toMatchObject({ exitCode: 7, endedBy: 'itself' });
  },
);

// As much as a terminal takes without a reader.
test.each([1025, 1028])('what is read only after the end of %i KiB is all there', async (sizeKib) => {
  const { terminal, printed } = await print(sizeKib * KIB);
  await terminal.exited(DEADLINE);
  const parts: Uint8Array[] = [];
  for await (const bytes of terminal.output()) parts.push(bytes);
  expect(sha256(...parts)).toBe(printed);
});

test('a process that stays behind and prints on does not keep the terminal from ending', async () => {
  const { terminal } = await print(KIB, "trap '' HUP\nyes &");
  let readBytes = 0;
  for await (const bytes of terminal.output()) readBytes += bytes.length;
  expect(readBytes).toBeGreaterThanOrEqual(KIB);
  expect(await terminal.exited(DEADLINE)).toMatchObject({ exitCode: 7 });
  await terminal.close(DEADLINE);
});
