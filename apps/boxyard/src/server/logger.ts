import { type DestinationStream, pino } from 'pino';

/** Structured lines; what is secret never reaches it, so nothing has to be filtered out. */
export type Logger = ReturnType<typeof createLogger>;

/** Standard output belongs to what a command prints, so logs go to standard error. */
export function createLogger(level: string, destination: DestinationStream = pino.destination(2)) {
  return pino({ level, base: null, serializers: { error: pino.stdSerializers.err } }, destination);
}
