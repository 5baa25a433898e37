// What a machine keeps of its enrollment. Everything else is asked for anew whenever it starts.
import { z } from 'zod';
import { readIfThere, writePrivately } from './config-folder.ts';
import { PlainError } from './plain-error.ts';

export const KeptEnrollment = z.object({
  server: z.url(),
  workspaceId: z.string(),
  agentId: z.string(),
  /** What whoever let it in was told of its screen; nothing of it when absent. */
  screen: z.enum(['view', 'control']).optional(),
  /** Worth nothing without the machine's key; each renewal brings another. */
  bearer: z.string(),
});
export type KeptEnrollment = z.infer<typeof KeptEnrollment>;

/** Null for a machine that is not enrolled. */
export async function readEnrollment(file: string): Promise<KeptEnrollment | null> {
  const text = await readIfThere(file);
  if (text === null) return null;
  try {
    return KeptEnrollment.parse(JSON.parse(text));
  } catch (cause) {
    throw new PlainError(`${file} is damaged. Run boxyard-agent logout and enroll again.`, { cause });
  }
}

export const writeEnrollment = (file: string, enrollment: KeptEnrollment): Promise<void> =>
  writePrivately(file, `${JSON.stringify(enrollment, null, 2)}\n`);
