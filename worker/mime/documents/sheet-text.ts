/** The cells of a workbook (ECMA-376, part 1, section 18), a line for each row, as values. */
import type { Archive } from './archive.ts'
import { type Gathered, MAX_ROWS } from './limits.ts'
import { readXml } from './xml.ts'

/** Characters of shared strings that are held; the rest of them is missing. */
const MAX_SHARED_CHARS = 4_000_000
const MAX_STYLES = 10_000
const MAX_SHEETS = 200
/** A gap of more columns is drawn no wider. */
const MAX_GAP = 50
/** Formats that Excel has for dates and times without writing them down (18.8.30). */
const DATE_FORMATS = new Set([14, 15, 16, 17, 18, 19, 20, 21, 22, 45, 46, 47])

/** Gives why there is more than was read, if there is. */
export async function sheetsText(archive: Archive, out: Gathered): Promise<string | undefined> {
  const sheets = await sheetsOf(archive)
  const strings = await sharedStrings(archive)
  const dates = await dateStyles(archive)
  let isCut = sheets.length > MAX_SHEETS
  for (const { name, path, isHidden } of sheets.slice(0, MAX_SHEETS)) {
    if (out.isFull) break
    out.add(`Sheet: ${name}${isHidden ? ' (hidden)' : ''}\n`)
    isCut = (await sheetText(archive, path, strings, dates, out)) || isCut
    out.add('\n')
  }
  return isCut
    ? `only the first ${MAX_ROWS} rows of a sheet and ${MAX_SHEETS} sheets are read`
    : undefined
}

interface Sheet {
  readonly name: string
  readonly path: string
  readonly isHidden: boolean
}

async function sheetsOf(archive: Archive): Promise<Sheet[]> {
  const targets = new Map<string, string>()
  await readXml(archive.read('xl/_rels/workbook.xml.rels'), {
    isDone: () => targets.size > MAX_SHEETS * 5,
    opened(name, { Id, Target }) {
      if (name === 'Relationship' && Id && Target)
        targets.set(Id, Target.startsWith('/') ? Target.slice(1) : `xl/${Target}`)
    }
  })
  const sheets: Sheet[] = []
  await readXml(archive.read('xl/workbook.xml'), {
    isDone: () => sheets.length > MAX_SHEETS,
    opened(name, attributes) {
      if (name !== 'sheet') return
      const path = targets.get(attributes['r:id'] ?? '')
      if (path)
        sheets.push({
          name: attributes.name ?? '',
          path,
          isHidden: attributes.state !== undefined && attributes.state !== 'visible'
        })
    }
  })
  return sheets
}

async function sharedStrings(archive: Archive): Promise<string[]> {
  const strings: string[] = []
  let current = ''
  let texts = 0
  let phonetic = 0
  let room = MAX_SHARED_CHARS
  await readXml(archive.read('xl/sharedStrings.xml'), {
    isDone: () => room <= 0,
    opened(name) {
      if (name === 'si') current = ''
      else if (name === 't') texts += 1
      else if (name === 'rPh') phonetic += 1
    },
    closed(name) {
      if (name === 't') texts -= 1
      else if (name === 'rPh') phonetic -= 1
      else if (name === 'si') strings.push(current)
    },
    text(text) {
      if (texts === 0 || phonetic > 0 || room <= 0) return
      current += text
      room -= text.length
    }
  })
  return strings
}

/** Which styles show a number as a day or a time. */
async function dateStyles(archive: Archive): Promise<ReadonlySet<number>> {
  const formats = new Set(DATE_FORMATS)
  const styles = new Set<number>()
  let count = 0
  let isInCells = false
  await readXml(archive.read('xl/styles.xml'), {
    isDone: () => count > MAX_STYLES || formats.size > MAX_STYLES,
    opened(name, { numFmtId, formatCode }) {
      if (name === 'numFmt' && isDateFormat(formatCode ?? '')) formats.add(Number(numFmtId))
      else if (name === 'cellXfs') isInCells = true
      else if (name === 'xf' && isInCells) {
        if (formats.has(Number(numFmtId))) styles.add(count)
        count += 1
      }
    },
    closed(name) {
      if (name === 'cellXfs') isInCells = false
    }
  })
  return styles
}

const isDateFormat = (code: string): boolean =>
  code.length < 200 && /[ymdhs]/i.test(code.replace(/"[^"]*"|\[[^\]]*\]|\\./g, ''))

async function sheetText(
  archive: Archive,
  path: string,
  strings: readonly string[],
  dates: ReadonlySet<number>,
  out: Gathered
): Promise<boolean> {
  let rows = 0
  let column = 0
  let cell = { type: '', isDate: false, value: '' }
  let isValue = false
  await readXml(archive.read(path), {
    isDone: () => out.isFull || rows >= MAX_ROWS,
    opened(name, attributes) {
      if (name === 'row') column = 0
      else if (name === 'c') {
        const at = columnOf(attributes.r ?? '') ?? column
        out.add('\t'.repeat(Math.max(0, Math.min(MAX_GAP, at - column))))
        column = at
        cell = { type: attributes.t ?? 'n', isDate: dates.has(Number(attributes.s)), value: '' }
      } else if (name === 'v' || name === 't') isValue = true
    },
    closed(name) {
      if (name === 'v' || name === 't') isValue = false
      else if (name === 'c') out.add(shown(cell, strings))
      else if (name === 'row') {
        out.add('\n')
        rows += 1
      }
    },
    text(text) {
      if (isValue && cell.value.length < 100_000) cell.value += text
    }
  })
  return rows >= MAX_ROWS
}

function shown(
  { type, isDate, value }: { type: string; isDate: boolean; value: string },
  strings: readonly string[]
): string {
  if (type === 's') return oneLine(strings[Number(value)] ?? '')
  if (type === 'b') return value === '1' ? 'TRUE' : 'FALSE'
  if (type === 'n' && isDate && value !== '') return day(Number(value)) ?? value
  return oneLine(value)
}

const oneLine = (text: string): string => text.replace(/\s*[\r\n]+\s*/g, ' ')

/** A serial number of days since 1899-12-30 (18.17.4.1), in the calendar that most workbooks have. */
function day(serial: number): string | undefined {
  if (!(serial >= 0 && serial < 2_958_466)) return undefined
  const iso = new Date(Math.round((serial - 25_569) * 86_400_000)).toISOString()
  if (serial < 1) return iso.slice(11, 19)
  return Number.isInteger(serial) ? iso.slice(0, 10) : `${iso.slice(0, 10)} ${iso.slice(11, 19)}`
}

/** Of a cell's name, such as 3 for "D7". */
function columnOf(reference: string): number | undefined {
  const [letters] = /^[A-Z]{1,3}/.exec(reference) ?? []
  if (letters === undefined) return undefined
  return [...letters].reduce((sum, letter) => sum * 26 + letter.charCodeAt(0) - 64, 0) - 1
}
