import { type Command, COMMON_FLAGS, type Flag } from './command.js'

/** Shells that can be told how to complete a command line. */
export const SHELLS = ['bash', 'zsh', 'fish'] as const

/** One of them. */
export type Shell = (typeof SHELLS)[number]

/** What a shell has to run to know the commands and their options. */
export function completionScript(shell: Shell, commands: readonly Command[]): string {
  if (shell === 'bash') return bash(commands)
  return shell === 'zsh' ? zsh(commands) : fish(commands)
}

function flagsOf({ flags }: Command): Flag[] {
  return [...flags, ...COMMON_FLAGS]
}

function wordsOf(command: Command): string {
  const flags = flagsOf(command).flatMap(({ name, short }) => [`--${name}`, ...(short ? [`-${short}`] : [])])
  return [...(command.choices ?? []), ...flags].join(' ')
}

/** Options whose value is a file; of other values nothing is known. */
function valued(commands: readonly Command[], isFile: boolean): string {
  const flags = commands
    .flatMap(flagsOf)
    .filter(({ value, bare }) => value !== undefined && bare === undefined)
  const some = flags.filter(({ value }) => (value === 'FILE') === isFile)
  return [...new Set(some.flatMap(({ name, short }) => [`--${name}`, ...(short ? [`-${short}`] : [])]))].join(
    '|',
  )
}

function bash(commands: readonly Command[]): string {
  return `# Completion of leasehold in bash: source <(leasehold completion bash)
_leasehold() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD - 1]} command='' each
  COMPREPLY=()
  case $before in
    ${valued(commands, true)}) COMPREPLY=($(compgen -f -- "$word")); return ;;
    ${valued(commands, false)}) return ;;
  esac
  for each in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $each in
      ${commands.map(({ name }) => name).join('|')}) command=$each; break ;;
    esac
  done
  case $command in
${commands.map((command) => `    ${command.name}) COMPREPLY=($(compgen -W '${wordsOf(command)}' -- "$word")) ;;`).join('\n')}
    *) COMPREPLY=($(compgen -W '${commands.map(({ name }) => name).join(' ')} --help --version' -- "$word")) ;;
  esac
}
complete -F _leasehold leasehold
`
}

function zsh(commands: readonly Command[]): string {
  const quoted = (text: string) => text.replaceAll("'", String.raw`'\''`)
  const described = commands.map(({ name, summary }) => `'${name}:${quoted(summary)}'`)
  return `#compdef leasehold
# Completion of leasehold in zsh: source <(leasehold completion zsh)
_leasehold() {
  local each command=''
  for each in "\${(@)words[2,CURRENT-1]}"; do
    case $each in
      ${commands.map(({ name }) => name).join('|')}) command=$each; break ;;
    esac
  done
  case \${words[CURRENT-1]} in
    ${valued(commands, true)}) _files; return ;;
    ${valued(commands, false)}) return ;;
  esac
  case $command in
${commands.map((command) => `    ${command.name}) compadd -- ${wordsOf(command)} ;;`).join('\n')}
    *)
      local -a commands=(${described.join(' ')})
      _describe command commands ;;
  esac
}
compdef _leasehold leasehold
`
}

function fish(commands: readonly Command[]): string {
  const quoted = (text: string) => `'${text.replaceAll(/['\\]/g, String.raw`\$&`)}'`
  const lines = commands.flatMap((command) => {
    const inCommand = `complete -c leasehold -n '__fish_seen_subcommand_from ${command.name}'`
    return [
      `complete -c leasehold -n __fish_use_subcommand -a ${command.name} -d ${quoted(command.summary)}`,
      ...(command.choices ? [`${inCommand} -a '${command.choices.join(' ')}'`] : []),
      ...flagsOf(command).map(({ name, short, value, bare, summary }) => {
        const takes = value === undefined || bare !== undefined ? '' : value === 'FILE' ? ' -rF' : ' -x'
        return `${inCommand} -l ${name}${short ? ` -s ${short}` : ''}${takes} -d ${quoted(summary)}`
      }),
    ]
  })
  return `# Completion of leasehold in fish: leasehold completion fish | source
complete -c leasehold -f
${lines.join('\n')}
`
}
