import type { WorkspacePackage } from './workspace-package.ts';

/** One thing that every package keeps. */
export interface Rule {
  readonly name: string;
  /** What would break without it. */
  readonly why: string;
  /** What is wrong, each as a sentence that says what to do; empty when all is well. */
  check(pkg: WorkspacePackage): readonly string[];
}

export interface Violation {
  readonly rule: string;
  readonly message: string;
}

export function checkPackage(pkg: WorkspacePackage, rules: readonly Rule[]): readonly Violation[] {
  return rules.flatMap((rule) => rule.check(pkg).map((message) => ({ rule: rule.name, message })));
}
