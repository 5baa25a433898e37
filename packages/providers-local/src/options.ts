import { isAbsolute, resolve } from 'node:path';
import { z } from 'zod';

/** What a local provider is made with. */
export const LocalProviderOptions = z.strictObject({
  /** Folder that holds the boxes; made when it is missing. A relative path counts from the working directory. */
  dataDir: z
    .string()
    .min(1)
    .transform((path) => (isAbsolute(path) ? path : resolve(path))),
  /** Bytes of output that one command may leave before it is ended. */
  maxSpoolBytes: z.int().positive().optional(),
  /** Bytes of output that all commands of a box may leave before no further one is started. */
  maxBoxSpoolBytes: z.int().positive().optional(),
});
export type LocalProviderOptions = z.input<typeof LocalProviderOptions>;
