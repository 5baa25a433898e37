// Writes the generated part of the client anew from the document of a server that it starts.
import { mkdir, writeFile } from 'node:fs/promises';
import { generatedFiles } from './generated-files.ts';
import { parseDocument, readServedDocument } from './served-document.ts';

for (const { path, file, text } of await generatedFiles(parseDocument(await readServedDocument()))) {
  await mkdir(new URL('.', file), { recursive: true });
  await writeFile(file, text);
  console.log(`wrote ${path}`);
}
