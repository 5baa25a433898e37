// The command line. Everything it does is in a file of its own; here it is only named.
import { rm } from 'node:fs/promises';
import { text as readText } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError, Option } from 'commander';
import { type AgentSettings, readSettings, typedPath } from './agent-settings.ts';
import { agentStatus, renderStatus } from './agent-status.ts';
import { configFiles, configFolder } from './config-folder.ts';
import { enrollMachine } from './enroll-machine.ts';
import { readEnrollment } from './enrollment-file.ts';
import { PlainError } from './plain-error.ts';
import { runAgent } from './run-agent.ts';
import { doServiceAction, SERVICE_ACTIONS, type ServiceAction, serviceManager } from './service.ts';
import { VERSION } from './version.ts';

interface EnrollFlags {
  readonly server?: string;
  readonly workspace: string;
  readonly token?: string;
  readonly name?: string;
  readonly screen?: AgentSettings['screen'];
}

interface RunFlags {
  readonly workspaceRoot?: string;
  readonly root?: string[];
  readonly readOnly?: true;
  readonly port?: number[];
  readonly screen?: AgentSettings['screen'];
  readonly display?: string;
  readonly legacySubject?: true;
  readonly drainMs?: number;
}

/** @param stop Aborted when the process is asked to end. */
export function createProgram(env: Readonly<Record<string, string | undefined>>, stop: AbortSignal): Command {
  const folder = configFolder(env);
  const say = (text: string) => void process.stdout.write(text);
  const log = (text: string) => void process.stderr.write(`${new Date().toISOString()} ${text}\n`);
  const program = new Command('boxyard-agent')
    .description('Lets sessions of a Boxyard server work on this machine. It dials out and opens no port.')
    .version(VERSION)
    .exitOverride();

  const enroll = async ({ server, workspace, token, name, screen }: EnrollFlags) => {
    const settings = await readSettings(configFiles(folder).settings, { screen });
    const url = server ?? env.BOXYARD_URL;
    if (url === undefined) throw new PlainError('Which server? Say --server https://boxyard.example.');
    await enrollMachine({
      folder,
      server: url,
      workspace,
      token: await enrollmentToken(token, env),
      machineName: name,
      screen: settings.screen,
      say,
      signal: stop,
    });
  };
  const run = async (flags: RunFlags) => {
    const { port, root, workspaceRoot, ...same } = flags;
    const given: AgentSettings = {
      ...same,
      ...(workspaceRoot === undefined ? {} : { workspaceRoot: typedPath(workspaceRoot) }),
      ...(root === undefined ? {} : { roots: root.map(typedPath) }),
      ...(port === undefined ? {} : { ports: port }),
    };
    const settings = await readSettings(configFiles(folder).settings, given);
    await runAgent({ folder, settings, env, log, stop });
  };

  withEnrollOptions(program.command('enroll'))
    .addOption(screenOption())
    .description('ask a server to let this machine in')
    .action(enroll);
  withRunOptions(program.command('run')).description('serve this machine until it is stopped').action(run);
  withRunOptions(withEnrollOptions(program.command('up', { isDefault: true })))
    .description('enroll when that has not happened yet, then run')
    .action(async (flags: EnrollFlags & RunFlags) => {
      const { server, workspace, token, name, ...rest } = flags;
      const enrolled = await readEnrollment(configFiles(folder).enrollment);
      if (enrolled === null) await enroll(flags);
      await run(rest);
    });
  program
    .command('status')
    .description('whether it is enrolled, runs and is connected; ends with 4 when it is not')
    .option('--json', 'for programs')
    .action(async ({ json }: { json?: true }) => {
      const status = await agentStatus(folder);
      say(json === true ? `${JSON.stringify(status)}\n` : renderStatus(status));
      if (status.connectedTo === null) process.exitCode = 4;
    });
  program
    .command('service')
    .description('start the agent with this machine')
    .argument('<action>', SERVICE_ACTIONS.join(', '), (action: string): ServiceAction => {
      const known = SERVICE_ACTIONS.find((one) => one === action);
      if (known === undefined) throw new InvalidArgumentError(`Choose one of ${SERVICE_ACTIONS.join(', ')}.`);
      return known;
    })
    .option('--print', 'only print the unit that install would write')
    .action(async (action: ServiceAction, { print }: { print?: true }) => {
      const main = fileURLToPath(new URL('./main.js', import.meta.url));
      const path = env.PATH ?? '/usr/local/bin:/usr/bin:/bin';
      const manager = serviceManager({ node: process.execPath, main, configFolder: folder, path }, env);
      if (print === true) say(manager.unit);
      else await doServiceAction(action, manager, say);
    });
  program
    .command('logout')
    .description('forget the enrollment and the key of this machine')
    .action(async () => {
      if ((await agentStatus(folder)).running) throw new PlainError('The agent runs. Stop it first.');
      const { enrollment, key, state } = configFiles(folder);
      for (const file of [enrollment, key, state]) await rm(file, { force: true });
      say('Forgotten here. Revoke the machine at the server too, where its name still stands.\n');
    });
  return program;
}

function withEnrollOptions(command: Command): Command {
  return command
    .option('--server <url>', 'where the server is; BOXYARD_URL when absent')
    .option('--workspace <name>', 'id or slug of the workspace', 'default')
    .option('--name <name>', 'what the machine is called; its host name when absent')
    .option(
      '--token <token>',
      'enroll without a person; - reads it from stdin, BOXYARD_ENROLLMENT_TOKEN when absent',
    );
}

function withRunOptions(command: Command): Command {
  const number = (most: number) => (text: string) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value <= most) return value;
    throw new InvalidArgumentError(`Write a whole number up to ${most}.`);
  };
  const port = number(65_535);
  return command
    .option(
      '--workspace-root <folder>',
      'where commands run and relative paths begin; the home folder when absent',
    )
    .addOption(
      new Option(
        '--root <folder>',
        'a folder whose files may be asked for besides; all of them when absent',
      ).argParser((path: string, before: string[] | undefined) => [...(before ?? []), path]),
    )
    .option('--read-only', 'let files be looked at and nothing else')
    .addOption(
      new Option('--port <number>', 'a port of this machine that may be reached; none when absent').argParser(
        (text: string, before: number[] | undefined) => [...(before ?? []), port(text)],
      ),
    )
    .addOption(screenOption())
    .option('--display <name>', 'the X display that is its screen; DISPLAY when absent')
    .option('--legacy-subject', 'also answer servers that know no agent instances')
    .option(
      '--drain-ms <ms>',
      'how long running work gets after SIGTERM; 10000 when absent',
      number(3_600_000),
    );
}

const screenOption = () =>
  new Option('--screen <what>', 'let its screen be seen, or used as well; neither when absent').choices([
    'view',
    'control',
  ]);

/** Not only as an argument, which other users of a machine can read. */
async function enrollmentToken(
  given: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string | undefined> {
  if (given !== '-') return given ?? env.BOXYARD_ENROLLMENT_TOKEN;
  return (await readText(process.stdin)).trim();
}
