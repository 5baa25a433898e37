import { z } from 'zod';
import { ContentEncoding } from './content-encoding.ts';
import { Uuid } from './identifiers.ts';
import { pageOf } from './page.ts';
import { Timestamp } from './timestamp.ts';

const ByteOffset = z.int().nonnegative();
const OutputChannel = z.enum(['stdout', 'stderr']);

/** A command as it stands. It belongs to its op and not to the connection that started it. */
export const Op = z.object({
  opId: Uuid,
  /** `lost`: how it ended cannot be known any more; `lostReason` says why. */
  state: z.enum(['running', 'exited', 'lost']),
  /** After the redactor. */
  command: z.string(),
  exitCode: z.int().nullable(),
  signal: z.string().nullable(),
  timedOut: z.boolean(),
  lostReason: z.string().nullable(),
  startedAt: Timestamp,
  endedAt: Timestamp.nullable(),
});
export type Op = z.infer<typeof Op>;

/** Answer of `GET ops`. */
export const OpList = pageOf(Op);
export type OpList = z.infer<typeof OpList>;

/** Query of `GET ops/:opId/stream`: where the reader stands. */
export const OpStreamQuery = z.object({
  stdoutOffset: z.coerce.number().pipe(ByteOffset).default(0),
  stderrOffset: z.coerce.number().pipe(ByteOffset).default(0),
});
export type OpStreamQuery = z.infer<typeof OpStreamQuery>;

/** The `id:` of a message of the op stream, and so a reader's `Last-Event-ID`: `<stdoutOffset>.<stderrOffset>`. */
export const OpStreamId = z
  .string()
  .regex(/^[0-9]{1,15}\.[0-9]{1,15}$/, 'must be <stdoutOffset>.<stderrOffset>')
  .transform((text) => {
    const [stdoutOffset, stderrOffset] = text.split('.').map(Number) as [number, number];
    return { stdoutOffset, stderrOffset };
  });
export type OpStreamId = z.infer<typeof OpStreamId>;

const outputAt = { stream: OutputChannel, offset: ByteOffset };

/** One message of the op stream: output, then exactly one end. */
export const OpStreamMessage = z.union([
  z.strictObject({ ...outputAt, chunk: z.string() }),
  /** Bytes that are no UTF-8 text. */
  z.strictObject({ ...outputAt, chunkBase64: z.base64() }),
  z.strictObject({ exitCode: z.int(), signal: z.string().nullable(), timedOut: z.boolean() }),
  /** The command's end is not known; never to be taken for success. */
  z.strictObject({ lost: z.string().min(1) }),
]);
export type OpStreamMessage = z.infer<typeof OpStreamMessage>;

/** Body of `POST ops/:opId/stdin`. */
export const OpStdinRequest = z.strictObject({
  data: z.string().default(''),
  encoding: ContentEncoding.default('utf8'),
  /** Closes the input after `data`. */
  close: z.boolean().default(false),
});
export type OpStdinRequest = z.infer<typeof OpStdinRequest>;

/** Body of `POST ops/:opId/kill`. */
export const OpKillRequest = z.strictObject({
  /** Between SIGTERM and SIGKILL. */
  graceMs: z.int().min(0).max(60_000).default(2000),
});
export type OpKillRequest = z.infer<typeof OpKillRequest>;
