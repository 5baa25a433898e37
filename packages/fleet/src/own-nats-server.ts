import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type NatsOperator, natsTrustConfig, type Revocations } from './nats-operator.ts';
import { endSurvivor, type NatsServerProcess, natsFiles, startNatsProcess } from './nats-server-process.ts';
import { type NatsTlsFiles, type OwnServerTls, ownServerTls } from './own-server-tls.ts';
import { tellRevocations } from './tell-revocations.ts';

const FIRST_RETRY_MS = 100;
const MAX_RETRY_MS = 5_000;
/** A machine on a slow line needs longer than the two seconds that a nats-server gives by itself. */
const TLS_TIMEOUT_S = 10;
/** NATS moves the log aside at this size, and keeps one old one. */
const LOG_BYTES = 8 * 1024 * 1024;

export interface OwnNatsServerOptions {
  /** For its configuration, log and pid; of mode 0700, and of this control plane alone. */
  readonly folder: string;
  readonly operator: NatsOperator;
  /** Where it listens: a name or address. */
  readonly host: string;
  /** 0: any free one, and the same again at the next start. */
  readonly port: number;
  /** Files in PEM. Machines then dial it by a name of the certificate, and nobody without TLS. */
  readonly tls?: NatsTlsFiles | undefined;
  readonly revocations?: Revocations;
  /** It ended by itself, or could not be started again at once. */
  readonly onTrouble: (error: unknown) => void;
  /** Found on the PATH. Default `nats-server`. */
  readonly program?: string;
}

/**
 * The nats-server of one control plane. It is started again whenever it dies, ends with its control plane, and takes
 * the place of one that a killed control plane left: there are never two.
 */
export class OwnNatsServer implements AsyncDisposable {
  readonly #options: OwnNatsServerOptions;
  readonly #closing = new AbortController();
  /** How this host dials it; absent where it speaks in the clear. */
  readonly tls: OwnServerTls | undefined;
  #revocations: Revocations;
  #process: NatsServerProcess;
  #watching: Promise<void>;

  /** @throws SandboxError `configuration` when it cannot be started. */
  static async start(options: OwnNatsServerOptions): Promise<OwnNatsServer> {
    const { folder } = options;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await endSurvivor(folder);
    const revocations = options.revocations ?? {};
    const tls = options.tls === undefined ? undefined : await ownServerTls(options.tls);
    return new OwnNatsServer(options, await launch(options, revocations), revocations, tls);
  }

  private constructor(
    options: OwnNatsServerOptions,
    process: NatsServerProcess,
    revocations: Revocations,
    tls: OwnServerTls | undefined,
  ) {
    this.#options = options;
    this.tls = tls;
    this.#process = process;
    this.#revocations = revocations;
    this.#watching = this.#watch();
  }

  /** The same for its whole life. */
  get port(): number {
    return this.#process.port;
  }

  /** Where this host dials it. */
  get url(): string {
    return `nats://${reachable(this.#options.host)}:${this.port}`;
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** Cuts who is connected with a revoked key, and lets nobody in with what was signed up to then. */
  async revoke(revocations: Revocations): Promise<void> {
    this.#revocations = revocations;
    await writeConfig(this.#options, this.port, revocations);
    // One that is being started reads it from the file.
    await tellRevocations({ url: this.url, tls: this.tls }, this.#options.operator, revocations);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#process.stop();
    await this.#watching;
  }

  async #watch(): Promise<void> {
    const { signal } = this.#closing;
    for (;;) {
      await this.#process.exited;
      if (signal.aborted) return;
      this.#options.onTrouble(
        new Error('The NATS server of the machines ended by itself. It is started again.'),
      );
      const started = await this.#startAgain(signal);
      if (started === null) return;
      this.#process = started;
      // Closed while it was starting: then nobody else ends it.
      if (signal.aborted) return started.stop();
    }
  }

  /** As long as it takes; null when the control plane ends. */
  async #startAgain(signal: AbortSignal): Promise<NatsServerProcess | null> {
    const { port } = this.#process;
    for (let retryMs = FIRST_RETRY_MS; !signal.aborted; retryMs = Math.min(MAX_RETRY_MS, retryMs * 2)) {
      try {
        return await launch({ ...this.#options, port }, this.#revocations);
      } catch (error) {
        this.#options.onTrouble(error);
        await delay(retryMs, undefined, { signal }).catch(() => {});
      }
    }
    return null;
  }
}

async function launch(options: OwnNatsServerOptions, revocations: Revocations): Promise<NatsServerProcess> {
  const { folder, port, program = 'nats-server' } = options;
  const portFile = join(folder, 'port');
  const kept = port === 0 ? Number(await readFile(portFile, 'utf8').catch(() => '0')) : port;
  const start = async (chosen: number) => {
    await writeConfig(options, chosen === 0 ? -1 : chosen, revocations);
    return startNatsProcess(folder, program);
  };
  // Machines were told the port of the last time. Only somebody else on it makes it another one.
  const started = await start(kept).catch((error: unknown) => {
    if (port !== 0 || kept === 0) throw error;
    return start(0);
  });
  await writeFile(portFile, String(started.port), { mode: 0o600 });
  // A survivor of this process, and whoever reads the file, finds the port that it has.
  await writeConfig(options, started.port, revocations);
  return started;
}

async function writeConfig(
  options: OwnNatsServerOptions,
  port: number,
  revocations: Revocations,
): Promise<void> {
  const { folder, host, operator, tls } = options;
  const files = natsFiles(folder);
  const lines = [
    `listen: ${JSON.stringify(`${bracketed(host)}:${port}`)}`,
    'server_name: boxyard',
    `pid_file: ${JSON.stringify(files.pid)}`,
    `ports_file_dir: ${JSON.stringify(folder)}`,
    `log_file: ${JSON.stringify(files.log)}`,
    `logfile_size_limit: ${LOG_BYTES}`,
    ...(tls === undefined ? [] : [tlsConfig(tls)]),
    await natsTrustConfig(operator, revocations),
  ];
  await writeFile(files.config, lines.join('\n'), { mode: 0o600 });
}

const tlsConfig = ({ certFile, keyFile }: NatsTlsFiles): string =>
  `tls { cert_file: ${JSON.stringify(resolve(certFile))}, key_file: ${JSON.stringify(resolve(keyFile))}, timeout: ${TLS_TIMEOUT_S} }`;

const bracketed = (host: string): string => (host.includes(':') ? `[${host}]` : host);

/** What listens on every address is reached on loopback. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '[::1]' : bracketed(host);
}
