/** `fcgi completions`: what a shell completes, from the tables of the commands. */
import type { Arguments, Command, OptionSpec } from "./command.ts";
import { ExitCode } from "./exit_code.ts";
import { COMMON_OPTIONS } from "./parse.ts";
import type { Terminal } from "./terminal.ts";

type Writer = (commands: readonly Command[]) => string;

const WRITERS: Record<string, Writer> = { bash: bashCompletions, zsh: zshCompletions, fish };

/** The command; it completes all of these, and itself. */
export function completions(commands: readonly Command[]): Command {
  const self: Command = {
    name: "completions",
    summary: "print what a shell needs to complete command lines",
    operands: [{ name: "SHELL", choices: Object.keys(WRITERS) }],
    options: [],
    examples: [
      ["fcgi completions bash > ~/.local/share/bash-completion/completions/fcgi", "for bash"],
      ["fcgi completions fish > ~/.config/fish/completions/fcgi.fish", "for fish"],
    ],
    async run(args: Arguments, terminal: Terminal): Promise<number> {
      await terminal.out(WRITERS[args.operands[0]!]!([...commands, self]));
      return ExitCode.SUCCESS;
    },
  };
  return self;
}

function optionsOf({ options }: Command): readonly OptionSpec[] {
  return [...options, ...COMMON_OPTIONS];
}

function bashCompletions(commands: readonly Command[]): string {
  const cases = commands.flatMap((command) => [
    `    ${command.name}) words="${
      [
        ...command.operands.flatMap(({ choices = [] }) => choices),
        ...optionsOf(command).map(({ name }) => `--${name}`),
      ].join(" ")
    }" ;;`,
    ...command.options.flatMap(({ name, choices }) =>
      choices === undefined
        ? []
        : [`    ${command.name}=--${name}) words="${choices.join(" ")}" ;;`]
    ),
  ]);
  return `_fcgi() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} words=""
  local command=\${COMP_WORDS[1]}
  if [ "$COMP_CWORD" -eq 1 ]; then words="${commands.map(({ name }) => name).join(" ")}"; fi
  case $command=$before in
${cases.filter((line) => line.includes("=--")).join("\n")}
  *) if [ "$COMP_CWORD" -gt 1 ]; then case $command in
${cases.filter((line) => !line.includes("=--")).join("\n")}
  esac; fi ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _fcgi fcgi
`;
}

function zshCompletions(commands: readonly Command[]): string {
  return `#compdef fcgi
autoload -U +X bashcompinit && bashcompinit
${bashCompletions(commands)}`;
}

function fish(commands: readonly Command[]): string {
  const lines = commands.flatMap((command) => [
    `complete -c fcgi -n __fish_use_subcommand -f -a ${command.name} -d ${quote(command.summary)}`,
    ...command.operands.flatMap(({ choices = [] }) => choices).map((choice) =>
      `complete -c fcgi -n '__fish_seen_subcommand_from ${command.name}' -f -a ${choice}`
    ),
    ...optionsOf(command).map(({ name, short, value, choices, help }) =>
      [
        `complete -c fcgi -n '__fish_seen_subcommand_from ${command.name}' -l ${name}`,
        ...short === undefined ? [] : [`-s ${short}`],
        ...value === undefined ? [] : ["-r"],
        ...choices === undefined ? [] : [`-f -a '${choices.join(" ")}'`],
        `-d ${quote(help)}`,
      ].join(" ")
    ),
  ]);
  return lines.map((line) => `${line}\n`).join("");
}

function quote(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}
