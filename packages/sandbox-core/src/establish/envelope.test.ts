import { expect, test } from 'vitest';
import { boxOfEnvelope, envelopeOfBox } from './envelope.ts';

const docker = { name: 'docker', descriptor: { backendId: 'docker' } };
const ref = { provider: 'docker', instance: 'c1', resume: { network: 'n' } };

test('a box comes back from its envelope as it was written, through JSON', () => {
  const envelope = JSON.parse(JSON.stringify(envelopeOfBox(ref, 'docker', true)));
  expect(envelope.sessionState.providerState).toEqual({ network: 'n', instanceId: 'c1' });
  expect(boxOfEnvelope(envelope, docker)).toEqual({ ref, workspaceReady: true });
});

test('another backend and an envelope without identity name no box', () => {
  const envelope = envelopeOfBox(ref, 'docker', true);
  expect(boxOfEnvelope(envelope, { name: 'modal', descriptor: { backendId: 'modal' } })).toBeNull();
  expect(boxOfEnvelope(null, docker)).toBeNull();
  const nameless = { backendId: 'docker', sessionState: { providerState: {}, workspaceReady: false } };
  expect(boxOfEnvelope(nameless, docker)).toBeNull();
});

test.each([
  { backendId: 'docker' },
  { backendId: 'docker', sessionState: { providerState: { instanceId: 7 }, workspaceReady: true } },
  'text',
])('an envelope that cannot be understood is a configuration error and makes no rival', (envelope) => {
  expect(() => boxOfEnvelope(envelope, docker)).toThrow(expect.objectContaining({ code: 'configuration' }));
});
