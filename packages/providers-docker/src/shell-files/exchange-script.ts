/** An unpacked archive takes the place of a folder's content: by names, so that the folder keeps its identity. */
export const EXCHANGE_SCRIPT = `
# exchange staged path mode fence: the content of the staged folder becomes that of the path. Once begun it is carried
# out by the box alone, whether anybody still listens or not.
fs_exchange() {
  fs_new=$fs_stage_dir/$1
  if fs_barred "$4"; then fs_wipe "$fs_new"; return; fi
  if ! fs_into "$2" 1; then fs_wipe "$fs_new"; return; fi
  if ! { [ -w . ] && [ -x . ]; }; then by_answer 4 folder
  elif [ "$3" = m ]; then
    if fs_why=$(fs_judge "$fs_new" ''); then
      fs_merge "$fs_new" && by_answer 0 || fs_refused
    else by_answer 21 "$fs_why"; fi
  else
    fs_old=$fs_stage_dir/$$.old
    rm -rf "$fs_old"; mkdir "$fs_old"
    if fs_all . "$fs_old" && fs_all "$fs_new" .; then by_answer 0; else
      # What could be moved goes back.
      fs_all "$fs_old" .
      by_answer 22 names
    fi
    fs_wipe "$fs_old"
  fi
  fs_wipe "$fs_new"
}

fs_wipe() { rm -rf "$1" || { find "$1" -type d -exec chmod u+rwx {} \\; ; rm -rf "$1"; }; }

# all from to: every name of one folder into the other. A folder that its owner may not write cannot change its
# parent, so it gets that right for a moment.
fs_all() {
  for fs_k in "$1"/* "$1"/.[!.]* "$1"/..?*; do
    [ -e "$fs_k" ] || [ -L "$fs_k" ] || continue
    fs_m=
    if [ ! -L "$fs_k" ] && [ -d "$fs_k" ] && [ ! -w "$fs_k" ]; then fs_m=$(stat -c %a "$fs_k"); chmod u+w "$fs_k"; fi
    mv -T "$fs_k" "$2/\${fs_k##*/}" || return 1
    [ -z "$fs_m" ] || chmod "$fs_m" "$2/\${fs_k##*/}"
  done
}

# judge from path: prints the first name that is a folder on one side only.
fs_judge() {
  for fs_k in "$1"/* "$1"/.[!.]* "$1"/..?*; do
    [ -e "$fs_k" ] || [ -L "$fs_k" ] || continue
    fs_n=\${fs_k##*/}
    fs_there "$fs_n" || continue
    fs_a= fs_b=
    [ -L "$fs_k" ] || [ ! -d "$fs_k" ] || fs_a=1
    [ -L "./$fs_n" ] || [ ! -d "./$fs_n" ] || fs_b=1
    if [ "$fs_a" != "$fs_b" ]; then printf '%s' "$2$fs_n"; return 1; fi
    [ -z "$fs_a" ] || ( cd -P "./$fs_n" && fs_judge "$fs_k" "$2$fs_n/" ) || return 1
  done
}

fs_merge() {
  for fs_k in "$1"/* "$1"/.[!.]* "$1"/..?*; do
    [ -e "$fs_k" ] || [ -L "$fs_k" ] || continue
    fs_n=\${fs_k##*/}
    if [ ! -L "$fs_k" ] && [ -d "$fs_k" ] && [ ! -L "./$fs_n" ] && [ -d "./$fs_n" ]; then
      ( cd -P "./$fs_n" && fs_merge "$fs_k" ) || return 1
    else mv -f -T "$fs_k" "./$fs_n" || return 1; fi
  done
}
`;
