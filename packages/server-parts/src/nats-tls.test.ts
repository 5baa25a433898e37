import { expect, test } from 'vitest';
import { natsTlsOf } from './nats-tls.ts';

const settings = {
  host: '127.0.0.1',
  machinesNatsTlsCert: null,
  machinesNatsTlsKey: null,
  machinesNatsPlain: 'off',
} as const;
const files = { machinesNatsTlsCert: 'cert.pem', machinesNatsTlsKey: 'key.pem' };

test.each(['127.0.0.1', '127.8.9.10', '::1', 'localhost'])('on %s nobody else listens', (host) => {
  expect(natsTlsOf({ ...settings, host })).toBeUndefined();
});

test.each(['0.0.0.0', '::', '192.168.0.7', '::ffff:10.0.0.1', 'boxyard.example', 'localhost.example'])(
  'on %s a server in the clear is refused, unless it was asked for in words',
  (host) => {
    expect(() => natsTlsOf({ ...settings, host })).toThrow(
      expect.objectContaining({
        code: 'configuration',
        message: expect.stringContaining('BOXYARD_MACHINES_NATS_TLS_CERT'),
      }),
    );
    expect(natsTlsOf({ ...settings, host, machinesNatsPlain: 'on' })).toBeUndefined();
    expect(natsTlsOf({ ...settings, host, ...files })).toEqual({ certFile: 'cert.pem', keyFile: 'key.pem' });
  },
);

test.each([
  ['a certificate without its key', { machinesNatsTlsCert: 'cert.pem' }],
  ['a key without its certificate', { machinesNatsTlsKey: 'key.pem' }],
])('%s is refused everywhere', (_, half) => {
  expect(() => natsTlsOf({ ...settings, ...half })).toThrow(/belong together/);
});
