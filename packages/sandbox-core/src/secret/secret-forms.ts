/** What is shorter stands in ordinary text by chance: redacting it would destroy output and hide nothing. */
export const MIN_SECRET_LENGTH = 6;

/** No address holds more than this, and each percent spelling of a long secret costs six times its length. */
const MAX_IN_ADDRESS_LENGTH = 4096;

/** How the `base64` tools of coreutils, openssl and PEM break their lines. */
const BASE64_LINE_LENGTHS = [76, 64];

/** The spellings in which a secret commonly shows up, itself first. Empty for a secret that is too short. */
export function secretForms(secret: string): readonly string[] {
  if (secret.length < MIN_SECRET_LENGTH) return [];
  const forms = [
    secret,
    // A key of several lines is often printed with something before each.
    ...secret.split(/\r?\n/),
    JSON.stringify(secret).slice(1, -1),
    ...(secret.length <= MAX_IN_ADDRESS_LENGTH ? percentForms(secret) : []),
    ...base64Forms(Buffer.from(secret, 'utf8')),
  ];
  return [...new Set(forms)].filter((form) => form.length >= MIN_SECRET_LENGTH);
}

function percentForms(secret: string): string[] {
  // A lone surrogate cannot be encoded and never leaves a process as text either.
  const component = encodeURIComponent(Buffer.from(secret, 'utf8').toString('utf8'));
  const strict = component.replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  const upper = [component, strict].flatMap((form) => [
    form,
    form.replaceAll('%20', '+'),
    form.replaceAll('%2F', '/'),
  ]);
  const lower = upper.map((form) => form.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()));
  return [...upper, ...lower];
}

/** Also of a secret that stands inside what was encoded, as in `user:secret`: at each of three alignments. */
function base64Forms(bytes: Buffer): string[] {
  const whole = bytes.toString('base64');
  const wrapped = BASE64_LINE_LENGTHS.flatMap((length) =>
    whole.length > length ? (whole.match(new RegExp(`.{1,${length}}`, 'g')) ?? []) : [],
  );
  const inner = [0, 1, 2].map((before) => {
    const encoded = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
    // Characters that also hold bits of a neighbour are unknown: one or two at each end, and the padding.
    const start = Math.ceil((before * 8) / 6);
    const end = Math.floor(((before + bytes.length) * 8) / 6);
    return encoded.slice(start, end);
  });
  return [whole, ...wrapped, ...inner].flatMap((form) => [
    form,
    form.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, ''),
  ]);
}
