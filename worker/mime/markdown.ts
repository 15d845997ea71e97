import { marked } from 'marked'
import { readHtml } from './read-html.ts'

/** The HTML of Markdown (CommonMark, and GitHub's tables, strikethrough and line breaks). HTML in it is made harmless. */
export function markdownHtml(source: string): string {
  const made = marked.parse(source, { async: false, gfm: true, breaks: true })
  return (readHtml(made, { html: true, wholeLinks: true }).html ?? '').trim()
}
