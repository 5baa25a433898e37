import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { problemAffectsResolutionKind } from '@arethetypeswrong/core/problems';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import type { PackedPackage } from './packed-package.ts';

/** What `publint --strict` says about the tarball: suggestions too, they are how users trip later. */
export async function publintProblems({ tarball }: PackedPackage): Promise<readonly string[]> {
  const { messages, pkg } = await publint({ pack: { tarball: tarball.buffer }, strict: true });
  return messages.map((message) => formatMessage(message, pkg, { color: false }) ?? message.code);
}

// The esm-only profile: Node ≥ 22 loads ES modules from either kind, so these two ways are not promised.
const PROMISED_RESOLUTIONS = ['node16-esm', 'bundler'] as const;

/** What `attw --profile esm-only` says about the tarball. */
export async function typeProblems({ name, tarball }: PackedPackage): Promise<readonly string[]> {
  const analysis = await checkPackage(createPackageFromTarballData(tarball));
  if (analysis.types === false) return [`${name} has no types.`];
  return analysis.problems
    .filter((problem) =>
      PROMISED_RESOLUTIONS.some((kind) => problemAffectsResolutionKind(problem, kind, analysis)),
    )
    .map((problem) => JSON.stringify(problem));
}
