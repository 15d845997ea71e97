/** What a file says, by what its bytes are: its name and the type that its sender gave are not believed. */
import { cleanText } from '../clean-text.ts'
import { Archive } from './archive.ts'
import { type DocumentText, Gathered, MAX_CHARS, UnreadableDocument } from './limits.ts'

/** Files of an archive that are listed. */
const MOST_LISTED = 1000

/**
 * Reads a PDF, a file of Word, Excel, PowerPoint or OpenDocument, RTF, a message of Outlook or RFC 5322, `winmail.dat`, or the list of an
 * archive. Throws UnreadableDocument for anything else, and for what is broken or locked.
 */
export async function documentText(bytes: Uint8Array): Promise<DocumentText> {
  const out = new Gathered()
  const { kind, cut } = await read(bytes, out)
  const why = cut ?? (out.isFull ? `only the first ${MAX_CHARS} characters are read` : undefined)
  return { kind, text: cleanText(out.text).trim(), ...(why !== undefined && { cut: why }) }
}

async function read(
  bytes: Uint8Array,
  out: Gathered
): Promise<{ readonly kind: string; readonly cut?: string | undefined }> {
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(1024, bytes.byteLength))
  const head = start.toString('latin1')
  // Acrobat takes the mark anywhere in the first 1024 bytes (ISO 32000-1, annex H.3).
  if (head.includes('%PDF-')) {
    const { pdfText } = await import('./pdf-text.ts')
    return { kind: 'PDF', cut: await pdfText(bytes, out) }
  }
  if (head.startsWith('PK\x03\x04') || head.startsWith('PK\x05\x06')) return readArchive(bytes, out)
  if (head.startsWith('{\\rtf')) {
    const { rtfText } = await import('./rtf-text.ts')
    rtfText(bytes, out)
    return { kind: 'RTF' }
  }
  if (head.startsWith('\xD0\xCF\x11\xE0')) {
    const { outlookText } = await import('./outlook-text.ts')
    outlookText(bytes, out)
    return { kind: 'Outlook message' }
  }
  if (head.startsWith('\x78\x9F\x3E\x22')) {
    const { tnefText } = await import('./tnef-text.ts')
    tnefText(bytes, out)
    return { kind: 'winmail.dat' }
  }
  if (/^[!-9;-~]+:[^\n]*\r?\n/.test(head)) {
    const { mailText } = await import('./mail-text.ts')
    await mailText(bytes, out)
    return { kind: 'message' }
  }
  throw new UnreadableDocument('No text can be extracted from a file of this kind.')
}

async function readArchive(bytes: Uint8Array, out: Gathered) {
  const archive = await Archive.open(bytes)
  if (archive.has('word/document.xml')) {
    const { wordText } = await import('./office-text.ts')
    await wordText(archive, out)
    return { kind: 'Word document' }
  }
  if (archive.has('xl/workbook.xml')) {
    const { sheetsText } = await import('./sheet-text.ts')
    return { kind: 'Excel workbook', cut: await sheetsText(archive, out) }
  }
  if (archive.has('ppt/presentation.xml')) {
    const { slidesText } = await import('./office-text.ts')
    await slidesText(archive, out)
    return { kind: 'PowerPoint presentation' }
  }
  if (archive.has('content.xml') && archive.has('mimetype')) {
    const { openDocumentText } = await import('./office-text.ts')
    await openDocumentText(archive, out)
    return { kind: 'OpenDocument file' }
  }
  const { entries, isCut } = archive
  out.add('Files in the archive:\n')
  for (const { name, size, isEncrypted } of entries.slice(0, MOST_LISTED))
    out.add(`- ${name.slice(0, 500)} (${size} bytes${isEncrypted ? ', needs a password' : ''})\n`)
  const isMore = isCut || entries.length > MOST_LISTED
  return { kind: 'archive', cut: isMore ? `only ${MOST_LISTED} files are listed` : undefined }
}
