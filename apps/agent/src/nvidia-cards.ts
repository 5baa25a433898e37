// Graphics cards as NVIDIA's own program tells them. Its driver may hang for minutes, also in a way that no signal ends,
// and the other numbers of the machine must not wait for it.
import { execFile } from 'node:child_process';
import { type GpuSample, GpuSampleSchema } from '@boxyard/agent-proto/messages';
import { create } from '@bufbuild/protobuf';

const MIB = 1024 * 1024;
const QUERY = [
  '--query-gpu=name,utilization.gpu,memory.used,memory.total',
  '--format=csv,noheader,nounits',
] as const;

export interface NvidiaCardsOptions {
  /** How long one answer may take, in ms. 3 000 when absent. */
  readonly timeoutMs?: number | undefined;
  /** A program that is missing or of no use is not asked again for so long, in ms. 10 min when absent. */
  readonly retryMs?: number | undefined;
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}

export class NvidiaCards {
  readonly #timeoutMs: number;
  readonly #retryMs: number;
  readonly #env: Readonly<Record<string, string | undefined>>;
  #notBeforeMs = 0;
  #asking: Promise<GpuSample[]> | null = null;
  /** Began and has not ended, though it was killed: another one would hang beside it. */
  #hanging = false;

  constructor({ timeoutMs = 3000, retryMs = 10 * 60_000, env = process.env }: NvidiaCardsOptions = {}) {
    this.#timeoutMs = timeoutMs;
    this.#retryMs = retryMs;
    this.#env = env;
  }

  /** None where there are none, or where what tells of them is missing, hangs or speaks nonsense. */
  sample(): Promise<GpuSample[]> {
    if (this.#asking !== null) return this.#asking;
    if (this.#hanging || performance.now() < this.#notBeforeMs) return Promise.resolve([]);
    this.#asking = this.#cards().finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  }

  async #cards(): Promise<GpuSample[]> {
    const told = await this.#ask();
    const cards = told === null ? null : parseCards(told);
    if (cards === null) this.#notBeforeMs = performance.now() + this.#retryMs;
    return cards ?? [];
  }

  /** Null when it fails, or does not answer in time. */
  #ask(): Promise<string | null> {
    return new Promise((resolve) => {
      this.#hanging = true;
      const over = () => {
        this.#hanging = false;
      };
      const late = setTimeout(() => {
        child.kill('SIGKILL');
        // What it has begun may hold them for longer.
        child.stdout?.destroy();
        child.stderr?.destroy();
        resolve(null);
      }, this.#timeoutMs);
      const child = execFile('nvidia-smi', QUERY, { env: { ...this.#env } }, (error, stdout) => {
        clearTimeout(late);
        resolve(error === null ? stdout : null);
      });
      child.once('exit', over).once('error', over);
    });
  }
}

/** Lines of `name, percent, MiB used, MiB in all`, of which a card may leave numbers out; null for anything else. */
export function parseCards(text: string): GpuSample[] | null {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const cards = lines.map(parseCard);
  return cards.every((card) => card !== null) ? cards : null;
}

function parseCard(line: string): GpuSample | null {
  const fields = /^(.+), ([^,]+), ([^,]+), ([^,]+)$/.exec(line.trim());
  const [percent, used, total] = (fields?.slice(2) ?? []).map(numberOf);
  if (fields === null || percent == null || used == null || total == null) return null;
  return create(GpuSampleSchema, {
    name: fields[1] ?? '',
    utilPercent: percent,
    memUsedBytes: BigInt(Math.round(used * MIB)),
    memTotalBytes: BigInt(Math.round(total * MIB)),
  });
}

/** 0 for what a card does not tell, `[N/A]` or `[Not Supported]`; null for no number. */
function numberOf(text: string): number | null {
  if (/^\[.+\]$/.test(text)) return 0;
  return /^\d+(\.\d+)?$/.test(text) ? Number(text) : null;
}
