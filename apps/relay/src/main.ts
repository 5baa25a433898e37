#!/usr/bin/env node
// `boxyard-relay` runs the relay, `boxyard-relay secret` prints what it checks tokens with.
import { loadSettings, SettingsError } from '@boxyard/config';
import { relaySecret } from '@boxyard/streaming/relay';
import { pino } from 'pino';
import { startRelay } from './start-relay.ts';

const USAGE = 'Usage: boxyard-relay [secret]';

try {
  const settings = loadSettings(process.env);
  const [command, ...rest] = process.argv.slice(2);
  if (rest.length > 0 || (command !== undefined && command !== 'secret')) throw new TypeError(USAGE);
  if (command === 'secret') {
    if (settings.secretKey === null)
      throw new TypeError('BOXYARD_SECRET_KEY is missing: run it where that is set.');
    process.stdout.write(`${relaySecret(settings.secretKey)}\n`);
  } else {
    const log = pino({ level: settings.logLevel });
    const running = await startRelay(settings, (notice) => {
      if (notice.kind === 'refused') log.warn(notice, 'refused');
      else log.debug(notice, notice.kind);
    });
    log.info({ url: running.url }, 'ready');
    const stop = () => {
      log.info('stopping');
      // What still hangs on after everybody was told ends with the process.
      void running.stop().then(() => process.exit(0));
    };
    process.once('SIGTERM', stop);
    process.once('SIGINT', stop);
  }
} catch (error) {
  const plain = error instanceof SettingsError || error instanceof TypeError || isListenError(error);
  process.stderr.write(`boxyard-relay: ${plain ? error.message : ((error as Error).stack ?? error)}\n`);
  process.exitCode = 1;
}

function isListenError(error: unknown): error is Error {
  return error instanceof Error && 'syscall' in error && error.syscall === 'listen';
}
