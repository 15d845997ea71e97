import { isUtf8 } from 'node:buffer'
import { buildHeaderValue, parseHeaderValue } from 'nodemailer/lib/mime-funcs'
import { partHeader, shortenName } from '../gmail/attachment.ts'
import type { OutgoingFile } from '../gmail/compose.ts'
import type { MessagePart } from '../gmail/mailbox.ts'
import { cleanLine } from '../mime/clean-text.ts'
import { decodeEncodedWords } from '../mime/encoded-words.ts'
import type { FoundAttachment } from './find-attachment.ts'

/** Longer ones are no honest mail's; they would not fit into a line. */
const MAX_ID_CHARS = 500
const MAX_PARAMETERS = 8

/** Parameters that belong to the old place of a part, or are written anew. */
const LEFT_OUT = /^(name|boundary|x-apple-part-url)(\*|$)/i

/**
 * A part of a message as it goes out in another one: the same bytes under the same name, with its type's parameters.
 * `cids` are the pictures that the HTML shows; they stay in it.
 */
export async function asSentOn(
  { attachment, part, read }: FoundAttachment,
  cids: ReadonlySet<string>
): Promise<OutgoingFile> {
  const content = await read()
  const { contentId } = attachment
  const isShown = contentId !== undefined && cids.has(contentId) && contentId.length < MAX_ID_CHARS
  return {
    filename: givenName(part) || attachment.filename,
    mimeType: typeOf(part, attachment.mimeType, content),
    content,
    ...(isShown && { contentId }),
    ...(isInvitation(part) && { isAlternative: true })
  }
}

/** The ids of the pictures that HTML shows (RFC 2392). */
export function shownPictures(html: string): ReadonlySet<string> {
  const found = html.matchAll(/\bcid:([^"'\s)<>]+)/gi)
  return new Set([...found].map(([, id = '']) => decoded(id.replaceAll('&amp;', '&'))))
}

function decoded(id: string): string {
  try {
    return decodeURIComponent(id)
  } catch {
    return id
  }
}

/** The name that the sender gave, on one line; whoever saves it makes a path of it, not we. */
const givenName = ({ filename }: MessagePart): string =>
  shortenName(cleanLine(decodeEncodedWords(filename ?? '')))

function typeOf(part: MessagePart, mimeType: string, content: Buffer): string {
  const { params } = parseHeaderValue(partHeader(part, 'content-type') ?? '')
  const kept = Object.entries(params)
    .filter(([name]) => !LEFT_OUT.test(name) && /^[a-z0-9_-]{1,40}$/i.test(name))
    .slice(0, MAX_PARAMETERS)
    .map(([name, value]) => [name, cleanLine(value).slice(0, 150)])
  const parameters: Record<string, string> = Object.fromEntries(kept)
  if (wasConverted(part, content)) parameters.charset = 'utf-8'
  return buildHeaderValue({ value: mimeType, params: parameters })
}

/**
 * Gmail hands the texts of a message out in UTF-8 and leaves the header as it was (openclaw/gogcli#446, #511). Files,
 * which have a name, come as they are.
 */
const wasConverted = (part: MessagePart, content: Buffer): boolean =>
  /^text\//i.test(part.mimeType ?? '') &&
  !part.filename &&
  content.some((byte) => byte >= 0x80) &&
  isUtf8(content)

/** An invitation is another form of the text (RFC 6047, section 2.4); one with a name is a file besides. */
const isInvitation = (part: MessagePart): boolean =>
  part.mimeType === 'text/calendar' &&
  !part.filename &&
  !/^\s*attachment/i.test(partHeader(part, 'content-disposition') ?? '')
