/** The command line: what each command takes; what it does is in the file of its name. */
import type { CreateKeyRequest, CreateSessionRequest } from '@boxyard/client';
import { Command } from 'commander';
import { runCanary } from './canary.ts';
import { addChatCommand } from './chat/chat-command.ts';
import { formatOption, integer, list, pair, workspaceOption } from './command-options.ts';
import { type Connect, clientOf, findConnection } from './connection.ts';
import { copyFiles, parsePlace } from './copy-files.ts';
import type { DemoCommandOptions } from './demo/demo-command.ts';
import { bringDown } from './down.ts';
import { enrollMachine, listMachines, revokeMachines } from './machine.ts';
import { type OutputFormat, printRows, printValue } from './output.ts';
import { runCommand } from './run-command.ts';
import { runSweep } from './sweep.ts';
import type { UpOptions } from './up.ts';

type Environment = Readonly<Record<string, string | undefined>>;

const say = (line: string) => void process.stdout.write(`${line}\n`);

/** @param env the environment that the settings are read from. */
export function createProgram(env: Environment, version: string): Command {
  const program = new Command('boxyard')
    .description('Durable boxes for AI agents')
    .version(version)
    .option('--data-dir <folder>', 'where the server keeps everything', env.BOXYARD_DATA_DIR ?? '.boxyard')
    .enablePositionalOptions()
    .showHelpAfterError();
  const dataDir = () => program.opts<{ dataDir: string }>().dataDir;
  const client: Connect = async (workspace = 'default') =>
    clientOf(await findConnection(dataDir(), env)).inWorkspace(workspace);

  program
    .command('up')
    .description('start the server; SIGTERM ends it and leaves the boxes as they are')
    .option('--port <port>', 'port to listen on, 0 = any free one', integer)
    .option('--backend <backend>', 'what makes boxes')
    .option('--machines', 'let users enroll machines of their own; starts a nats-server')
    .option('--data-dir <folder>', 'where the server keeps everything')
    .option('--json', 'print one line {"url","token"} when ready')
    .option('--demo', 'let an agent mend a failing test once it is ready')
    .action(async (options: UpOptions & { dataDir?: string }) => {
      // The server is most of this program: who only asks one does not wait for it to load.
      const { up } = await import('./up.ts');
      await up({ ...options, dataDir: options.dataDir ?? dataDir() }, env, version);
    });

  program
    .command('down')
    .description('capture and free every box, then end the server')
    .action(async () => {
      process.exitCode = (await bringDown(await client(), dataDir(), say)) ? 0 : 1;
    });

  program
    .command('demo')
    .description('let an agent mend a failing test in two boxes, on a server of its own that goes with it')
    .option('--broken', 'with a fault that the scripted model does not know', false)
    .option('--to <backend>', 'where the second half is done; docker where an engine answers, else local')
    .addOption(formatOption())
    .action(async (options: DemoCommandOptions) => {
      const { demo } = await import('./demo/demo-command.ts');
      process.exitCode = await demo(options, env, version);
    });

  program
    .command('canary')
    .description('make a box on each backend of the server and run a marker command in it')
    .addOption(formatOption())
    .action(async (options: { output: OutputFormat }) => {
      process.exitCode = (await runCanary(await client(), options.output)) ? 0 : 1;
    });

  program
    .command('sweep')
    .description('destroy boxes of this deployment that no lease names, and report all others')
    .option('--dry-run', 'show the plan and destroy nothing', false)
    .addOption(formatOption())
    .action(async (options: { dryRun: boolean; output: OutputFormat }) => {
      process.exitCode = (await runSweep(await client(), options)) ? 0 : 1;
    });

  addChatCommand(program, client);
  addSandboxCommands(program, client);
  addKeyCommands(program, client);
  addMachineCommands(program, client);
  addWorkspaceCommands(program, client);
  return program;
}

/** `exec SESSION -- ls` and `exec SESSION ls` are the same: after the session, `--` comes as a word of its own. */
const withoutSeparator = ([first, ...rest]: readonly string[]): readonly string[] =>
  first === undefined ? [] : first === '--' ? rest : [first, ...rest];

function addSandboxCommands(program: Command, client: Connect): void {
  const sandbox = program
    .command('sandbox')
    .description('sessions and their boxes')
    .enablePositionalOptions();

  sandbox
    .command('create')
    .description('create a session; its box comes with the first operation unless --start')
    .option('--backend <backend>')
    .option('--image <image>')
    .option('--name <name>')
    .option('--metadata <name=value>', 'repeatable', pair)
    .option('--env <name=value>', 'repeatable; write-only', pair)
    .option('--start', 'make the box now')
    .addOption(workspaceOption())
    .addOption(formatOption())
    .action(
      async (
        options: Omit<CreateSessionRequest, 'environment'> & {
          env?: Record<string, string>;
          workspace: string;
          output: OutputFormat;
        },
      ) => {
        const { workspace, output, env, ...rest } = options;
        const body = { ...rest, ...(env === undefined ? {} : { environment: env }) };
        const { sessions } = (await client(workspace)).api.workspace;
        const session = await sessions.create(body);
        printValue(output, session, session.id);
      },
    );

  sandbox
    .command('list')
    .description('the newest sessions')
    .option('--metadata <name=value>', 'repeatable', pair)
    .option('--limit <number>', 'how many', integer, 50)
    .addOption(workspaceOption())
    .addOption(formatOption())
    .action(
      async (options: {
        metadata?: Record<string, string>;
        limit: number;
        workspace: string;
        output: OutputFormat;
      }) => {
        const { metadata, limit, workspace } = options;
        const { sessions } = (await client(workspace)).api.workspace;
        const page = await sessions.list({ limit, ...(metadata === undefined ? {} : { metadata }) });
        printRows(options.output, page.items, ['id', 'backend', 'liveness', 'name', 'createdAt']);
      },
    );

  sandbox
    .command('exec')
    .description("run a command in a session's box; its exit code becomes ours")
    .argument('<session>')
    .argument('<command...>')
    .option('-i, --stdin', 'send our standard input to the command')
    .option('--cwd <path>', 'relative to the workspace')
    .option('--timeout <ms>', 'end the command after this many milliseconds', integer)
    .addOption(workspaceOption())
    .addOption(formatOption())
    .passThroughOptions()
    .action(
      async (
        session: string,
        command: string[],
        options: { stdin?: boolean; cwd?: string; timeout?: number; workspace: string; output: OutputFormat },
      ) => {
        const collected = { stdout: [] as Uint8Array[], stderr: [] as Uint8Array[] };
        const json = options.output === 'json';
        const { workspace } = options;
        const exitCode = await runCommand((await client(workspace)).session(session), {
          command: withoutSeparator(command),
          ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
          ...(options.timeout === undefined ? {} : { timeoutMs: options.timeout }),
          ...(options.stdin ? { stdin: process.stdin } : {}),
          onStdout: (bytes) => void (json ? collected.stdout.push(bytes) : process.stdout.write(bytes)),
          onStderr: (bytes) => void (json ? collected.stderr.push(bytes) : process.stderr.write(bytes)),
        });
        if (json) {
          const text = (chunks: Uint8Array[]) => Buffer.concat(chunks).toString('utf8');
          printValue(
            'json',
            { stdout: text(collected.stdout), stderr: text(collected.stderr), exitCode },
            '',
          );
        }
        process.exitCode = exitCode;
      },
    );

  sandbox
    .command('cp')
    .description('copy a file or a folder between this machine and a box (SESSION:path)')
    .argument('<from>')
    .argument('<to>')
    .addOption(workspaceOption())
    .action(async (from: string, to: string, options: { workspace: string }) =>
      copyFiles(await client(options.workspace), parsePlace(from), parsePlace(to)),
    );

  sandbox
    .command('kill')
    .description('delete sessions; a box goes with its last session')
    .argument('<session...>')
    .addOption(workspaceOption())
    .action(async (ids: string[], options: { workspace: string }) => {
      const { sessions } = await client(options.workspace);
      for (const id of ids) await sessions.delete(id);
    });
}

function addKeyCommands(program: Command, client: Connect): void {
  const key = program.command('key').description('API keys of a workspace');

  key
    .command('create')
    .description('make a key; its token is shown once')
    .requiredOption('--name <name>')
    .requiredOption('--permissions <list>', 'comma separated, repeatable', list)
    .option('--expires-at <time>', 'RFC 3339')
    .addOption(workspaceOption())
    .addOption(formatOption())
    .action(async (options: CreateKeyRequest & { workspace: string; output: OutputFormat }) => {
      const { workspace, output, ...body } = options;
      // A permission that there is not is the server's to refuse.
      const made = await (await client(workspace)).keys.create(body);
      printValue(output, made, made.token);
    });

  key
    .command('list')
    .addOption(workspaceOption())
    .addOption(formatOption())
    .action(async (options: { workspace: string; output: OutputFormat }) => {
      const page = await (await client(options.workspace)).keys.list();
      printRows(options.output, page.items, [
        'id',
        'name',
        'permissions',
        'createdAt',
        'expiresAt',
        'revokedAt',
      ]);
    });

  key
    .command('revoke')
    .argument('<key>')
    .addOption(workspaceOption())
    .action(async (id: string, options: { workspace: string }) => {
      await (await client(options.workspace)).keys.revoke(id);
    });
}

function addMachineCommands(program: Command, client: Connect): void {
  const machine = program.command('machine').description("users' own machines");

  machine
    .command('enroll')
    .description('let in the machine that shows a code; without one, make a token to enroll with')
    .argument('[code]', 'XXXX-XXXX, as the machine shows it')
    .option('--screen-control', 'also allow typing and clicking on its screen', false)
    .option('--uses <number>', 'how many machines may use the token', integer, 1)
    .addOption(workspaceOption())
    .addOption(formatOption())
    .action(
      async (
        code: string | undefined,
        options: { screenControl: boolean; uses: number; workspace: string; output: OutputFormat },
      ) => enrollMachine(await client(options.workspace), { ...options, code }),
    );

  machine
    .command('list')
    .description('enrolled machines, and whether they are there')
    .addOption(workspaceOption())
    .addOption(formatOption())
    .action(async (options: { workspace: string; output: OutputFormat }) =>
      listMachines(await client(options.workspace), options.output),
    );

  machine
    .command('revoke')
    .description('cut machines off at once; they have to be enrolled again')
    .argument('<machine...>')
    .addOption(workspaceOption())
    .action(async (ids: string[], options: { workspace: string }) =>
      revokeMachines(await client(options.workspace), ids),
    );
}

function addWorkspaceCommands(program: Command, client: Connect): void {
  const workspace = program.command('workspace').description('workspaces of this server');

  workspace
    .command('create')
    .argument('<slug>')
    .addOption(formatOption())
    .action(async (slug: string, options: { output: OutputFormat }) => {
      const made = await (await client()).workspaces.create({ slug });
      printValue(options.output, made, made.id);
    });

  workspace
    .command('list')
    .addOption(formatOption())
    .action(async (options: { output: OutputFormat }) => {
      const page = await (await client()).workspaces.list();
      printRows(options.output, page.items, ['id', 'slug', 'createdAt']);
    });
}
