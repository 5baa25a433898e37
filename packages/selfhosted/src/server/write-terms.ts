import type { WriteTerms } from '@boxyard/agent-proto/messages';
import type { WriteOptions } from '@boxyard/sandbox-core';

/** The mode and the terms of a write, as files take them. What is empty on the wire was not asked for. */
export function termsOf(mode: number, terms: WriteTerms | undefined): WriteOptions {
  const { ifAbsent = false, ifVersion = '', expectedSha256 = '' } = terms ?? {};
  return {
    ...(mode === 0 ? {} : { mode }),
    ...(ifAbsent ? { ifAbsent } : {}),
    ...(ifVersion === '' ? {} : { ifVersion }),
    ...(expectedSha256 === '' ? {} : { expectedSha256 }),
  };
}
