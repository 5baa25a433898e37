// Values that must be stored but never shown, such as a session's environment: AES-256-GCM, bound to their place.
import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { SandboxError } from '../sandbox-error.ts';
import { deriveKey } from './derived-key.ts';

const VERSION = 'v1';
const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

export interface Sealer {
  /** Text without secrets in it: `v1.<key id>.<base64url>`. `context` says where it belongs and is not stored. */
  seal(plain: string, context: string): string;
  /** @throws SandboxError `configuration` when the key or the context is another one, or the text was changed. */
  unseal(sealed: string, context: string): string;
}

interface SealingKey {
  readonly id: string;
  readonly bytes: Buffer;
}

/**
 * Seals with the first secret and opens with any, so that a secret can be replaced while old values remain.
 *
 * @param secrets Each at least 32 characters; the present one first.
 */
export function createSealer(secrets: readonly [present: string, ...former: string[]]): Sealer {
  const keys = secrets.map(sealingKey);
  const present = keys[0]!;
  return {
    seal(plain, context) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(CIPHER, present.bytes, nonce, { authTagLength: TAG_BYTES });
      cipher.setAAD(associatedData(present.id, context));
      const body = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]);
      const packed = Buffer.concat([nonce, body, cipher.getAuthTag()]);
      return `${VERSION}.${present.id}.${packed.toString('base64url')}`;
    },

    unseal(sealed, context) {
      const [version, keyId, packedText, ...rest] = sealed.split('.');
      const packed = Buffer.from(packedText ?? '', 'base64url');
      if (version !== VERSION || rest.length > 0 || packed.length < NONCE_BYTES + TAG_BYTES) {
        throw refused('it is no sealed value');
      }
      const key = keys.find(({ id }) => id === keyId);
      if (key === undefined) throw refused('it was sealed with another secret key');
      const decipher = createDecipheriv(CIPHER, key.bytes, packed.subarray(0, NONCE_BYTES), {
        authTagLength: TAG_BYTES,
      });
      decipher.setAAD(associatedData(key.id, context));
      decipher.setAuthTag(packed.subarray(-TAG_BYTES));
      const body = packed.subarray(NONCE_BYTES, -TAG_BYTES);
      try {
        return Buffer.concat([decipher.update(body), decipher.final()]).toString('utf8');
      } catch (cause) {
        throw refused('it was changed or belongs elsewhere', cause);
      }
    },
  };
}

function sealingKey(secret: string): SealingKey {
  const bytes = deriveKey(secret, 'seal');
  const id = createHash('sha256').update('boxyard key id').update(bytes).digest('hex').slice(0, 12);
  return { id, bytes };
}

const associatedData = (keyId: string, context: string): Buffer =>
  Buffer.from(`${VERSION}.${keyId}.${context}`, 'utf8');

const refused = (why: string, cause?: unknown): SandboxError =>
  new SandboxError(
    'configuration',
    `A stored secret could not be opened because ${why}: give the secret key that sealed it, or set the value anew.`,
    { stage: 'unseal', started: 'no', cause },
  );
