/** Lines after which an older message is quoted, in the languages of the most used mail programs. */
const QUOTE_STARTS = [
  /^-{2,}\s*(Original Message|Forwarded message|Ursprüngliche Nachricht|Message d'origine|Mensaje original)\s*-{2,}$/i,
  /^_{10,}$/,
  /^(On|Am|Le|El|Il|Em|Op|Den)\s.{5,200}(wrote|schrieb|a écrit|escribió|ha scritto|escreveu|schreef|skrev).{0,80}:$/i,
  /^.{5,120}(于|在).{0,60}写道[：:]$/,
  /^\d{4}年.{3,80}[：:]$/
]
/** `On … wrote:` may be broken over so many lines. */
const MAX_ATTRIBUTION_LINES = 3
const SIGNATURE = /^-- ?$/

/** The new part of a message: without quoted older messages and the signature. Keeps a text that is all quote. */
export function stripQuotes(text: string): string {
  const lines = text.split('\n')
  const end = lines.findIndex((_, at) => startsQuote(lines, at))
  const own = lines
    .slice(0, end === -1 ? lines.length : end)
    .filter((line) => !line.trimStart().startsWith('>'))
    .join('\n')
    .trim()
  return own === '' ? text : own
}

function startsQuote(lines: readonly string[], at: number): boolean {
  const line = (lines[at] ?? '').trim()
  if (SIGNATURE.test(lines[at] ?? '')) return true
  if (line.length === 0 || line.length > 300) return false
  if (QUOTE_STARTS.some((start) => start.test(line))) return true
  if (!/^(On|Am|Le|El|Il|Em|Op|Den)\s/.test(line)) return false
  const joined = lines.slice(at, at + MAX_ATTRIBUTION_LINES).map((each) => each.trim())
  return [2, MAX_ATTRIBUTION_LINES].some((count) => {
    const attribution = joined.slice(0, count).join(' ')
    return attribution.length <= 400 && (QUOTE_STARTS[2]?.test(attribution) ?? false)
  })
}
