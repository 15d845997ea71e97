import type { Match } from './quote-matcher.ts'
import type { QuoteRange, QuotingText } from './quote-ranges.ts'

export interface Stripped {
  readonly text: string
  /** Characters of quotes that were left out. */
  readonly leftOut: number
}

/**
 * The new part of a message of a conversation. What is left out has the form of a quote and stands in an earlier message;
 * lines that nobody said before stay, wherever they stand. A text that is all quote stays. `matches` are those of its
 * stretches, in order.
 */
export function withoutSaid(text: QuotingText, matches: readonly Match[]): Stripped {
  const isOut = new Uint8Array(text.lines.length)
  for (const [at, { from, body }] of text.stretches.entries()) {
    const { said, total, known } = matches[at] ?? { said: [], total: 0, known: 0 }
    // A quote of which most is new to the conversation is from somewhere else.
    if (known === 0 || known < total / 2) continue
    isOut.fill(1, from, body)
    for (const [line, wasSaid] of said.entries()) if (wasSaid) isOut[body + line] = 1
  }
  return without(text, isOut)
}

/** What the header of a message says of it. */
export interface Role {
  /** It answers another one. */
  readonly isAnswer: boolean
  /** It sends on another one: what stands below is new to its readers. */
  readonly isForward: boolean
}

/**
 * The new part of a message of which no earlier ones are known. What is left out is introduced as a quote, and more than its
 * form says that it is one: the message is an answer, or a program wrote the introduction. What a writer may have typed stays.
 */
export function withoutIntroduced(text: QuotingText, role: Role): Stripped {
  const isOut = new Uint8Array(text.lines.length)
  for (const stretch of text.stretches)
    if (isIntroduced(stretch, role)) isOut.fill(1, stretch.from, stretch.to)
  return without(text, isOut)
}

/** Words alone, with nothing marked below them, may be the writer's own. */
const isIntroduced = ({ form, isProgram }: QuoteRange, { isAnswer, isForward }: Role): boolean =>
  (isProgram || isAnswer) &&
  (form === 'marks below words' || (form === 'below a header' && !isForward))

function without({ text, lines }: QuotingText, isOut: Uint8Array): Stripped {
  let leftOut = 0
  const kept: string[] = []
  for (const [at, line] of lines.entries()) {
    if (isOut[at]) leftOut += line.length + 1
    else kept.push(line)
  }
  const own = kept
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim()
  return own === '' || leftOut === 0 ? { text, leftOut: 0 } : { text: own, leftOut }
}
