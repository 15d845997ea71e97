import { type Attachment, describeAttachment } from '../gmail/attachment.ts'
import { type BodyPlan, bodyPlan } from '../gmail/body-plan.ts'
import type { Message } from '../gmail/mailbox.ts'
import type { Stripped } from '../mime/strip-quotes.ts'
import type { ToolCall } from '../tool-kit/context.ts'
import { BodyReader, type Section } from './body-reader.ts'

/** What a message says. */
export interface Body {
  /** Plain text: what a reader of the message sees, in order, with attached messages and invitations in words. */
  readonly text: string
  /** Which of the message's forms `text` was made from. */
  readonly source: 'text' | 'html' | 'none'
  /** Harmless HTML; only when it was asked for and there is some. */
  readonly html?: string
  readonly attachments: readonly Attachment[]
  /** What `text` was made from, in order. */
  readonly sections: readonly Section[]
  readonly hasHtml: boolean
  readonly leftOut: LeftOut
}

/** What was not told, so that the answer can say so. Only what there is. */
export interface LeftOut {
  /** Characters of text that nobody sees: hidden, of no size, of the colour of what is behind it. */
  readonly hiddenChars?: number | undefined
  /** Characters of older messages that this one repeats. */
  readonly quotedChars?: number | undefined
  /** Links whose address was too long for the text. */
  readonly cutLinks?: number | undefined
  /** Characters or parts beyond what is read of one message. */
  readonly isUnread?: boolean | undefined
  /** Quotes may stand here: there was too much text to be compared with the messages before. */
  readonly isQuoteKept?: boolean | undefined
  /** More style than is judged by: text that is hidden may have passed as seen. */
  readonly isStyleCut?: boolean | undefined
  /** The plain form is told, and not all of it was compared with what people see: the two may differ. */
  readonly isFormUnchecked?: boolean | undefined
}

export interface BodyWishes {
  readonly html: boolean
  /** For text that is sent on: addresses stay whole. */
  readonly wholeLinks?: boolean
}

/** Reads the body of a message that was fetched in full. Throws `too_large` for HTML that breaks the limits. */
export async function readBody(
  message: Message,
  wishes: BodyWishes,
  call: ToolCall
): Promise<Body> {
  const plan = bodyPlan(message.payload)
  const reader = new BodyReader(message, wishes, call)
  const sections = await reader.read(plan.pieces)
  const html = wishes.html ? htmlOf(sections) : undefined
  return {
    text: joinedText(sections),
    source: sourceOf(sections),
    ...(html !== undefined && { html }),
    attachments: plan.files.map(describeAttachment),
    sections,
    hasHtml: reader.hasHtml,
    leftOut: leftOut(reader, plan)
  }
}

/** Whether a section is of what the sender wrote: no invitation, no report, no other message. */
export const isOwnWords = ({ kind }: Section): boolean => kind === 'text' || kind === 'html'

/** The body with less text in those sections that are the sender's own words; what was attached to it stays. */
export function withoutQuotes(body: Body, strip: (section: Section) => Stripped): Body {
  let quotedChars = 0
  const sections = body.sections.map((section) => {
    if (!isOwnWords(section)) return section
    const own = strip(section)
    quotedChars += own.leftOut
    return { ...section, text: own.text }
  })
  if (quotedChars === 0) return body
  return {
    ...body,
    sections,
    text: joinedText(sections),
    leftOut: { ...body.leftOut, quotedChars }
  }
}

const joinedText = (sections: readonly Section[]): string =>
  sections
    .map(({ text }) => text)
    .filter((text) => text !== '')
    .join('\n\n')

function sourceOf(sections: readonly Section[]): Body['source'] {
  const told = sections.filter(({ text }) => text !== '')
  if (told.length === 0) return 'none'
  return told.some(({ kind }) => kind === 'html') ? 'html' : 'text'
}

/** Only where a part of the message is HTML. */
function htmlOf(sections: readonly Section[]): string | undefined {
  const isHtml = sections.some(({ html, kind }) => html !== undefined && kind !== 'text')
  const all = sections.flatMap(({ html }) => html ?? [])
  return isHtml || sections.some(({ hasOwnHtml }) => hasOwnHtml) ? all.join('\n') : undefined
}

function leftOut(reader: BodyReader, plan: BodyPlan): LeftOut {
  const { hiddenChars, cutLinks, isStyleCut } = reader
  return {
    ...(hiddenChars > 0 && { hiddenChars }),
    ...(cutLinks > 0 && { cutLinks }),
    ...((reader.isUnread || plan.isCut) && { isUnread: true }),
    ...(isStyleCut && { isStyleCut }),
    ...(reader.isFormUnchecked && { isFormUnchecked: true })
  }
}

/** What was left out, in words; none when there is nothing. */
export function leftOutText(out: LeftOut): string[] {
  const { hiddenChars, quotedChars, cutLinks } = out
  return [
    hiddenChars ? `${hiddenChars} characters that the sender made invisible were left out.` : '',
    quotedChars
      ? `${quotedChars} characters of quoted older messages were left out; stripQuotes false shows them.`
      : '',
    cutLinks ? `${cutLinks} long links were cut; read_email with format html has them whole.` : '',
    out.isQuoteKept
      ? 'Quotes may be left: the conversation is too long to be compared with all of it.'
      : '',
    out.isUnread
      ? 'The message is larger than what is read of one: the rest was left out; download_email has all of it.'
      : '',
    out.isStyleCut
      ? 'Its style sheets are too large to be judged by: text that nobody sees may stand here.'
      : '',
    out.isFormUnchecked
      ? 'This is the plain text form of a message too large or too complex to be compared with its HTML, which is what people see: the two may say other things.'
      : ''
  ].filter((line) => line !== '')
}
