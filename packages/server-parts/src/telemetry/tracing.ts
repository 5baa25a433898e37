import { context, propagation, trace } from '@opentelemetry/api';

export interface TracingOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
}

const DEFAULT_SERVICE = 'boxyard';
/** Spans wait this long for others to be sent with. */
const SEND_EVERY_MS = 1_000;
/** Repetitions included: a collector that is away must not keep the server from ending. */
const SEND_WITHIN_MS = 2_000;

/**
 * Sends spans by OTLP over HTTP (JSON) to where OpenTelemetry's own variables say: `OTEL_EXPORTER_OTLP_ENDPOINT`,
 * or `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` with its whole path. Without either nothing of the SDK is loaded, and
 * an SDK that the embedding program registered gets the spans. The exporter itself reads
 * `OTEL_EXPORTER_OTLP_HEADERS`.
 */
export async function startTracing({ env, version }: TracingOptions): Promise<AsyncDisposable> {
  const url = endpointOf(env);
  if (url === null) return { [Symbol.asyncDispose]: async () => {} };
  const [sdk, exporter, hooks, core, resources] = await Promise.all([
    import('@opentelemetry/sdk-trace'),
    import('@opentelemetry/exporter-trace-otlp-http'),
    import('@opentelemetry/context-async-hooks'),
    import('@opentelemetry/core'),
    import('@opentelemetry/resources'),
  ]);
  const provider = new sdk.TracerProvider({
    resource: resources.resourceFromAttributes({
      ...attributesOf(env.OTEL_RESOURCE_ATTRIBUTES),
      'service.name': env.OTEL_SERVICE_NAME || DEFAULT_SERVICE,
      'service.version': version,
    }),
    spanProcessors: [
      new sdk.BatchSpanProcessor({
        exporter: new exporter.OTLPTraceExporter({ url, timeoutMillis: SEND_WITHIN_MS }),
        scheduledDelayMillis: SEND_EVERY_MS,
        exportTimeoutMillis: SEND_WITHIN_MS,
      }),
    ],
  });
  const contexts = new hooks.AsyncLocalStorageContextManager().enable();
  const registered = trace.setGlobalTracerProvider(provider);
  if (registered) {
    context.setGlobalContextManager(contexts);
    propagation.setGlobalPropagator(new core.W3CTraceContextPropagator());
  }
  return {
    [Symbol.asyncDispose]: async () => {
      if (registered) {
        trace.disable();
        context.disable();
        propagation.disable();
      }
      // What waits is sent, if anybody takes it.
      await provider.shutdown().catch(() => undefined);
    },
  };
}

function endpointOf(env: TracingOptions['env']): string | null {
  if (env.OTEL_SDK_DISABLED?.toLowerCase() === 'true') return null;
  if (env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT) return env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT;
  const base = env.OTEL_EXPORTER_OTLP_ENDPOINT;
  return base ? `${base.replace(/\/+$/, '')}/v1/traces` : null;
}

/** `name=value,name=value`, percent-encoded, as the specification has it. */
function attributesOf(text = ''): Record<string, string> {
  return Object.fromEntries(
    text.split(',').flatMap((pair) => {
      const at = pair.indexOf('=');
      if (at < 1) return [];
      const value = pair.slice(at + 1).trim();
      try {
        return [[pair.slice(0, at).trim(), decodeURIComponent(value)]];
      } catch {
        return [[pair.slice(0, at).trim(), value]];
      }
    }),
  );
}
