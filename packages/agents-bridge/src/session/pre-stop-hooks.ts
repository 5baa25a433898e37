import type { SandboxPreStopHook } from '@openai/agents-core/sandbox';

/** Hooks that run once each, in order, before a session is let go. Without these the SDK replaces our methods. */
export class PreStopHooks {
  readonly #waiting = new Set<{ readonly hook: SandboxPreStopHook }>();

  register(hook: SandboxPreStopHook): () => void {
    const entry = { hook };
    this.#waiting.add(entry);
    return () => void this.#waiting.delete(entry);
  }

  /** All of them run, also after one has failed; the first failure is thrown. */
  async run(): Promise<void> {
    const failures: unknown[] = [];
    for (const entry of this.#waiting) {
      this.#waiting.delete(entry);
      try {
        await entry.hook();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}
