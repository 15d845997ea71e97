/** What runs in the thread that reads hostile mail. It has no token, no environment and no network use. */

import { eventsInWords } from './calendar.ts'
import { type ForwardedHtml, forwardHtml as fitToForward } from './forward-html.ts'
import { decodeRare as decode } from './rare-charset.ts'
import { type HtmlWishes, type ReadHtml, readHtml as read } from './read-html.ts'

/** What the thread does: what each task takes and gives. */
export interface Tasks {
  readHtml(job: { readonly source: string; readonly wishes: HtmlWishes }): ReadHtml
  /** The HTML of a message, fit to be sent on inside another one. */
  forwardHtml(source: string): ForwardedHtml
  /** A calendar object in words; undefined when it is none. */
  readCalendar(source: string): string | undefined
  /** The HTML of Markdown. */
  markdownHtml(source: string): Promise<string>
  /** Text in a charset that the platform does not know; undefined when nobody knows it. */
  decodeRare(job: { readonly bytes: Uint8Array; readonly charset: string }): string | undefined
}

export const readHtml: Tasks['readHtml'] = ({ source, wishes }) => read(source, wishes)
export const forwardHtml: Tasks['forwardHtml'] = (source) => fitToForward(source)
export const readCalendar: Tasks['readCalendar'] = (source) => eventsInWords(source)
export const markdownHtml: Tasks['markdownHtml'] = async (source) =>
  (await import('./markdown.ts')).markdownHtml(source)
export const decodeRare: Tasks['decodeRare'] = ({ bytes, charset }) => decode(bytes, charset)
