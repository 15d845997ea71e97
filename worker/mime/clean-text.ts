/**
 * Characters that change how a text looks or reads without being seen: C0 and C1 controls, zero-width characters,
 * bidirectional controls, fillers, tag characters. They hide instructions from the person and show them to a model.
 * Patterns are written in ASCII: the program that ships is read byte by byte.
 */
const INVISIBLE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed
  /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb]|\u034f|[\u17b4\u17b5]|\u180b|\u180c|\u180d|\u180f|\p{Variation_Selector}(?<!\ufe0f)|[\u{e0000}-\u{e0fff}]/u
/**
 * What is invisible and still part of a word: a variant of an ideograph (Unicode Technical Standard 37) or of a Mongolian
 * letter, one after each; the flags of England, Scotland and Wales (UTS 51, annex B.1.1).
 */
const KEPT =
  /(?<=\p{Script=Han})[\u{e0100}-\u{e01ef}\ufe00-\ufe02]|(?<=\p{Script=Mongolian})[\u180b-\u180d\u180f](?=[\s\p{Script=Mongolian}])|(?<=\p{Script=Mongolian})\u180e(?=\p{Script=Mongolian})|\u{1f3f4}\u{e0067}\u{e0062}(?:\u{e0065}\u{e006e}\u{e0067}|\u{e0073}\u{e0063}\u{e0074}|\u{e0077}\u{e006c}\u{e0073})\u{e007f}/u
const INVISIBLE_OR_KEPT = new RegExp(`(${KEPT.source})|${INVISIBLE.source}`, 'gu')

/**
 * Scripts whose letters join or form clusters, so that words are told apart by joiners (Unicode 17, section 23.2): the
 * non-joiner of Persian, the chillu letters of Malayalam, the conjuncts of Sinhala, the ya-phala of Bengali.
 */
const JOINING = [
  ...[
    'Arabic',
    'Syriac',
    'Mandaic',
    'Nko',
    'Mongolian',
    'Phags_Pa',
    'Manichaean',
    'Adlam',
    'Sogdian'
  ],
  ...[
    'Hanifi_Rohingya',
    'Devanagari',
    'Bengali',
    'Gurmukhi',
    'Gujarati',
    'Oriya',
    'Tamil',
    'Telugu'
  ],
  ...['Kannada', 'Malayalam', 'Sinhala', 'Khmer', 'Myanmar', 'Balinese', 'Javanese', 'Sundanese'],
  ...[
    'Tibetan',
    'Newa',
    'Tirhuta',
    'Grantha',
    'Sharada',
    'Kaithi',
    'Chakma',
    'Meetei_Mayek',
    'Limbu'
  ]
]
  .map((script) => `\\p{scx=${script}}`)
  .join('')
/** A joiner holds an emoji together, or belongs to a letter of such a script; anywhere else they only hide. */
const STRAY_JOINER = new RegExp(
  [
    `(?<![${JOINING}]|\\p{Extended_Pictographic}|\\p{Emoji_Modifier}|\\ufe0f)\\u200d`,
    `(?<![${JOINING}])\\u200d(?!\\p{Extended_Pictographic})`,
    `(?<![${JOINING}])\\u200c`
  ].join('|'),
  'gu'
)
/** A form feed and a vertical tab begin a page and a line. */
const LINE_END = /\r\n?|[\u2028\u2029\u0085\f\v]/g
const LONE_SURROGATE = /\p{Surrogate}/gu

/** Most text has nothing that could be removed. */
const DOUBTFUL = /[^\t\n\x20-\x7e]/

/** Mail text without invisible characters, with `\n` as the only line end. */
export function cleanText(text: string): string {
  const lines = text.includes('\r') ? text.replace(LINE_END, '\n') : text
  return DOUBTFUL.test(lines) ? cleaned(lines) : lines
}

const cleaned = (text: string): string =>
  text
    .replace(LINE_END, '\n')
    .replace(INVISIBLE_OR_KEPT, (_, kept: string | undefined) => kept ?? '')
    .replace(STRAY_JOINER, '')
    .replace(LONE_SURROGATE, '\ufffd')

/** As `cleanText`, and on one line: for subjects, names and other header values. */
export const cleanLine = (text: string): string => cleanText(text).replace(/\s+/g, ' ').trim()
