import { expect, test } from 'vitest';
import { foreignNatsTlsOf, natsTlsOf } from './nats-tls.ts';

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

const foreign = { machinesNatsPublicUrls: null, machinesNatsPlain: 'off' } as const;

test.each(['nats://127.0.0.1:4222', 'ws://localhost:8080', 'nats://[::1]:4222'])(
  'a NATS of the user at %s is dialled in the clear',
  (url) => {
    expect(foreignNatsTlsOf(url, foreign)).toBeUndefined();
  },
);

test.each(['tls://nats.example:4222', 'wss://nats.example', 'tls://10.0.0.7'])(
  'a NATS of the user at %s is dialled with TLS, whatever it says itself',
  (url) => {
    expect(foreignNatsTlsOf(url, foreign)).toEqual({});
  },
);

test.each([
  'nats://nats.example:4222',
  'nats://ada:secret@10.0.0.7',
  'ws://nats.example',
  'nats://[fd00::7]',
])('a NATS of the user at %s is refused in the clear, unless it was asked for in words', (url) => {
  const refused = () => foreignNatsTlsOf(url, foreign);
  expect(refused).toThrow(expect.objectContaining({ code: 'configuration' }));
  expect(refused).toThrow(/^BOXYARD_MACHINES_NATS_URL .*tls:\/\/.*BOXYARD_MACHINES_NATS_PLAIN=on/);
  // What it signs in with is told to nobody.
  expect(refused).toThrow(/^(?!.*secret)/);
  expect(foreignNatsTlsOf(url, { ...foreign, machinesNatsPlain: 'on' })).toBeUndefined();
});

test.each(['nats://nats.example:4222', 'nats.example:4222', 'nats.example'])(
  'machines are not sent to %s in the clear',
  (address) => {
    const settings = { ...foreign, machinesNatsPublicUrls: ['tls://nats.example', address] };
    expect(() => foreignNatsTlsOf('tls://nats.example', settings)).toThrow(
      /BOXYARD_MACHINES_NATS_PUBLIC_URLS/,
    );
    expect(foreignNatsTlsOf('tls://nats.example', { ...settings, machinesNatsPlain: 'on' })).toEqual({});
  },
);
