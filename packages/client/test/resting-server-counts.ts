/** Places in the memory that the thread of a resting server shares with its client. */
export const CLOSED = 0;
export const WHOLE = 1;
