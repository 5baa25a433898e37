import type { Provider } from '@boxyard/sandbox-core';

/** A provider under test with what its maker can do from outside. */
export interface ProviderSubject {
  readonly provider: Provider;
  /** Another instance over the same account or folder, as a new process would have it. */
  readonly again: () => Provider;
  /** Destroys a box behind the provider's back, so that it is proven absent. */
  readonly lose: (instance: string) => Promise<void>;
  /** Errors of this provider or its vendor, and whether each proves that the box is absent. */
  readonly goneTable?: readonly { readonly what: string; readonly error: unknown; readonly gone: boolean }[];
  /** Ends everything that making the subject began, also boxes that are still there. */
  readonly dispose?: () => Promise<void>;
}

export interface ProviderCaseContext {
  readonly subject: ProviderSubject;
  readonly provider: Provider;
  readonly waitMs: number;
  unique(hint: string): string;
  defer(end: () => Promise<unknown>): void;
}

export interface ProviderCase {
  readonly id: string;
  readonly title: string;
  readonly sdk?: readonly number[];
  /** When the provider says that it lacks this, the case only checks that it says so with a reason. */
  readonly needs?: 'parking' | 'listing';
  run(context: ProviderCaseContext): Promise<void>;
}
