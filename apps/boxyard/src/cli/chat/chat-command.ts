import { text as readText } from 'node:stream/consumers';
import type { BoxyardClient, BoxyardSession, CreateSessionRequest } from '@boxyard/client';
import { type Command, Option } from 'commander';
import { formatOption, list, workspaceOption } from '../command-options.ts';
import type { Connect } from '../connection.ts';
import type { OutputFormat } from '../output.ts';
import { chat, NothingToSay } from './chat.ts';
import { Keyboard } from './keyboard.ts';
import type { TurnPrinter } from './turn-printer.ts';

interface ChatCommandOptions {
  readonly new?: boolean;
  /** One that there is not is the server's to refuse. */
  readonly backend?: CreateSessionRequest['backend'];
  readonly approve?: readonly string[];
  readonly yes?: boolean;
  readonly workspace: string;
  readonly output: OutputFormat;
}

export function addChatCommand(program: Command, connect: Connect): void {
  program
    .command('chat')
    .description('talk with the agent of a session and watch it work')
    .argument('[session]', 'its id; with --new the message begins here')
    .argument('[message...]', 'say this, and end with its turn')
    .option('--new', 'make a session first')
    .addOption(
      new Option('--backend <backend>', 'what makes the box of the new session').implies({ new: true }),
    )
    .option('--approve <tools>', 'tools whose calls wait for a decision, comma separated, repeatable', list)
    .option('-y, --yes', 'approve every call that waits')
    .addOption(workspaceOption())
    .addOption(formatOption())
    .action(async (first: string | undefined, rest: readonly string[], options: ChatCommandOptions) => {
      const client = await connect(options.workspace);
      const words = options.new ? [first ?? [], ...rest].flat() : rest;
      if (!options.new && first === undefined) {
        throw new NothingToSay('No session is named. Write its id, or make one with --new.');
      }
      const { stdin, stdout } = process;
      const isTalk = stdin.isTTY && stdout.isTTY && options.output !== 'json';
      const given = words.length > 0 ? words.join(' ') : isTalk ? '' : (await readText(stdin)).trim();
      // Only who chats waits for what it loads.
      const { TurnPrinter } = await import('./turn-printer.ts');
      const printer = new TurnPrinter(stdout, options.output);
      const session = options.new ? await newSession(client, options, printer) : client.session(first ?? '');
      process.exitCode = await chat({
        session,
        printer,
        keyboard: isTalk ? new Keyboard(stdin, stdout) : null,
        message: given === '' ? null : given,
        once: given !== '',
        approvals: options.approve ?? [],
        approveAll: options.yes ?? false,
      });
    });
}

async function newSession(
  client: BoxyardClient,
  { backend }: ChatCommandOptions,
  printer: TurnPrinter,
): Promise<BoxyardSession> {
  const session = await client.sessions.create(backend === undefined ? {} : { backend });
  printer.note(`session ${session.id}`);
  return session.keep();
}
