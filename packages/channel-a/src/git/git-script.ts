/**
 * What runs in the box for each git question: one shell script, so that one exec answers it. A repository is
 * hostile input: its config may name programs (filters, monitors, hooks, external diffs) and folders elsewhere.
 * Everything that varies arrives as a positional parameter and never becomes script text.
 */

/** Exit codes of our own, apart from those of git (1, 128, 129) and of the shell (126 and above). */
export const GIT_EXIT = {
  notARepository: 90,
  unknownRevision: 91,
  leavesWorkspace: 92,
  unsupportedGit: 94,
  unknownFile: 95,
} as const;

/** Wins over what the repository's config says, whatever it says. */
const SAFE_CONFIG: readonly (readonly [string, string])[] = [
  ['core.fsmonitor', 'false'],
  ['core.hooksPath', '/dev/null'],
  ['core.pager', 'cat'],
  ['core.sshCommand', 'false'],
  ['core.quotePath', 'false'],
  // Above it git compares nothing and holds nothing in memory: the file counts as binary.
  ['core.bigFileThreshold', '32m'],
  ['diff.external', ''],
  ['diff.suppressBlankEmpty', 'false'],
  ['diff.submodule', 'short'],
  ['gpg.program', 'false'],
  ['log.showSignature', 'false'],
  ['credential.helper', ''],
  ['status.submoduleSummary', 'false'],
  ['submodule.recurse', 'false'],
  // The box's user and the owner of an uploaded repository differ; what this guards against is off above.
  ['safe.directory', '*'],
  ['safe.bareRepository', 'explicit'],
];

/** The variables that every run gets. `ceiling` is the folder above the workspace: git looks no further up. */
export function gitEnvironment(ceiling: string): Readonly<Record<string, string>> {
  const config: Record<string, string> = { GIT_CONFIG_COUNT: String(SAFE_CONFIG.length) };
  for (const [index, [key, value]] of SAFE_CONFIG.entries()) {
    config[`GIT_CONFIG_KEY_${index}`] = key;
    config[`GIT_CONFIG_VALUE_${index}`] = value;
  }
  return {
    ...config,
    GIT_CONFIG_NOSYSTEM: '1',
    // A workspace may be its user's HOME, so the user's config is as little to be trusted as the repository's.
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_CEILING_DIRECTORIES: ceiling,
    GIT_OPTIONAL_LOCKS: '0',
    GIT_TERMINAL_PROMPT: '0',
    GIT_PAGER: 'cat',
    // A partial clone would fetch what is missing, through helpers that its config names.
    GIT_NO_LAZY_FETCH: '1',
    GIT_ALLOW_PROTOCOL: 'none',
    GIT_SSH_COMMAND: 'false',
    GIT_ASKPASS: 'false',
    LC_ALL: 'C',
    XDG_CONFIG_HOME: '/dev/null',
  };
}

/**
 * Refuses a repository that leads out of the workspace (`core.worktree`, a `gitdir:` file, `commondir`,
 * alternates), and turns off every filter driver by name, because git has no switch for all of them.
 * Parameter 1 is the workspace's root.
 */
const PRELUDE = `
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_COMMON_DIR \
GIT_NAMESPACE GIT_EXTERNAL_DIFF GIT_DIFF_OPTS GIT_CONFIG GIT_CONFIG_PARAMETERS GIT_LITERAL_PATHSPECS \
GIT_GLOB_PATHSPECS GIT_NOGLOB_PATHSPECS GIT_ICASE_PATHSPECS GIT_REPLACE_REF_BASE GIT_SHALLOW_FILE GIT_EXEC_PATH \
GIT_TRACE GIT_TRACE2 GIT_TRACE2_EVENT GIT_TRACE2_PERF GIT_ATTR_SOURCE GIT_DEFAULT_HASH GIT_DISCOVERY_ACROSS_FILESYSTEM
root=$(cd -- "$1" && pwd -P) || exit ${GIT_EXIT.leavesWorkspace}
shift
case $root in /) inside=/ ;; *) inside=$root/ ;; esac
command -v git >/dev/null 2>&1 || { echo 'there is no git in this box' >&2; exit ${GIT_EXIT.unsupportedGit}; }
check_inside() {
  case $1/ in
    "$inside"*) ;;
    *) echo 'the repository leads out of the workspace' >&2; exit ${GIT_EXIT.leavesWorkspace} ;;
  esac
}
places=$(git rev-parse --path-format=absolute --show-toplevel --git-dir --git-common-dir --git-path objects) \
  || exit ${GIT_EXIT.notARepository}
case $places in
  --path-format*) echo 'git in this box is older than 2.31' >&2; exit ${GIT_EXIT.unsupportedGit} ;;
esac
while IFS= read -r place; do check_inside "$place"; objects=$place; done <<PLACES
$places
PLACES
# Objects may be borrowed from other repositories, and those may borrow in turn.
borrowed() {
  [ -e "$1/info/alternates" ] || return 0
  [ "$2" -lt 6 ] || { echo 'objects are borrowed over too many repositories' >&2; exit ${GIT_EXIT.leavesWorkspace}; }
  while IFS= read -r lender || [ -n "$lender" ]; do
    case $lender in
      ''|'#'*) continue ;;
      '"'*) echo 'a borrowed repository has a quoted name' >&2; exit ${GIT_EXIT.leavesWorkspace} ;;
      /*) ;;
      *) lender=$1/$lender ;;
    esac
    # What is not there lends nothing.
    lender=$(cd -- "$lender" 2>/dev/null && pwd -P) || continue
    check_inside "$lender"
    ( borrowed "$lender" $(($2 + 1)) ) || exit
  done < "$1/info/alternates"
}
borrowed "$objects" 0
`;

/** Git has no switch that turns all filter drivers off; an empty command under the same name does it for one. */
const NO_FILTERS = `
count=$GIT_CONFIG_COUNT
while IFS= read -r key; do
  [ -n "$key" ] || continue
  export "GIT_CONFIG_KEY_$count=$key" "GIT_CONFIG_VALUE_$count="
  count=$((count + 1))
done <<KEYS
$(git config --name-only --get-regexp '^filter\\..*\\.(clean|smudge|process|required)$')
KEYS
GIT_CONFIG_COUNT=$count
`;

/** Sets `$sha` to the object that a revision names, or ends. */
const RESOLVE = `
resolve() {
  sha=$(git rev-parse --verify --quiet --end-of-options "$1^{$2}" 2>/dev/null)
  case $sha in ''|*[!0-9a-f]*) echo "there is no revision $1" >&2; exit ${GIT_EXIT.unknownRevision} ;; esac
}
`;

const DIFF_OPTIONS = [
  '--no-ext-diff --no-textconv --no-color --no-relative --ignore-submodules=dirty --submodule=short',
  '--find-renames --inter-hunk-context=0 --src-prefix=a/ --dst-prefix=b/ -O/dev/null',
  '--raw --numstat --patch -z',
].join(' ');

export const STATUS_SCRIPT = `${PRELUDE}${NO_FILTERS}
exec git --no-pager status --porcelain=v2 -z --branch --ahead-behind --untracked-files=all \
  --ignore-submodules=dirty --find-renames
`;

/** Parameters: root, context lines, `worktree` | `staged` | `refs`, from, to, then pathspecs. */
export const DIFF_SCRIPT = `${PRELUDE}${NO_FILTERS}${RESOLVE}
context=$1 mode=$2 from=$3 to=$4
shift 4
case $mode in
  # Where a merge left a conflict, our side is compared: git's combined form has no two line numbers.
  worktree) exec git --no-pager diff ${DIFF_OPTIONS} "-U$context" --ours -- "$@" ;;
  staged) exec git --no-pager diff ${DIFF_OPTIONS} "-U$context" --cached -- "$@" ;;
esac
resolve "$from" tree; from=$sha
[ -n "$to" ] || exec git --no-pager diff ${DIFF_OPTIONS} "-U$context" --end-of-options "$from" -- "$@"
resolve "$to" tree
exec git --no-pager diff ${DIFF_OPTIONS} "-U$context" --end-of-options "$from" "$sha" -- "$@"
`;

// One field a line would break in names and subjects; NUL cannot stand in any of them.
const COMMIT_FORMAT = '%H%x00%h%x00%P%x00%an%x00%ae%x00%at%x00%cn%x00%ce%x00%ct%x00%s%x00%b%x00%D';
const LOG_OPTIONS = `--no-show-signature --no-mailmap --no-color --decorate=short --encoding=UTF-8 --no-notes`;

/** Parameters: root, revision, how many, how many to skip, then pathspecs. A branch without a commit is empty. */
export const LOG_SCRIPT = `${PRELUDE}${RESOLVE}
if [ "$1" = HEAD ] && ! git rev-parse --verify --quiet HEAD >/dev/null 2>&1 && git symbolic-ref -q HEAD >/dev/null
then exit 0; fi
resolve "$1" commit
count=$2 skip=$3
shift 3
exec git --no-pager log -z --no-patch ${LOG_OPTIONS} "--format=${COMMIT_FORMAT}" "--max-count=$count" "--skip=$skip" \
  --end-of-options "$sha" -- "$@"
`;

/** Parameters: root, revision. The fields of the commit, then its changes against its first parent. */
export const SHOW_COMMIT_SCRIPT = `${PRELUDE}${RESOLVE}
resolve "$1" commit; commit=$sha
git --no-pager log -z --no-patch ${LOG_OPTIONS} "--format=${COMMIT_FORMAT}" --max-count=1 --end-of-options "$commit" -- || exit
parent=$(git rev-parse --verify --quiet --end-of-options "$commit^1^{tree}" 2>/dev/null)
[ -n "$parent" ] || parent=$(git hash-object -t tree /dev/null) || exit
exec git --no-pager diff ${DIFF_OPTIONS} -U3 --end-of-options "$parent" "$commit" --
`;

/** Parameters: root, revision, path of the file, how many bytes. The size, a line end, then the content. */
export const SHOW_FILE_SCRIPT = `${PRELUDE}${RESOLVE}
resolve "$1" tree
blob=$(git rev-parse --verify --quiet --end-of-options "$sha:$2" 2>/dev/null)
[ "$(git cat-file -t "$blob" 2>/dev/null)" = blob ] || { echo 'no such file there' >&2; exit ${GIT_EXIT.unknownFile}; }
size=$(git cat-file -s "$blob") || exit
echo "$size"
[ "$size" -le "$3" ] && exec git cat-file blob "$blob"
git cat-file blob "$blob" 2>/dev/null | head -c "$3"
`;

/** How many fields a commit has in the answers above. */
export const COMMIT_FIELDS = 12;
