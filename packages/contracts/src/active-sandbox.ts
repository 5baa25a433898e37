import { z } from 'zod';
import { Backend } from './backend-descriptor.ts';
import { Id } from './identifiers.ts';
import { RestoreReceipt } from './restore-receipt.ts';
import { ImageName } from './session.ts';

/**
 * Where a session goes: the box of another group of its workspace, somebody's machine, a new box that is made for
 * it with the session's environment, or back to its own.
 */
export const SwapTarget = z.union([
  z.literal('home'),
  z.strictObject({ groupId: Id }),
  z.strictObject({ machineId: Id }),
  z.strictObject({ backend: Backend, image: ImageName.optional() }),
]);
export type SwapTarget = z.infer<typeof SwapTarget>;

/** Body of `POST sessions/:sid/active-sandbox`. Nothing is changed when it fails. */
export const SwapSandboxRequest = z.strictObject({
  target: SwapTarget,
  /** Refused as `fenced` unless `activeEpoch` is still this. */
  expectedEpoch: z.int().nonnegative().optional(),
  /** Copies the workspace of the box that is left over that of the target. */
  carry: z.boolean().default(false),
});
export type SwapSandboxRequest = z.infer<typeof SwapSandboxRequest>;

/** Its answer: what is active now. */
export const SwapSandboxResponse = z.object({
  /** Null for the session's own box. */
  activeSandboxId: Id.nullable(),
  activeEpoch: z.int().nonnegative(),
  /** With `carry`: whether everything has arrived. */
  receipt: RestoreReceipt.optional(),
});
export type SwapSandboxResponse = z.infer<typeof SwapSandboxResponse>;
