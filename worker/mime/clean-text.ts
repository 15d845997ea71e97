/**
 * Characters that change how a text looks or reads without being seen: C0 and C1 controls, zero-width characters,
 * bidirectional controls, fillers, tag characters. They hide instructions from the person and show them to a model.
 */
const INVISIBLE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb]|\u034f|[\u17b4\u17b5]|\u180b|\u180c|\u180d|\u180f|\p{Variation_Selector}(?<!\ufe0f)|[\u{e0000}-\u{e0fff}]/gu
/** A zero-width joiner holds an emoji together, a non-joiner parts Arabic letters; anywhere else they only hide. */
const STRAY_JOINER =
  /(?<!\p{Extended_Pictographic}|\p{Emoji_Modifier}|\ufe0f)\u200d|\u200d(?!\p{Extended_Pictographic})|(?<!\p{Script=Arabic})\u200c|\u200c(?!\p{Script=Arabic})/gu
const LINE_END = /\r\n?|[\u2028\u2029\u0085]/g
const LONE_SURROGATE = /\p{Surrogate}/gu

/** Mail text without invisible characters, with `\n` as the only line end. */
export const cleanText = (text: string): string =>
  text
    .replace(LINE_END, '\n')
    .replace(INVISIBLE, '')
    .replace(STRAY_JOINER, '')
    .replace(LONE_SURROGATE, '\ufffd')

/** As `cleanText`, and on one line: for subjects, names and other header values. */
export const cleanLine = (text: string): string => cleanText(text).replace(/\s+/g, ' ').trim()
