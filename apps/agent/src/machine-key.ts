// The machine's ed25519 key pair, as the nkey of a NATS user. It never leaves this machine.
import { createUser, fromSeed, type KeyPair } from '@nats-io/nkeys';
import { createPrivately, readIfThere } from './config-folder.ts';
import { PlainError } from './plain-error.ts';

/** Null when there is none yet. */
export async function readMachineKey(file: string): Promise<KeyPair | null> {
  const text = await readIfThere(file);
  if (text === null) return null;
  try {
    return fromSeed(new TextEncoder().encode(text.trim()));
  } catch (cause) {
    throw new PlainError(`The key in ${file} is damaged. Run boxyard-agent logout and enroll again.`, {
      cause,
    });
  }
}

/** Drawn once; two that start at the same time agree on one. */
export async function ensureMachineKey(file: string): Promise<KeyPair> {
  const present = await readMachineKey(file);
  if (present !== null) return present;
  await createPrivately(file, `${new TextDecoder().decode(createUser().getSeed())}\n`);
  const key = await readMachineKey(file);
  if (key === null) throw new PlainError(`The key in ${file} vanished while it was made. Try again.`);
  return key;
}

/** Of the characters, in base64url, as the server checks it. */
export const signText = (key: KeyPair, text: string): string =>
  Buffer.from(key.sign(new TextEncoder().encode(text))).toString('base64url');
