// What `service install --print` prints, judged by those who are to read it: systemd itself, and a reader of property
// lists. Nothing is installed here.
import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { needs } from '@tooling/system-parts';
import { describe, expect, onTestFinished, test } from 'vitest';
import { launchdPlist, systemdUnit } from '../src/service-unit.ts';
import { openTestMachine } from './agent-process.ts';

const run = promisify(execFile);

/** Names that each of the formats would take for something else. */
const STRANGE = ['my node', '50%n', '$HOME', '"quoted"', 'back\\slash', "it's", 'a;b #c', '<&>'];

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'boxyard-service-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function verifyUnit(unit: string): Promise<{ readonly ok: boolean; readonly said: string }> {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'boxyard-agent.service'), unit);
  const args = [
    '--user',
    '--man=no',
    '--recursive-errors=no',
    'verify',
    join(folder, 'boxyard-agent.service'),
  ];
  // Nothing of a systemd that runs here is asked.
  const env = { PATH: process.env.PATH, HOME: folder, XDG_RUNTIME_DIR: folder };
  return run('systemd-analyze', args, { env, timeout: 60_000 }).then(
    ({ stdout, stderr }) => ({ ok: true, said: stdout + stderr }),
    (error: { stderr?: string }) => ({ ok: false, said: error.stderr ?? String(error) }),
  );
}

describe('the systemd unit', needs('systemd'), () => {
  test('that is printed is one that systemd takes without a word', async () => {
    await using machine = await openTestMachine();
    const printing = machine.start(['service', 'install', '--print']);
    expect(await printing.ended).toBe(0);
    const unit = printing.output.stdout;
    expect(unit).toContain(process.execPath);
    expect(unit).toContain(`BOXYARD_CONFIG_DIR=${machine.folder}`);
    expect(await verifyUnit(unit)).toEqual({ ok: true, said: '' });
    // It would be heard: a line that systemd does not know, and a program that is not there.
    const unknown = await verifyUnit(unit.replace('KillMode=', 'KillMood='));
    expect(unknown.said).toContain("Unknown key 'KillMood'");
    expect(await verifyUnit(unit.replace(process.execPath, '/no/such/node'))).toMatchObject({ ok: false });
  });

  test.each(STRANGE)('is taken where paths are called %s', async (name) => {
    const folder = join(await temporaryFolder(), name);
    await mkdir(folder);
    const node = join(folder, 'node');
    await symlink(process.execPath, node);
    const main = join(folder, 'main.js');
    await writeFile(main, '');
    await chmod(main, 0o755);
    const command = { node, main, configFolder: folder, path: `${folder}:/usr/bin` };
    expect(await verifyUnit(systemdUnit(command, 3))).toEqual({ ok: true, said: '' });
  });
});

/** As Python reads property lists, which is a reader that we have not written. */
async function readPlist(plist: string): Promise<unknown> {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'agent.plist'), plist);
  const script =
    'import json, plistlib, sys; print(json.dumps(plistlib.load(open(sys.argv[1], "rb"), fmt=plistlib.FMT_XML)))';
  const { stdout } = await run('python3', ['-c', script, join(folder, 'agent.plist')], { timeout: 60_000 });
  return JSON.parse(stdout);
}

describe('the launchd property list', needs('python'), () => {
  test('says what is to run and when, whatever the paths are called', async () => {
    const folder = `/Users/ada/${STRANGE.join('/')}`;
    const command = { node: `${folder}/node`, main: `${folder}/main.js`, configFolder: folder, path: '/bin' };
    expect(await readPlist(launchdPlist(command))).toEqual({
      Label: 'dev.boxyard.agent',
      ProgramArguments: [`${folder}/node`, `${folder}/main.js`, 'run'],
      EnvironmentVariables: { BOXYARD_CONFIG_DIR: folder, PATH: '/bin' },
      RunAtLoad: true,
      KeepAlive: { SuccessfulExit: false },
      ThrottleInterval: 10,
      AbandonProcessGroup: true,
      StandardErrorPath: `${folder}/agent.log`,
    });
  });
});
