/** The words of text documents and slides: Office Open XML (ECMA-376) and OpenDocument (ISO/IEC 26300). */
import type { Archive } from './archive.ts'
import type { Gathered } from './limits.ts'
import { readXml, type XmlReader } from './xml.ts'

/** What a format calls its things. */
interface Names {
  /** Holds characters. Absent: all text inside of paragraphs does. */
  readonly text?: string
  readonly paragraphs: ReadonlySet<string>
  readonly breaks: ReadonlySet<string>
  readonly row: string
  readonly cell: string
  /** What is not read: earlier forms, and what stands there a second time. */
  readonly skipped: ReadonlySet<string>
}

const OOXML: Names = {
  text: 't',
  paragraphs: new Set(['p']),
  breaks: new Set(['br', 'cr']),
  row: 'tr',
  cell: 'tc',
  skipped: new Set(['Fallback', 'del', 'moveFrom', 'instrText'])
}
const ODF: Names = {
  paragraphs: new Set(['p', 'h']),
  breaks: new Set(['line-break']),
  row: 'table-row',
  cell: 'table-cell',
  skipped: new Set(['tracked-changes', 'annotation'])
}

/** Word's main text, then its notes. */
export async function wordText(archive: Archive, out: Gathered): Promise<void> {
  for (const name of ['document', 'footnotes', 'endnotes'])
    await readXml(archive.read(`word/${name}.xml`), wordsOf(OOXML, out))
}

/** Slides in order, each with its number; what is said to the speaker follows. */
export async function slidesText(archive: Archive, out: Gathered): Promise<void> {
  for (const [title, folder] of [
    ['Slide', 'slides/slide'],
    ['Notes of slide', 'notesSlides/notesSlide']
  ] as const)
    for (const { name, number } of numbered(archive, `ppt/${folder}`)) {
      if (out.isFull) return
      out.add(`${title} ${number}\n`)
      await readXml(archive.read(name), wordsOf(OOXML, out))
      out.add('\n')
    }
}

/** Text, slides or tables. */
export const openDocumentText = (archive: Archive, out: Gathered): Promise<void> =>
  readXml(archive.read('content.xml'), wordsOf(ODF, out))

function numbered(archive: Archive, prefix: string): { name: string; number: number }[] {
  return archive.entries
    .flatMap(({ name }) => {
      if (!name.startsWith(prefix)) return []
      const [, number] = /^(\d+)\.xml$/.exec(name.slice(prefix.length)) ?? []
      return number === undefined ? [] : [{ name, number: Number(number) }]
    })
    .toSorted((a, b) => a.number - b.number)
}

type Kind = 'skipped' | 'paragraph' | 'text' | 'cell'

function kindOf(name: string, names: Names): Kind | undefined {
  if (names.skipped.has(name)) return 'skipped'
  if (names.paragraphs.has(name)) return 'paragraph'
  if (name === names.text) return 'text'
  return name === names.cell ? 'cell' : undefined
}

/** What an empty element says. */
function signOf(name: string, attributes: Readonly<Record<string, string>>, names: Names): string {
  if (name === 'tab') return '\t'
  if (name === 's') return ' '
  if (names.breaks.has(name)) return '\n'
  if (name === 'sld' && attributes.show === '0') return '(a hidden slide)\n'
  const title = name === 'table' ? attributes['table:name'] : undefined
  return title ? `${title}\n` : ''
}

function wordsOf(names: Names, out: Gathered): XmlReader {
  /** How deep it is in each. */
  const within = { skipped: 0, paragraph: 0, text: 0, cell: 0 }
  /** Word's own way to hide a run of text. */
  let isHidden = false
  return {
    isDone: () => out.isFull,
    opened(name, attributes) {
      const kind = kindOf(name, names)
      if (kind) within[kind] += 1
      else if (name === 'r') isHidden = false
      else if (name === 'vanish') isHidden = !/^(0|false|off)$/.test(attributes['w:val'] ?? '')
      else if (within.skipped === 0) out.add(signOf(name, attributes, names))
    },
    closed(name) {
      const kind = kindOf(name, names)
      if (kind) within[kind] -= 1
      if (within.skipped > 0) return
      if (kind === 'cell') out.add('\t')
      else if (kind === 'paragraph') out.add(within.cell > 0 ? ' ' : '\n')
      else if (name === names.row) out.add('\n')
    },
    text(text) {
      const isWords = names.text === undefined ? within.paragraph > 0 : within.text > 0
      if (isWords && within.skipped === 0 && !isHidden) out.add(text)
    }
  }
}
