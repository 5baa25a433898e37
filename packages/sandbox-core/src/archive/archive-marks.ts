// What tells an archive of ours from any other tar. Marks are `comment` records of a member's extended header,
// which every reader of tar skips without a word.

/** On the first member: a manifest must follow, so an archive that was cut between two members is recognised. */
export const ARCHIVE_MARK = 'boxyard-archive 1';
/** On the last member. By its mark and not by its name, which a file of the workspace may have as well. */
export const MANIFEST_MARK = 'boxyard-manifest 1';
/** On a file that follows itself: it changed while it was read, so it was read once more. */
export const AGAIN_MARK = 'boxyard-again 1';

export const MANIFEST_NAME = '.boxyard-manifest.json';
