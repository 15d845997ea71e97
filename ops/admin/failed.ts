/** What the command ends with, beside 0. After sysexits.h from 64 on. */
export const EXIT = {
  /** The gateway refused, or failed; or it is not ready. */
  refused: 1,
  /** There is nothing by this name (any more). */
  missing: 2,
  usage: 64,
  /** Nobody answers at the address. */
  unavailable: 69,
  /** The token is not taken, or its role does not allow it. */
  forbidden: 77,
  /** The address or the token is not set, or wrong. */
  config: 78
} as const

/** Why the command ends; `message` is for stderr. */
export class Failed extends Error {
  readonly kind: keyof typeof EXIT

  constructor(kind: keyof typeof EXIT, message: string) {
    super(message)
    this.kind = kind
  }
}

/** Where words go. */
export interface Voice {
  /** What was asked for, whole lines. */
  say(text: string): void
  /** What else somebody should know. */
  note(text: string): void
}

/**
 * Names of clients and words of others come here: control characters, and those that turn the direction of text,
 * would be obeyed by a terminal.
 */
export const saying = (text: string): string =>
  text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) =>
    character === '\n' ? character : escaped(character)
  )

/** JSON stays JSON: inside its strings these may be escaped. */
export const json = (value: unknown, indent?: number): string =>
  saying(JSON.stringify(value, null, indent))

const escaped = (character: string): string =>
  Array.from({ length: character.length }, (_, i) => character.charCodeAt(i))
    .map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`)
    .join('')
