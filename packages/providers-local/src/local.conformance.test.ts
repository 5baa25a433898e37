import { mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describeBox, describeProvider } from '@boxyard/sandbox-conformance';
import type { Box, Provider } from '@boxyard/sandbox-core';
import { localProvider } from './local-provider.ts';

/** Processes of this machine that carry the box's mark, by what they run. */
async function processesOf(
  mark: string,
): Promise<readonly { pid: number; what: string; isRunner: boolean; stopped: boolean }[]> {
  const found: { pid: number; what: string; isRunner: boolean; stopped: boolean }[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const read = (file: string) => readFile(`/proc/${name}/${file}`, 'latin1').catch(() => '');
    const [environ, cmdline, stat] = await Promise.all([read('environ'), read('cmdline'), read('stat')]);
    if (!environ.split('\0').includes(`BOXYARD_BOX=${mark}`)) continue;
    if (/^\d+ \(.*\) [ZX] /s.test(stat)) continue;
    // A cat of a lane that waits for its next command still fills files that belong to no op, and a pump waits there.
    const [output, queue] = await Promise.all(
      [1, 4].map((fd) => readlink(`/proc/${name}/fd/${fd}`).catch(() => '')),
    );
    const isPrepared = [output, queue].some((file) => file?.includes('/spool/slot@'));
    // A keeper or a pump is a fork of the runner's shell and looks like it, but leads no session.
    const leads = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[3] === name;
    const what = cmdline.replaceAll('\0', ' ');
    found.push({
      pid: Number(name),
      what: what.slice(-120),
      stopped: /^\d+ \(.*\) [Tt] /s.test(stat),
      isRunner: (leads && what.includes(' boxyard ')) || isPrepared,
    });
  }
  return found;
}

const textOf = (bytes: Uint8Array) => Buffer.from(bytes).toString();

async function openSubject() {
  const dataDir = await mkdtemp(join(tmpdir(), 'boxyard-local-'));
  const provider: Provider = localProvider({ dataDir });
  const tag = { deployment: 'conformance', group: 'box', epoch: 1 };
  const box: Box = await provider.create({ tag, environment: {} });
  const mark = textOf((await box.exec({ program: { script: 'printf %s "$BOXYARD_BOX"' } })).stdout);
  const signalAll = async (signal: NodeJS.Signals, stopped: boolean) => {
    const present = (await processesOf(mark)).filter((one) => one.stopped === stopped);
    for (const { pid } of present) {
      try {
        process.kill(pid, signal);
      } catch (error) {
        // It ended between the look and the signal, as what a lane prepared does when its lane ends.
        if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
      }
    }
    return present.length;
  };
  return {
    box,
    reopen: () => localProvider({ dataDir }).resume(box.ref, { epoch: 1, environment: {} }),
    // Until none moves any more: a shell that was just starting another would not have been seen.
    freeze: async () => {
      for (let quiet = 0; quiet < 3; ) {
        quiet = (await signalAll('SIGSTOP', false)) === 0 ? quiet + 1 : 0;
        await delay(10);
      }
    },
    thaw: async () => {
      await signalAll('SIGCONT', true);
    },
    killHost: () => provider.destroy(box.ref),
    leftovers: async () => {
      const processes = (await processesOf(mark)).filter((one) => !one.isRunner);
      const spool = (await readdir(join(dataDir, 'boxes', 'box', 'spool')).catch(() => [])).filter(
        (name) => name !== 'epoch' && !name.startsWith('slot@'),
      );
      const beside = (await readdir(join(dataDir, 'boxes', 'box')).catch(() => [])).filter(
        (name) => !['workspace', 'spool', 'tag.json'].includes(name),
      );
      return [...processes.map(({ pid, what }) => `${pid} ${what.slice(0, 200)}`), ...spool, ...beside];
    },
    dispose: async () => {
      await box.close();
      await provider.destroy(box.ref);
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

describeBox({
  name: 'local box',
  open: openSubject,
  facts: { kernel: true, reopen: true, freeze: true, killHost: true, leftovers: true },
});

describeProvider({
  name: 'local provider',
  make: async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'boxyard-local-'));
    const again = () => localProvider({ dataDir });
    return {
      provider: again(),
      again,
      lose: async (instance) => {
        await rm(join(dataDir, 'boxes', instance), { recursive: true, force: true });
      },
      dispose: () => rm(dataDir, { recursive: true, force: true }),
    };
  },
});
