import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface Exchange {
  readonly operationId: string | null;
  readonly status: number;
  readonly violations: readonly string[];
}

export interface ValidatingProxy {
  readonly url: string;
  /** Every exchange that has ended so far. */
  readonly exchanges: readonly Exchange[];
  /** Ends it; afterwards `exchanges` has all. */
  readonly stop: () => Promise<void>;
}

/** `documentFile`: another document than the one that the server serves. */
export async function startValidatingProxy(
  serverUrl: string,
  documentFile?: string,
): Promise<ValidatingProxy> {
  const program = fileURLToPath(new URL('./validating-proxy.ts', import.meta.url));
  const child = spawn(
    process.execPath,
    [program, serverUrl, ...(documentFile === undefined ? [] : [documentFile])],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const exchanges: Exchange[] = [];
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    const told = JSON.parse(line) as Exchange | { readonly url: string };
    if ('url' in told) resolve(told.url);
    else exchanges.push(told);
  });
  child.once('exit', (code) => reject(new Error(`The proxy ended with ${code} before it was ready.`)));
  return {
    url: await promise,
    exchanges,
    stop: async () => {
      child.stdin.end();
      await ended;
    },
  };
}
