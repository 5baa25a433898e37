// Loaded with --import: writes down every module that the process loads, and what it asked for in vain.
import { appendFileSync } from 'node:fs';
import { registerHooks } from 'node:module';

const file = process.env.BOXYARD_MODULE_GRAPH_FILE;
if (file === undefined)
  throw new Error('No module graph is kept: set BOXYARD_MODULE_GRAPH_FILE to a file name.');

registerHooks({
  resolve(specifier, context, nextResolve) {
    appendFileSync(file, `asked ${specifier}\n`);
    return nextResolve(specifier, context);
  },
  load(url, context, nextLoad) {
    appendFileSync(file, `loaded ${url}\n`);
    return nextLoad(url, context);
  },
});
