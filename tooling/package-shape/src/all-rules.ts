import { IMPORT_RULES } from './import-rules.ts';
import { MANIFEST_RULES } from './manifest-rules.ts';
import type { Rule } from './rule.ts';
import { SOURCE_RULES } from './source-rules.ts';

export const ALL_RULES: readonly Rule[] = [...MANIFEST_RULES, ...SOURCE_RULES, ...IMPORT_RULES];
