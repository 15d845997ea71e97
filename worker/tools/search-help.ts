import * as z from 'zod'
import { defineTool } from '../tool-kit/define-tool.ts'
import { READS } from '../tool-kit/schemas.ts'

/** Gmail's search operators, after Google's help page "Refine searches in Gmail", by topic. */
const SEARCH_HELP = {
  people: [
    'from:amy@example.com — who wrote; a part of the name or address is enough',
    'to:amy · cc:amy · bcc:amy · deliveredto:me+shop@example.com — who got it',
    'from:me · to:me — the account itself',
    'list:info@example.com — mail of a mailing list'
  ],
  words: [
    'dinner movie — both words, in any place; "dinner and a movie" — these words in this order',
    'subject:(dinner movie) — in the subject',
    'dinner OR movie · {dinner movie} — one of them is enough; OR in capitals',
    '-movie — without that word; works before every operator',
    '+movie — exactly that word; holiday AROUND 10 vacation — within ten words of each other',
    'rfc822msgid:<id@example.com> — the message with that Message-ID'
  ],
  time: [
    'after:2026/04/16 · before:2026/04/18 — Gmail counts these days in Pacific time (UTC-8, in summer UTC-7)',
    'after:1776297600 · before:1776384000 — seconds since 1970 (UTC): use these for exact times',
    'older_than:3d · newer_than:2d — days (d), months (m), years (y) from now'
  ],
  places: [
    'in:inbox · in:sent · in:drafts · in:spam · in:trash · in:archive · in:snoozed',
    'in:anywhere — spam and bin as well',
    'label:work · -label:work · has:userlabels · has:nouserlabels',
    'category:primary · category:social · category:promotions · category:updates · category:forums',
    'is:unread · is:read · is:starred · is:important · is:muted'
  ],
  files: [
    'has:attachment · filename:pdf · filename:homework.txt',
    'has:drive · has:document · has:spreadsheet · has:presentation · has:youtube',
    'larger:10M · smaller:1M · size:1000000'
  ]
} as const

const TOPICS = ['people', 'words', 'time', 'places', 'files'] as const

export const getSearchHelp = defineTool({
  name: 'get_search_help',
  title: 'Explain the search',
  description:
    'Explains the operators of Gmail search, such as from:, has:attachment and older_than:, with examples.',
  level: 'gmail.read',
  annotations: { ...READS, openWorldHint: false },
  input: z.object({ topic: z.enum(TOPICS).optional().describe('All by default') }),
  output: z.object({
    topics: z.array(z.object({ topic: z.string(), operators: z.array(z.string()) }))
  }),
  async run({ topic: wanted }) {
    const topics = TOPICS.filter((topic) => wanted === undefined || topic === wanted).map(
      (topic) => ({ topic, operators: [...SEARCH_HELP[topic]] })
    )
    const text = topics
      .flatMap(({ topic, operators }) => [`${topic}:`, ...operators.map((each) => `- ${each}`)])
      .join('\n')
    return { structured: { topics }, text }
  }
})
