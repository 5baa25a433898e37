import { z } from 'zod';
import { ContentEncoding } from './content-encoding.ts';
import { Id } from './identifiers.ts';
import { Timestamp } from './timestamp.ts';
import { WorkspacePath } from './workspace-path.ts';

const size = { cols: z.int().min(1).max(500), rows: z.int().min(1).max(300) };

/** How a terminal's output reaches its viewers. */
export const PtyTransport = z.enum(['sse-events', 'pty-ws']);
export type PtyTransport = z.infer<typeof PtyTransport>;

/** Why a terminal ended. */
export const PtyExitReason = z.enum([
  'exited',
  'closed',
  'idle',
  'box-replaced',
  'box-gone',
  'host-restarted',
  'session-deleted',
]);
export type PtyExitReason = z.infer<typeof PtyExitReason>;

/** Body of `POST terminal/pty`. */
export const PtyOpenRequest = z.strictObject({
  cols: size.cols.default(80),
  rows: size.rows.default(24),
  cwd: WorkspacePath.default(''),
  shell: z.string().min(1).max(4096).optional(),
});
export type PtyOpenRequest = z.infer<typeof PtyOpenRequest>;

/** Answer of `POST terminal/pty`. */
export const PtyOpenResponse = z.object({
  ptyId: Id,
  streamVia: PtyTransport,
  supportsInput: z.boolean(),
});
export type PtyOpenResponse = z.infer<typeof PtyOpenResponse>;

/** A terminal that lives. */
export const Pty = PtyOpenResponse.extend({ ...size, createdAt: Timestamp });
export type Pty = z.infer<typeof Pty>;

/** Answer of `GET terminal/pty`: the terminals that live. */
export const PtyList = z.object({ items: z.array(Pty) });
export type PtyList = z.infer<typeof PtyList>;

/** Body of `terminal/pty/write`: what a person types. */
export const PtyWriteRequest = z.strictObject({
  ptyId: Id,
  data: z.string().max(1024 * 1024),
  encoding: ContentEncoding.default('utf8'),
});
export type PtyWriteRequest = z.infer<typeof PtyWriteRequest>;

/** Body of `terminal/pty/resize`. */
export const PtyResizeRequest = z.strictObject({ ptyId: Id, ...size });
export type PtyResizeRequest = z.infer<typeof PtyResizeRequest>;

/** Body of `terminal/pty/close`. */
export const PtyCloseRequest = z.strictObject({ ptyId: Id });
export type PtyCloseRequest = z.infer<typeof PtyCloseRequest>;

const seq = z.int().nonnegative();

/** One message of a terminal's stream; `seq` grows for the terminal's whole life. The last is its end. */
export const PtyStreamMessage = z.union([
  /** What a viewer draws first: the screen as it is, in terminal codes. */
  z.strictObject({ seq, screen: z.string(), ...size }),
  z.strictObject({ seq, chunk: z.string() }),
  z.strictObject({ seq, chunkBase64: z.base64() }),
  z.strictObject({ seq, exitCode: z.int().nullable(), reason: PtyExitReason }),
]);
export type PtyStreamMessage = z.infer<typeof PtyStreamMessage>;
