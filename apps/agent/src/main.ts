#!/usr/bin/env node
import { keepYoungGenerationSmall } from './young-generation.ts';

// First, because the young generation grows while everything else is loaded.
keepYoungGenerationSmall();
await import('./command-line.ts');
