import { expect, onTestFinished, test } from 'vitest';
import { startOtlpReceiver } from './otlp-receiver.ts';
import { startSharedServer } from './shared-server.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';
const sessions = '/v1/workspaces/default/sessions';

test("a request's spans come to a collector on the trace of its caller, from the route down to the provider", async () => {
  const receiver = await startOtlpReceiver();
  const shared = await startSharedServer({
    OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
    OTEL_SERVICE_NAME: 'yard-of-the-test',
  });
  let stopped = false;
  const stop = async () => {
    if (!stopped) await shared.stop();
    stopped = true;
  };
  onTestFinished(stop);
  const { id } = await shared.client.json<{ id: string }>('POST', sessions, { body: {} });
  await shared.client.json('POST', `${sessions}/${id}/fs/write`, {
    body: { path: 'file.txt', content: 'hello' },
    headers: { traceparent: `00-${TRACE}-${PARENT}-01`, 'x-request-id': 'request-of-the-trace' },
  });
  await expect(
    shared.client.json('POST', `${sessions}/${id}/fs/read`, { body: { path: 'absent' } }),
  ).rejects.toMatchObject({ status: 404 });
  // Ending sends what waits.
  await stop();

  const own = receiver.spans.filter(({ traceId }) => traceId === TRACE);
  const named = (name: string) => {
    const [span] = own.filter((each) => each.name === name);
    expect(span, name).toBeDefined();
    return span!;
  };
  const request = named('POST /v1/workspaces/:ws/sessions/:sid/fs/write');
  expect(request).toMatchObject({
    parentSpanId: PARENT,
    service: 'yard-of-the-test',
    attributes: {
      'http.request.method': 'POST',
      'http.response.status_code': 200,
      'boxyard.request_id': 'request-of-the-trace',
      'boxyard.session': id,
    },
  });
  expect(named('box.open').parentSpanId).toBe(request.spanId);
  expect(named('lease.acquire').parentSpanId).toBe(named('box.open').spanId);
  expect(named('provider.create').attributes).toMatchObject({ 'boxyard.box.provider': 'local' });
  expect(named('box.files.write').parentSpanId).toBe(request.spanId);

  const failed = receiver.spans.find((span) => span.attributes['error.type'] === 'not-found');
  expect(failed).toMatchObject({ status: 2 });
  expect(failed!.traceId).not.toBe(TRACE);
  // Deleting the session in `stop` was a request of its own.
  expect(receiver.spans.map(({ name }) => name)).toContain('provider.destroy');
});
