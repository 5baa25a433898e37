// The shell that a container's first process starts for whoever made the box.
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Box } from '@boxyard/sandbox-core';
import { type SharedEngine, sharedTestEngine } from '@tooling/docker-engine';
import { needs } from '@tooling/system-parts';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { Engine } from '../src/engine.ts';
import { canEnter } from '../src/entry-shell.ts';
import { dockerProvider } from '../src/index.ts';
import { removeBoxes } from './docker-subject.ts';

const MINUTES = 60_000;
const deployment = `entry-${process.pid}`;

test('an engine that goes away before anybody uses what leads to a first process harms nobody', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'boxyard-entry-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  // A fake engine: it takes the attach and breaks the connection.
  const sockets: Socket[] = [];
  const fake = createServer((socket) => {
    sockets.push(socket);
    socket
      .on('error', () => undefined)
      .on('data', () => {
        socket.write('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n');
      });
  }).listen(join(folder, 'engine.sock'));
  onTestFinished(() => void fake.close());
  const stream = await new Engine(join(folder, 'engine.sock')).attach('a'.repeat(64));
  // Not by `once` of node:events, which hears errors as well.
  const closed = new Promise<void>((resolve) => void stream.once('close', resolve));
  stream.destroy(new Error('read ECONNRESET'));
  await closed;
  for (const socket of sockets) socket.destroy();
  expect(stream.destroyed).toBe(true);
});

test('only names that every shell knows, and none of those that it uses itself, are set by it', () => {
  for (const name of ['A', '_x1', 'PATH', 'lines']) expect(canEnter(name), name).toBe(true);
  for (const name of ['', '1A', 'A-B', 'A B', 'by_n', 'line', 'é']) expect(canEnter(name), name).toBe(false);
});

describe('with a real engine', needs('docker', 'debootstrap'), () => {
  let engine: SharedEngine;
  let provider: ReturnType<typeof dockerProvider>;
  let made = 0;
  const make = async (environment: Readonly<Record<string, string>> = {}): Promise<Box> => {
    const box = await provider.create({
      tag: { deployment, group: `box-${made++}`, epoch: 1 },
      environment,
    });
    onTestFinished(async () => {
      await box.close();
      await provider.destroy(box.ref);
    }, MINUTES);
    return box;
  };
  const says = async (box: Box, script: string) =>
    Buffer.from((await box.exec({ program: { script } })).stdout).toString();
  const execs = async (box: Box) =>
    (await engine.docker.getContainer(box.ref.instance).inspect()).ExecIDs ?? [];
  beforeAll(async () => {
    engine = await sharedTestEngine({ images: ['debian'] });
    provider = dockerProvider({
      socketPath: engine.socketPath,
      network: 'boxyard-test',
      defaultImage: engine.images.debian,
    });
    // What the image has is asked of its first box, by execs.
    const first = await provider.create({ tag: { deployment, group: 'first', epoch: 1 }, environment: {} });
    await first.close();
    await provider.destroy(first.ref);
  }, 10 * MINUTES);
  afterAll(async () => {
    await removeBoxes({ socketPath: engine.socketPath, deployment });
    await engine[Symbol.asyncDispose]();
  }, MINUTES);

  test('a box of a known image takes commands without an exec of the engine, in the environment it was given', async () => {
    const environment = {
      PLAIN: `'"$(touch evil)\`x\`\\ é`,
      LINES: '\n one\n\n two \n',
      LONG: `${'x'.repeat(70_000)}\n`,
      EMPTY: '',
    };
    const box = await make(environment);
    const names = Object.keys(environment);
    const script = `for name in ${names.join(' ')}; do printenv "$name"; printf '\\0'; done; ls`;
    expect((await says(box, script)).split('\0')).toEqual([
      ...Object.values(environment).map((value) => `${value}\n`),
      '',
    ]);
    expect(await execs(box)).toEqual([]);
  });

  test('a variable of a name that no shell knows is left to an exec', async () => {
    const box = await make({ 'A-B': 'dropped by shells', KEPT: 'kept' });
    expect(await says(box, 'printenv KEPT')).toBe('kept\n');
    expect((await execs(box)).length).toBeGreaterThan(0);
  });

  test('a box whose shell was killed goes on, with its commands', async () => {
    const box = await make();
    const left = await box.spawn({ program: { script: 'read -r line; echo "$line"' }, stdin: 'open' });
    const kill = `for p in /proc/[0-9]*; do
      case $(tr '\\0\\n' '  ' <$p/cmdline) in *' boxyard /var/lib/boxyard/spool '*) ;; *) continue;; esac
      read -r x <$p/stat; x=\${x##*) }; set -- $x
      case $(tr '\\0\\n' '  ' </proc/$2/cmdline) in *'while read -r line'*) echo killed; kill -KILL "\${p#/proc/}";; esac
    done`;
    expect(await says(box, kill)).toBe('killed\n');
    expect(await says(box, 'echo on')).toBe('on\n');
    await left.write(new Uint8Array(Buffer.from('heard\n')));
    expect((await left.exited()).exitCode).toBe(0);
    expect((await execs(box)).length).toBeGreaterThan(0);
  });

  test('closing the handle ends the shell and nothing else', async () => {
    const box = await make();
    const process = await box.spawn({ program: { argv: ['sleep', '6000'] } });
    await box.close();
    await expect
      .poll(
        async () => {
          const { Processes } = await engine.docker.getContainer(box.ref.instance).top();
          const lines: readonly string[] = Processes.map((words: readonly string[]) => words.join(' '));
          return [
            lines.filter((line) => line.includes('boxyard /var/lib/boxyard/spool')).length,
            lines.filter((line) => line.endsWith('sleep 6000')).length,
          ];
        },
        { timeout: 30_000 },
      )
      // The command's keeper is a copy of the shell.
      .toEqual([1, 1]);
    const again = await provider.resume(box.ref, { epoch: 1, environment: {} });
    onTestFinished(() => again.close());
    if (!again.capabilities.attach.available) throw new Error(again.capabilities.attach.reason);
    await (await again.capabilities.attach.use.attach(process.id)).kill({ graceMs: 0 });
  });
});
