// `boxyard-agent service …`: asks the service manager of this system, as the user who runs it.
import { execFile } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { homedir, platform } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { EXIT_NOT_ENROLLED, PlainError } from './plain-error.ts';
import {
  LAUNCHD_LABEL,
  launchdPlist,
  type ServiceCommand,
  SYSTEMD_UNIT,
  systemdUnit,
} from './service-unit.ts';

export const SERVICE_ACTIONS = ['install', 'uninstall', 'start', 'stop', 'status'] as const;
export type ServiceAction = (typeof SERVICE_ACTIONS)[number];

interface Manager {
  readonly file: string;
  readonly unit: string;
  /** Commands for each action; `install` runs after the file was written, `uninstall` before it is removed. */
  readonly commands: Readonly<Record<ServiceAction, readonly (readonly [string, ...string[]])[]>>;
}

const run = promisify(execFile);
const TIMEOUT_MS = 30_000;

/** What `install` would write. @throws PlainError where no service manager is known. */
export function serviceManager(
  command: ServiceCommand,
  env: Readonly<Record<string, string | undefined>>,
): Manager {
  const home = env.HOME ?? homedir();
  if (platform() === 'linux') {
    const file = join(env.XDG_CONFIG_HOME ?? join(home, '.config'), 'systemd', 'user', SYSTEMD_UNIT);
    const systemctl = (...args: string[]) => ['systemctl', '--user', ...args] as const;
    return {
      file,
      unit: systemdUnit(command, EXIT_NOT_ENROLLED),
      commands: {
        install: [systemctl('daemon-reload'), systemctl('enable', '--now', SYSTEMD_UNIT)],
        uninstall: [systemctl('disable', '--now', SYSTEMD_UNIT)],
        start: [systemctl('start', SYSTEMD_UNIT)],
        stop: [systemctl('stop', SYSTEMD_UNIT)],
        status: [systemctl('status', '--no-pager', SYSTEMD_UNIT)],
      },
    };
  }
  if (platform() === 'darwin') {
    const file = join(home, 'Library', 'LaunchAgents', `${LAUNCHD_LABEL}.plist`);
    const domain = `gui/${process.getuid?.() ?? 0}`;
    const target = `${domain}/${LAUNCHD_LABEL}`;
    return {
      file,
      unit: launchdPlist(command),
      commands: {
        install: [['launchctl', 'bootstrap', domain, file]],
        uninstall: [['launchctl', 'bootout', target]],
        start: [['launchctl', 'kickstart', target]],
        stop: [['launchctl', 'kill', 'SIGTERM', target]],
        status: [['launchctl', 'print', target]],
      },
    };
  }
  throw new PlainError(`No service manager is known for ${platform()}. Start boxyard-agent run by yourself.`);
}

/** @throws PlainError with what the service manager said. */
export async function doServiceAction(
  action: ServiceAction,
  { file, unit, commands }: Manager,
  say: (text: string) => void,
): Promise<void> {
  if (action === 'install') {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, unit, { mode: 0o644 });
    say(`wrote ${file}\n`);
  }
  for (const [program, ...args] of commands[action]) {
    try {
      const { stdout } = await run(program, args, { timeout: TIMEOUT_MS });
      say(stdout);
    } catch (cause) {
      const told =
        (cause as { stdout?: string; stderr?: string }).stdout || (cause as { stderr?: string }).stderr;
      // What is not there any more need not be stopped.
      if (action === 'uninstall') continue;
      throw new PlainError(
        `${program} ${args.join(' ')} failed: ${told?.trim() || (cause as Error).message}`,
        { cause },
      );
    }
  }
  if (action !== 'uninstall') return;
  await rm(file, { force: true });
  say(`removed ${file}\n`);
}
