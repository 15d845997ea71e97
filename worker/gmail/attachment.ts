import { cleanLine } from '../mime/clean-text.ts'
import { decodeEncodedWords } from '../mime/encoded-words.ts'
import type { MessagePart } from './mailbox.ts'

/** A part that is a file. `partId` stays the same; Gmail's attachment ids change at every fetch. */
export interface Attachment {
  readonly partId: string
  /** Safe to show and to save: no path, no control characters. */
  readonly filename: string
  readonly mimeType: string
  /** Bytes after decoding. */
  readonly size: number
  readonly inline: boolean
  readonly contentId?: string
}

const MAX_NAME_CHARS = 150
const EXTENSIONS: Readonly<Record<string, string>> = {
  'application/ics': '.ics',
  'application/json': '.json',
  'application/msword': '.doc',
  'application/pdf': '.pdf',
  'application/rtf': '.rtf',
  'application/vnd.ms-excel': '.xls',
  'application/vnd.ms-powerpoint': '.ppt',
  'application/vnd.oasis.opendocument.spreadsheet': '.ods',
  'application/vnd.oasis.opendocument.text': '.odt',
  'application/vnd.openxmlformats-officedocument.presentationml.presentation': '.pptx',
  'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': '.xlsx',
  'application/vnd.openxmlformats-officedocument.wordprocessingml.document': '.docx',
  'application/xml': '.xml',
  'application/zip': '.zip',
  'audio/mpeg': '.mp3',
  'image/gif': '.gif',
  'image/heic': '.heic',
  'image/jpeg': '.jpg',
  'image/png': '.png',
  'image/svg+xml': '.svg',
  'image/tiff': '.tif',
  'image/webp': '.webp',
  'message/rfc822': '.eml',
  'text/calendar': '.ics',
  'text/csv': '.csv',
  'text/html': '.html',
  'text/markdown': '.md',
  'text/plain': '.txt',
  'text/vcard': '.vcf',
  'text/xml': '.xml',
  'video/mp4': '.mp4'
}

/** A part is a file unless it holds others, or is text that the message shows itself (RFC 2046, section 4.1.4). */
export function isAttachment(part: MessagePart): boolean {
  const type = part.mimeType?.toLowerCase() ?? ''
  if (type.startsWith('multipart/')) return false
  if (part.filename) return true
  if (partHeader(part, 'content-disposition')?.toLowerCase().startsWith('attachment')) return true
  return !type.startsWith('text/') || type === 'text/calendar' || type === 'text/css'
}

export function describeAttachment(part: MessagePart): Attachment {
  const contentId = partHeader(part, 'content-id')?.replace(/^<|>$/g, '')
  const disposition = partHeader(part, 'content-disposition')?.toLowerCase() ?? ''
  const mimeType = mimeTypeOf(part)
  return {
    partId: part.partId || '0',
    filename: safeFilename(part.filename ?? '', part.partId || '0', mimeType),
    mimeType,
    size: part.body?.size ?? 0,
    inline: disposition.startsWith('inline') || (contentId !== undefined && disposition === ''),
    ...(contentId && { contentId: cleanLine(contentId) })
  }
}

/** The part's type, if it is well-formed (RFC 6838, section 4.2); a sender may write anything. */
function mimeTypeOf(part: MessagePart): string {
  const written = (part.mimeType ?? '').toLowerCase()
  const isWellFormed = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,126}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}$/.test(
    written
  )
  return isWellFormed ? written : 'application/octet-stream'
}

/** The first value of one of the part's own headers. */
export const partHeader = (part: MessagePart, name: string): string | undefined =>
  part.headers?.find((header) => isNamed(header, name))?.value ?? undefined

/** Whether a header has this name, which is given in lower case (RFC 5322, section 1.2.2). */
export const isNamed = (header: { name?: string | null }, name: string): boolean =>
  header.name?.length === name.length && header.name.toLowerCase() === name

/**
 * A sender's name for a file, fit to be shown and saved: without what systems take for a path or refuse, or a made-up name
 * when nothing is left. A slash is a letter here (`Invoice 12/2026.pdf`), never a folder.
 */
export function safeFilename(written: string, partId: string, mimeType: string): string {
  const name = cleanLine(decodeEncodedWords(written)).replace(/[/\\<>:"|?*]/g, '_')
  if (/^[._ ]*$/.test(name)) return `attachment-${partId}${EXTENSIONS[mimeType] ?? ''}`
  return shortenName(name)
}

/** A name of a bearable length. Keeps the extension. */
export function shortenName(name: string): string {
  const characters = [...name]
  if (characters.length <= MAX_NAME_CHARS) return name
  const extension = /\.[A-Za-z0-9]{1,8}$/.exec(name)?.[0] ?? ''
  return characters.slice(0, MAX_NAME_CHARS - extension.length).join('') + extension
}
