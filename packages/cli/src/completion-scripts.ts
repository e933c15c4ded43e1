/** What each shell runs on Tab: it asks `tally __complete` with the words up to the cursor. */

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

export const SCRIPTS: Readonly<Record<Shell, string>> = {
  bash: String.raw`# bash completion for tally: eval "$(tally completion bash)"
_tally() {
  local current=\${COMP_WORDS[COMP_CWORD]} candidate
  COMPREPLY=()
  while IFS=$'\t' read -r candidate _; do
    if [[ $candidate == ':files' ]]; then
      compopt -o default 2>/dev/null
    elif [[ $candidate == "$current"* ]]; then
      COMPREPLY+=("$candidate")
    fi
  done < <(tally __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _tally tally`.replaceAll('\\$', '$'),

  zsh: String.raw`# zsh completion for tally: eval "$(tally completion zsh)"
_tally() {
  local line value files=0
  local -a candidates
  while IFS= read -r line; do
    if [[ $line == ':files' ]]; then
      files=1
    else
      value=\${line%%$'\t'*}
      candidates+=("\${value//:/\\:}\${\${line#$value}/$'\t'/:}")
    fi
  done < <(tally __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)
  (( \${#candidates} )) && _describe tally candidates
  (( files )) && _files
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }
compdef _tally tally`.replaceAll('\\$', '$'),

  fish: String.raw`# fish completion for tally: tally completion fish | source
function __tally_complete
  set -l words (commandline -opc)
  set -e words[1]
  set -l current (commandline -ct)
  test (count $current) -eq 0; and set current ''
  tally __complete $words $current 2>/dev/null | while read -l line
    if test "$line" = ':files'
      __fish_complete_path $current
    else
      echo $line
    end
  end
end
complete -c tally -f -a '(__tally_complete)'`,
};
