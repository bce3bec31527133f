import { createInterface } from 'node:readline/promises'
import { isatty } from 'node:tty'
import { styleText } from 'node:util'

/** Colours by what they mean. */
const STYLES = {
  good: 'green',
  bad: 'red',
  doubtful: 'yellow',
  quiet: 'dim',
  strong: 'bold',
} as const

/** What a text means. */
export type Style = keyof typeof STYLES

/** Where a command reads and writes. Results go to the standard output, all else to the standard error. */
export class Terminal {
  readonly json: boolean
  readonly #coloured: boolean

  /** @param options `colour`: false for none; by default on a terminal without NO_COLOR. */
  constructor({ json, colour }: { json: boolean; colour: boolean }) {
    this.json = json
    this.#coloured = colour && this.isTty && !process.env['NO_COLOR']
  }

  /** Whether somebody reads what is written here. */
  get isTty(): boolean {
    return isatty(process.stdout.fd)
  }

  /** Whether somebody can be asked. */
  get canAsk(): boolean {
    return this.isTty && isatty(process.stdin.fd)
  }

  /** Characters of a line; undefined where nobody counts them. */
  get columns(): number | undefined {
    return this.isTty ? process.stdout.columns : undefined
  }

  line(text = ''): void {
    process.stdout.write(`${text}\n`)
  }

  /** For people only: progress, and what is wrong. */
  note(text: string): void {
    process.stderr.write(`${text}\n`)
  }

  /** A result for programs, as one line. What is not known is null, so that the shape stays. */
  record(value: object): void {
    this.line(JSON.stringify(value, (_, field: unknown) => (field === undefined ? null : field)))
  }

  style(style: Style, text: string): string {
    return this.#coloured ? styleText(STYLES[style], text) : text
  }

  /** Empties the screen; nothing where there is none. */
  clear(): void {
    if (this.isTty) process.stdout.write('\u001B[H\u001B[2J\u001B[3J')
  }

  /** Whether somebody says yes. */
  async confirm(question: string): Promise<boolean> {
    const lines = createInterface({ input: process.stdin, output: process.stderr })
    try {
      return /^y(es)?$/i.test((await lines.question(`${question} [y/N] `)).trim())
    } catch (error) {
      if ((error as Error).name !== 'AbortError') throw error
      this.note('') // Ctrl-C or Ctrl-D: the cursor stands behind the question
      return false
    } finally {
      lines.close()
    }
  }
}
