const EAGER_ATTEMPTS = 20;
const EAGER_MS = 3000;
const PATIENT_MS = 10_000;

/** Full jitter: anything up to 3 s for the first 20 attempts, then up to 10 s, so that no two diallers march in step. */
export function reconnectDelayMs(attempt: number, random: () => number = Math.random): number {
  return Math.floor(random() * (attempt < EAGER_ATTEMPTS ? EAGER_MS : PATIENT_MS));
}
