import { type Gathered, MAX_PAGES, UnreadableDocument } from './limits.ts'

/** Time for all pages, in ms of this thread; then what was read is given. */
const PAGES_MS = 8000

type Pdf = Awaited<ReturnType<typeof import('unpdf')['getDocumentProxy']>>

/** The words of a PDF, page by page, in the order in which it has them. Gives why there is more, if there is. */
export async function pdfText(bytes: Uint8Array, out: Gathered): Promise<string | undefined> {
  const began = performance.now()
  const pdf = await open(bytes)
  let hasWords = false
  let read = 0
  while (read < pdf.numPages && read < MAX_PAGES && !out.isFull) {
    if (performance.now() - began > PAGES_MS) break
    read += 1
    out.add(`${read > 1 ? '\n' : ''}[page ${read}]\n`)
    hasWords = (await readPage(pdf, read, out)) || hasWords
  }
  if (!hasWords) throw new UnreadableDocument('The PDF has no text; it may be a scan.')
  return read < pdf.numPages ? `${pdf.numPages} pages in all, of which ${read} are read` : undefined
}

async function open(bytes: Uint8Array): Promise<Pdf> {
  const { getDocumentProxy } = await import('unpdf')
  try {
    // Nothing of it is fetched or drawn.
    return await getDocumentProxy(bytes, {
      verbosity: 0,
      disableFontFace: true,
      useSystemFonts: false,
      stopAtErrors: false
    })
  } catch (error) {
    const isLocked = error instanceof Error && error.name === 'PasswordException'
    throw new UnreadableDocument(isLocked ? 'The PDF needs a password.' : 'The PDF is broken.')
  }
}

/** Whether there is a word on the page. */
async function readPage(pdf: Pdf, number: number, out: Gathered): Promise<boolean> {
  const page = await pdf.getPage(number)
  const { items } = await page.getTextContent()
  let hasWords = false
  for (const item of items) {
    if (!('str' in item)) continue
    out.add(item.hasEOL ? `${item.str}\n` : item.str)
    hasWords ||= item.str.trim() !== ''
  }
  page.cleanup()
  return hasWords
}
