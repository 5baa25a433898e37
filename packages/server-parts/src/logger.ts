import { trace } from '@opentelemetry/api';
import { type DestinationStream, pino } from 'pino';

/** Structured lines; what is secret never reaches it, so nothing has to be filtered out. */
export type Logger = ReturnType<typeof createLogger>;

export interface LoggerOptions {
  readonly level: string;
  /** Standard error when absent: standard output belongs to what a command prints. */
  readonly destination?: DestinationStream | undefined;
  /** Added to every line: for whom the work is done. */
  readonly fields?: () => Readonly<Record<string, string>>;
}

/** Each line has its trace, where there is one. */
export function createLogger({ level, destination = pino.destination(2), fields }: LoggerOptions) {
  const mixin = () => {
    const span = trace.getActiveSpan()?.spanContext();
    return {
      ...fields?.(),
      ...(span === undefined ? {} : { traceId: span.traceId, spanId: span.spanId }),
    };
  };
  return pino({ level, base: null, serializers: { error: pino.stdSerializers.err }, mixin }, destination);
}
