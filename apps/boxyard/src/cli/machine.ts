/** What the command line does about machines of users. */
import type { BoxyardClient } from '@boxyard/client';
import { type OutputFormat, printRows, printValue } from './output.ts';

export interface EnrollOptions {
  /** The code that a machine shows; without it a token is made that machines enroll themselves with. */
  readonly code: string | undefined;
  readonly screenControl: boolean;
  /** How many machines may use the token. */
  readonly uses: number;
  readonly output: OutputFormat;
}

/** Lets the machine in that waits with a code, or makes a token for machines that nobody sits at. */
export async function enrollMachine(client: BoxyardClient, options: EnrollOptions): Promise<void> {
  const { enrollments } = client.api.workspace;
  const { code, screenControl: allowScreenControl, uses, output } = options;
  if (code === undefined) {
    const made = await enrollments.createToken({ allowScreenControl, uses });
    printValue(output, made, made.token);
    return;
  }
  const approved = await enrollments.approveDevice({ userCode: code, allowScreenControl });
  printValue(output, approved, `let in ${approved.machineName}: ${approved.id}`);
}

/** Every enrolled machine, and whether it is there. */
export async function listMachines(client: BoxyardClient, output: OutputFormat): Promise<void> {
  const page = await client.api.workspace.machines.list();
  printRows(output, page.items, ['id', 'name', 'os', 'arch', 'liveness', 'lastSeenAt', 'agentVersion']);
}

/** Cuts machines off; they have to be enrolled again. */
export async function revokeMachines(client: BoxyardClient, ids: readonly string[]): Promise<void> {
  for (const id of ids) await client.api.workspace.enrollments.revoke(id);
}
