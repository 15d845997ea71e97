/** The marks by which mail programs introduce what they quote, in the languages of most of their users. In ASCII. */

/** "Original message" between dashes. */
const ORIGINAL = words(
  'Original Message|Original Appointment|Urspr\u00fcngliche Nachricht|Originalnachricht|Urspr\u00fcnglicher Termin',
  "Message d'origine|Message d\u2019origine|Message original|Mensaje original|Mensagem original|Messaggio originale",
  'Oorspronkelijk bericht|Origineel bericht|Originalmeddelande|Ursprungligt meddelande|Original meddelelse',
  'Oprindelig meddelelse|Opprinnelig melding|Alkuper\u00e4inen viesti|Oryginalna wiadomo\u015b\u0107|Wiadomo\u015b\u0107 oryginalna',
  'P\u016fvodn\u00ed zpr\u00e1va|P\u00f4vodn\u00e1 spr\u00e1va|Eredeti \u00fczenet|Mesaj original|\u00d6zg\u00fcn \u0130leti|Orijinal Mesaj',
  '\u0418\u0441\u0445\u043e\u0434\u043d\u043e\u0435 \u0441\u043e\u043e\u0431\u0449\u0435\u043d\u0438\u0435|\u041f\u043e\u0447\u0430\u0442\u043a\u043e\u0432\u0435 \u043f\u043e\u0432\u0456\u0434\u043e\u043c\u043b\u0435\u043d\u043d\u044f|\u041e\u0440\u0438\u0433\u0438\u043d\u0430\u043b\u043d\u043e \u0441\u044a\u043e\u0431\u0449\u0435\u043d\u0438\u0435',
  '\u539f\u59cb\u90ae\u4ef6|\u539f\u90ae\u4ef6|\u539f\u59cb\u90f5\u4ef6|\u5143\u306e\u30e1\u30c3\u30bb\u30fc\u30b8|\uc6d0\ubcf8 \uba54\uc2dc\uc9c0|\uc6d0\ubcf8 \uba54\uc77c',
  '\u0391\u03c1\u03c7\u03b9\u03ba\u03cc \u03bc\u03ae\u03bd\u03c5\u03bc\u03b1|\u05d4\u05d5\u05d3\u05e2\u05d4 \u05de\u05e7\u05d5\u05e8\u05d9\u05ea|\u0627\u0644\u0631\u0633\u0627\u0644\u0629 \u0627\u0644\u0623\u0635\u0644\u064a\u0629'
)
const FORWARD = words(
  'Forwarded message|Begin forwarded message|Weitergeleitete Nachricht|Anfang der weitergeleiteten Nachricht',
  'Message transf\u00e9r\u00e9|Forwarded Message|D\u00e9but du message r\u00e9exp\u00e9di\u00e9|D\u00e9but du message transf\u00e9r\u00e9',
  'Mensaje reenviado|Inicio del mensaje reenviado|Mensagem encaminhada|Mensagem reencaminhada|In\u00edcio da mensagem encaminhada',
  'Messaggio inoltrato|Inizio messaggio inoltrato|Doorgestuurd bericht|Begin doorgestuurd bericht|Vidarebefordrat meddelande',
  'Vidarebefordrat brev|Videresendt meddelelse|Videresendt melding|V\u00e4litetty viesti|Przekazana wiadomo\u015b\u0107|Wiadomo\u015b\u0107 przekazana',
  'P\u0159eposlan\u00e1 zpr\u00e1va|Preposlan\u00e1 spr\u00e1va|Tov\u00e1bb\u00edtott \u00fczenet|Mesaj redirec\u021bionat|\u0130letilen ileti|Y\u00f6nlendirilmi\u015f ileti',
  '\u041f\u0435\u0440\u0435\u0441\u044b\u043b\u0430\u0435\u043c\u043e\u0435 \u0441\u043e\u043e\u0431\u0449\u0435\u043d\u0438\u0435|\u041f\u0435\u0440\u0435\u0441\u043b\u0430\u043d\u043d\u043e\u0435 \u0441\u043e\u043e\u0431\u0449\u0435\u043d\u0438\u0435|\u041f\u0435\u0440\u0435\u0441\u043b\u0430\u043d\u0435 \u043f\u043e\u0432\u0456\u0434\u043e\u043c\u043b\u0435\u043d\u043d\u044f',
  '\u8f6c\u53d1\u7684\u90ae\u4ef6|\u8f6c\u53d1\u90ae\u4ef6\u4fe1\u606f|\u8f49\u5bc4\u7684\u90f5\u4ef6|\u8ee2\u9001\u3055\u308c\u305f\u30e1\u30c3\u30bb\u30fc\u30b8|\u8ee2\u9001\u30e1\u30c3\u30bb\u30fc\u30b8|\uc804\ub2ec\ub41c \uba54\uc2dc\uc9c0'
)
/** "wrote", as it ends or stands in the line above a quote. */
const WROTE = words(
  'wrote|writes|schrieb|a \u00e9crit|\u00e9crit|escribi\u00f3|ha scritto|escreveu|schreef|skrev|kirjoitti|napisa\u0142|napisa\u0142a|napisa\u0142\\(a\\)|pisze',
  'napsal|napsala|napsal\\(a\\)|nap\u00edsal|nap\u00edsala|nap\u00edsal\\(a\\)|\u00edrta|\u00edrta a k\u00f6vetkez\u0151t|a scris|va escriure|je napisao|je napisala|napisao|pi\u0161e|yazd\u0131|\u015funu yazd\u0131',
  'Quoting|Zitat von|Citando a|Citando|Quotando|Citat fr\u00e5n|\u062a\u0645\u062a \u0643\u062a\u0627\u0628\u0629|\u09b2\u09bf\u0996\u09c7\u099b\u09c7\u09a8|\u0928\u0947 \u0932\u093f\u0916\u093e',
  'menulis|\u0111\u00e3 vi\u1ebft|rakst\u012bja|ra\u0161\u0117|kirjutas|\u03ad\u03b3\u03c1\u03b1\u03c8\u03b5|\u043f\u0438\u0448\u0435\u0442|\u043d\u0430\u043f\u0438\u0441\u0430\u043b|\u043d\u0430\u043f\u0438\u0441\u0430\u043b\u0430|\u043d\u0430\u043f\u0438\u0441\u0430\u043b\\(\u0430\\)|\u043f\u0438\u0448\u0435|\u043d\u0430\u043f\u0438\u0441\u0430|\u043d\u0430\u043f\u0438\u0441\u0430\u0432',
  '\u5199\u9053|\u5beb\u9053|\u5199\u5230|\u5beb\u5230|\u66f8\u304d\u307e\u3057\u305f|\u306e\u30e1\u30c3\u30bb\u30fc\u30b8|\ub2d8\uc774 \uc791\uc131|\uc791\uc131|\u05db\u05ea\u05d1|\u05db\u05ea\u05d1\u05d4|\u0643\u062a\u0628|\u0643\u062a\u0628\u062a|\u0e40\u0e02\u0e35\u0e22\u0e19\u0e27\u0e48\u0e32|\u0646\u0648\u0634\u062a'
)
/** Names of the fields above a quote in Outlook and its like: sender, time, recipients, subject. */
const FROM = words(
  'From|Von|De|Da|Van|Fr\u00e5n|Fra|L\u00e4hett\u00e4j\u00e4|Od|Nadawca|Felad\u00f3|De la|Kimden|G\u00f6nderen|Expediteur|Exp\u00e9diteur|Mittente|Remitente|Afzender',
  '\u041e\u0442|\u041e\u0442 \u043a\u043e\u0433\u043e|\u0412\u0456\u0434|\u0391\u03c0\u03cc|\u53d1\u4ef6\u4eba|\u5bc4\u4ef6\u8005|\u5bc4\u4ef6\u4eba|\u5dee\u51fa\u4eba|\u9001\u4fe1\u8005|\ubcf4\ub0b8 \uc0ac\ub78c|\ubc1c\uc2e0\uc790|\u05de\u05d0\u05ea|\u0645\u0646|T\u1eeb|\u0e08\u0e32\u0e01|Dari|Saatja|No|Nuo|\u0160alje'
)
const SENT = words(
  'Sent|Date|Gesendet|Datum|Envoy\u00e9|Envoy\u00e9 le|Enviado|Enviado el|Enviada em|Enviado em|Fecha|Data|Inviato|Verzonden|Skickat|Sendt|Dato|L\u00e4hetetty|P\u00e4iv\u00e4ys',
  'Wys\u0142ano|Wys\u0142ane|Enviat|Odesl\u00e1no|Odoslan\u00e9|Elk\u00fcldve|D\u00e1tum|Trimis|G\u00f6nderildi|G\u00f6nderme Tarihi|G\u00f6nderim Tarihi|Tarih|Poslano|Poslato|Ng\u00e0y|\u0110\u00e3 g\u1eedi|Terkirim|Tanggal|Saadetud',
  '\u041e\u0442\u043f\u0440\u0430\u0432\u043b\u0435\u043d\u043e|\u0414\u0430\u0442\u0430|\u041d\u0430\u0434\u0456\u0441\u043b\u0430\u043d\u043e|\u0418\u0437\u043f\u0440\u0430\u0442\u0435\u043d\u043e|\u03a3\u03c4\u03ac\u03bb\u03b8\u03b7\u03ba\u03b5|\u0397\u03bc\u03b5\u03c1\u03bf\u03bc\u03b7\u03bd\u03af\u03b1|\u53d1\u9001\u65f6\u95f4|\u65e5\u671f|\u65f6\u95f4|\u5bc4\u4ef6\u65e5\u671f|\u50b3\u9001\u65e5\u671f|\u9001\u4fe1\u65e5\u6642|\u65e5\u6642|\u65e5\u4ed8|\ubcf4\ub0b8 \ub0a0\uc9dc|\ub0a0\uc9dc|\u05e0\u05e9\u05dc\u05d7|\u05ea\u05d0\u05e8\u05d9\u05da|\u062a\u0627\u0631\u064a\u062e \u0627\u0644\u0625\u0631\u0633\u0627\u0644|\u0627\u0644\u062a\u0627\u0631\u064a\u062e|\u0627\u0644\u0625\u0631\u0633\u0627\u0644|\u0e27\u0e31\u0e19\u0e17\u0e35\u0e48|\u0e2a\u0e48\u0e07|\u0e2a\u0e48\u0e07\u0e40\u0e21\u0e37\u0e48\u0e2d'
)
const TO = words(
  'To|An|\u00c0|A|Para|Per a|Aan|Till|Til|Vastaanottaja|Do|Komu|C\u00edmzett|C\u0103tre|Kime|Al\u0131c\u0131|Destinataire|Destinatario|Prima|Za|\u0110\u1ebfn|Kepada|Saaja|Cc|Bcc|Kopie|Kopia|Kopi|M\u00e1solat|Bilgi|Cci|Cco',
  '\u041a\u043e\u043c\u0443|\u041a\u043e\u043f\u0438\u044f|\u041a\u043e\u043f\u0456\u044f|\u039a\u03bf\u03b9\u03bd\\.|\u6284\u9001|\u526f\u672c|\u53c2\u7167|\ucc38\uc870|\u0414\u043e|\u03a0\u03c1\u03bf\u03c2|\u6536\u4ef6\u4eba|\u6536\u4ef6\u8005|\u5b9b\u5148|\ubc1b\ub294 \uc0ac\ub78c|\uc218\uc2e0\uc790|\u05d0\u05dc|\u0625\u0644\u0649|\u0e16\u0e36\u0e07'
)
const SUBJECT = words(
  'Subject|Betreff|Assumpte|Objet|Asunto|Assunto|Oggetto|Onderwerp|\u00c4mne|Emne|Aihe|Temat|P\u0159edm\u011bt|Predmet|T\u00e1rgy|Subiect|Konu|Ch\u1ee7 \u0111\u1ec1|Perihal|Subjek|Teema|Zadeva|Tema|Sujet|Ogg',
  '\u0422\u0435\u043c\u0430|\u041e\u0442\u043d\u043e\u0441\u043d\u043e|\u0398\u03ad\u03bc\u03b1|\u4e3b\u9898|\u4e3b\u65e8|\u4e3b\u984c|\u4ef6\u540d|\uc81c\ubaa9|\u05e0\u05d5\u05e9\u05d0|\u0627\u0644\u0645\u0648\u0636\u0648\u0639|\u0e2b\u0e31\u0e27\u0e40\u0e23\u0e37\u0e48\u0e2d\u0e07'
)
/** Names of fields that may stand among them. */
const BESIDE = words(
  'Importance|Priority|Attachments?|Reply-To|Wichtigkeit|Priorit\u00e4t|Anlagen?|Antwort an|Importancia|Datos adjuntos|Importance|Pi\u00e8ces? jointes?',
  'Priorit\u00e0|Allegati|Allegato|Anexos?|Urgentie|Bijlagen?|Bilagor|Vedh\u00e6ftede filer|Za\u0142\u0105czniki|\u0412\u0430\u0436\u043d\u043e\u0441\u0442\u044c|\u9644\u4ef6|\u91cd\u8981\u6027|\u6dfb\u4ed8\u30d5\u30a1\u30a4\u30eb'
)
const COLON = '[:\\uff1a]'
const ORIGINAL_LINE = new RegExp(`^-{2,}\\s*(${ORIGINAL})\\s*-{2,}$`, 'iu')
const FORWARD_LINE = new RegExp(`^(-{2,}\\s*(${FORWARD})\\s*-{2,}|(${FORWARD})\\s?${COLON})$`, 'iu')
const WROTE_ANYWHERE = new RegExp(
  `(?:^|[^\\p{L}])(${WROTE})(?![\\p{L}])|\\u5199\\u9053|\\u5beb\\u9053|\\uc791\\uc131`,
  'iu'
)
const ENDS_IN_COLON = new RegExp(`${COLON}\\*?$`)
const field = (names: string): RegExp =>
  new RegExp(`^\\*?(${names})\\s?(?::\\*?(\\s|$)|\\uff1a)`, 'iu')
const [FROM_LINE, SENT_LINE, TO_LINE, SUBJECT_LINE] = [
  field(FROM),
  field(SENT),
  field(TO),
  field(SUBJECT)
]
/** Fields that follow the one with the sender, in any order. */
const WHOLE = [SENT_LINE, TO_LINE, SUBJECT_LINE]
const BESIDE_LINE = field(BESIDE)
const FIELD_LINES = [...WHOLE, BESIDE_LINE]
/**
 * How an introduction begins, in its first line: with a preposition and soon a number of the date, in the languages of
 * most. It tells where one that was broken over lines begins.
 */
const OPENING = new RegExp(
  `^\\*?(?:${words(
    'On|Am|Le|El|Il|Em|Op|Den|Dne|D\u0148a|W dniu|Dnia|Ned|P\u00e5|La data de|\u00cen data|Data de|Pada|V\u00e0o|Pe|Kl',
    '\u0412|\u041d\u0430|\u03a3\u03c4\u03b9\u03c2|\u5728|\u4e8e|\u65bc|\u05d1\u05ea\u05d0\u05e8\u05d9\u05da|\u0641\u064a|\u0e40\u0e21\u0e37\u0e48\u0e2d'
  )})[^\\p{L}][^\\d]{0,30}\\d`,
  'iu'
)
/**
 * How else one begins: with a date, with a day of the week in front of it, with a name and its address, with a name and a
 * verb of writing.
 */
const BEGINNINGS = [
  OPENING,
  /^\*?\d/,
  /^\*?\p{L}{1,14}[.,]*\s[^\d\p{L}]{0,3}\d/u,
  /^[^<(@]{0,80}[<(]?[^\s<>(@]+@[^\s<>)]+[>)]?/,
  new RegExp(`^[^\\d.!?,;:]{1,40}(?:${WROTE})(?![\\p{L}])`, 'iu')
]
/** An introduction may be broken over so many lines. */
const MAX_ATTRIBUTION_LINES = 3
const MAX_ATTRIBUTION_CHARS = 400
const MAX_BLOCK_LINES = 12
/** Mail programs break lines no earlier. */
const LEAST_BROKEN_CHARS = 60

function words(...lists: readonly string[]): string {
  return lists.join('|')
}

/** Whether a line is a bar with "original message" in it. */
export const isOriginalLine = (line: string): boolean =>
  line.length < 200 && ORIGINAL_LINE.test(line)

/** Whether a line says that a message is sent on below it. */
export const isForwardLine = (line: string): boolean => line.length < 200 && FORWARD_LINE.test(line)

/** Whether a line is a ruler, as Outlook draws it above a quote, and people between sections. */
export const isRuler = (line: string): boolean => line === '---' || /^(_{8,}|-{8,})$/.test(line)

/**
 * How many lines up to `last` introduce a quote, such as `On \u2026 Ann wrote:`; 0 when they do not. No more than it takes: the
 * line above may be the writer's own.
 */
export function attributionLength(lines: readonly string[], last: number): number {
  if (!ENDS_IN_COLON.test((lines[last] ?? '').trimEnd())) return 0
  let least = 0
  let below = ''
  for (const { count, first, text } of joinedUpTo(lines, last)) {
    if (least > 0 && !belongsAbove(first, below)) break
    below = first
    if (!introduces(text) || !isCertain(text, count)) continue
    if (OPENING.test(first)) return count
    least ||= count
    // One that begins with a name or a day of the week and has all that it needs.
    if (/^\p{L}/u.test(first) && HAS_DATE.test(text)) break
  }
  return least
}

/** Whether a line belongs to what is an introduction by itself: a date does, or the name before an address. */
const belongsAbove = (line: string, below: string): boolean =>
  ENDS_IN_DATE.test(line) || BEGINS_IN_ADDRESS.test(below)

/** Behind the last number only what is short: AM, Uhr, a zone. */
const ENDS_IN_DATE = /\d[^\d\p{L}]*(?:\p{L}{1,4}[^\d\p{L}]*)?$/u
const BEGINS_IN_ADDRESS = /^[<(]*[^\s<>@]+@/

/**
 * Whether a line may be the beginning of an introduction that was broken: as long as a line gets, ending where a sentence does
 * not, or begun with a date. A short sentence of the writer's own above `Ann wrote:` is none, whatever numbers it has.
 */
const mayBeBroken = (line: string): boolean =>
  line.length >= LEAST_BROKEN_CHARS ||
  /[,;<\u3001\u060c]$/.test(line) ||
  (OPENING.test(line) && HAS_DATE.test(line) && !/[.!?\u3002]$/.test(line))

/** Dates in digits of Arabic, Bengali and other scripts; each block of ten begins with its zero (Unicode, section 4.6). */
const withAsciiDigits = (line: string): string =>
  line.replace(/(?![0-9])\p{Nd}/gu, (digit) => {
    let zero = digit.codePointAt(0) ?? 0
    while (/\p{Nd}/u.test(String.fromCodePoint(zero - 1)) && zero > (digit.codePointAt(0) ?? 0) - 9)
      zero -= 1
    return String((digit.codePointAt(0) ?? 0) - zero)
  })

/** A line alone, with the one above it, with the two above it, as far as they may belong together. */
function* joinedUpTo(
  lines: readonly string[],
  last: number
): Iterable<{ count: number; first: string; text: string }> {
  let text = ''
  for (let count = 1; count <= MAX_ATTRIBUTION_LINES; count += 1) {
    const first = withAsciiDigits((lines[last - count + 1] ?? '').trim())
    if (first === '' || first.startsWith('>')) return
    if (count > 1 && (ENDS_IN_COLON.test(first) || !mayBeBroken(first))) return
    text = text === '' ? first : `${first} ${text}`
    if (text.length > MAX_ATTRIBUTION_CHARS) return
    yield { count, first, text }
  }
}

/** Who and when: a verb of writing with a date or an address; or both of these. */
function introduces(text: string): boolean {
  const hasDate = HAS_DATE.test(text)
  const hasAddress = HAS_ADDRESS.test(text)
  return WROTE_ANYWHERE.test(text) ? hasDate || hasAddress : hasDate && hasAddress
}

/**
 * Whether what has all of an introduction is none of the writer's own sentences, which may have a date as well, or end as
 * one does. Programs break no line that is short, so that it has the sender's address, and the year or the time of day.
 */
function isCertain(text: string, count: number): boolean {
  if (!BEGINNINGS.some((beginning) => beginning.test(text))) return false
  const hasAddress = HAS_ADDRESS.test(text)
  return count === 1
    ? hasAddress || text.length <= MAX_BARE_CHARS
    : hasAddress && HAS_MOMENT.test(text)
}

/** Without an address only a name and a date stand there. */
const MAX_BARE_CHARS = 120
const HAS_MOMENT = /\d[:.h\u6642\u65f6]\s?\d\d|(?<!\d)(?:19|20)\d\d(?!\d)/
const HAS_DATE = /\d{1,4}[^\d]{1,12}\d{1,4}/
const HAS_ADDRESS = /[^\s@<>]@[^\s@<>]+\.[^\s@<>]/

/**
 * How many lines from `at` on are the header of a quoted message, as Outlook writes it; 0 when they are none. It ends with
 * its last field, whether an empty line follows or not.
 */
export function headerBlockLength(lines: readonly string[], at: number): number {
  const lineAt = (index: number) => (lines[index] ?? '').trim()
  const sender = senderLine(lineAt, at)
  if (sender === undefined) return 0
  const seen = new Set<RegExp>(FIELD_LINES.filter((each) => sender > at && each.test(lineAt(at))))
  let end = sender + 1
  for (let next = end; next < lines.length && next < at + MAX_BLOCK_LINES; next += 1) {
    const line = lineAt(next)
    const field = FIELD_LINES.find((each) => each.test(line))
    const isWhole = WHOLE.every((each) => seen.has(each))
    if (field && (!isWhole || (next === end && mayFollow(field, lineAt(next - 1))))) {
      seen.add(field)
      end = next + 1
    } else if (isWhole || !mayGoOn(lineAt(next - 1), line, next - end)) break
  }
  return seen.has(SUBJECT_LINE) && (seen.has(SENT_LINE) || seen.has(TO_LINE)) ? end - at : 0
}

/** Whether a field may stand below a header that has all it needs: further recipients below others, and what says little. */
const mayFollow = (field: RegExp, above: string): boolean =>
  field === BESIDE_LINE || (field === TO_LINE && TO_LINE.test(above))

/** The line with the sender, which stands first, or second below the date. */
function senderLine(lineAt: (index: number) => string, at: number): number | undefined {
  if (FROM_LINE.test(lineAt(at))) return at
  return SENT_LINE.test(lineAt(at)) && FROM_LINE.test(lineAt(at + 1)) ? at + 1 : undefined
}

/** Whether a header of a quote is as programs write it: with the sender's address, below a ruler or with the time of day. */
export const isProgramHeader = (lines: readonly string[], isBelowRuler: boolean): boolean =>
  lines.some((line) => FROM_LINE.test(line.trim()) && HAS_ADDRESS.test(line)) &&
  (isBelowRuler || lines.some((line) => SENT_LINE.test(line.trim()) && HAS_TIME.test(line)))

/** Whether an introduction has a date, as those of programs have. */
export const isDated = (lines: readonly string[]): boolean =>
  HAS_DATE.test(withAsciiDigits(lines.join(' ')))

const HAS_TIME = /\d[:.h\u6642\u65f6\uc2dc]\s?\d\d/

/**
 * Whether another field may follow `line`, which is none: an empty line, or what goes on from the line above, as lists of
 * recipients do and what is as long as a line gets.
 */
const mayGoOn = (above: string, line: string, distance: number): boolean =>
  line === ''
    ? distance === 0
    : above.length >= LEAST_BROKEN_CHARS || /[,;]$/.test(above) || ADDRESS_FIRST.test(line)

const ADDRESS_FIRST = /^<?[^\s<>:@]+@[^\s<>:@]+>?/
