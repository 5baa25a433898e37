import type { BoxyardClient } from '@boxyard/client';
import { chat } from '../chat/chat.ts';
import type { TurnPrinter } from '../chat/turn-printer.ts';
import { DEMO_COMMIT, type DemoFault, demoRepository, demoTask } from './demo-repository.ts';

export interface DemoOptions {
  readonly client: BoxyardClient;
  readonly printer: TurnPrinter;
  readonly fault: DemoFault;
  /** Where the work goes on after its first half. */
  readonly secondBackend: string;
  /** Ends the watching; the turn is left to itself. */
  readonly leave?: AbortSignal | undefined;
}

export interface DemoOutcome {
  readonly sessionId: string;
  /** As `boxyard chat` has it: 0 when the turn was completed. */
  readonly exitCode: number;
}

/** A coding task from a failing test to a tagged commit, in two boxes, by the agent of the server. */
export async function runDemo(options: DemoOptions): Promise<DemoOutcome> {
  const { client, printer, fault, secondBackend, leave } = options;
  const session = (await client.sessions.create({ name: 'demo', metadata: { made: 'demo' } })).keep();
  for (const [path, content] of Object.entries(demoRepository(fault))) {
    await session.files.write({ path, content });
  }
  const { exitCode, stderr } = await session.exec(DEMO_COMMIT);
  if (exitCode !== 0)
    throw new Error(`The demo has no repository: git ended with ${exitCode}: ${stderr.trim()}`);
  const message = demoTask(secondBackend);
  return {
    sessionId: session.id,
    exitCode: await chat({
      session,
      printer,
      keyboard: null,
      message,
      once: true,
      approvals: [],
      approveAll: false,
      leave,
    }),
  };
}
