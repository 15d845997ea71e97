import * as z from 'zod'
import { V8_FLAGS } from '#shared/v8-flags.ts'
import { startSandbox } from '../../sandbox/sandbox.ts'
import type { Bench } from '../bench.ts'
import { source } from '../bench-place.ts'
import { Child } from '../child.ts'
import type { Section } from '../markdown.ts'
import { median } from '../percentile.ts'
import type { Budget, Row } from '../result-row.ts'

const MESSAGES = 200
const PAGE = 50
/** What a newsletter of a megabyte consists of. */
const OFFERS = 2100
const AGAIN = 5
const EMAIL = 'reader@example.com'
const MOST: Budget = { kind: 'ratio at most', limit: 1.2 }

const Read = z.object({ ms: z.number(), peakMegabytes: z.number() })

interface Job {
  readonly what: string
  readonly tool: string
  /** A small one of the kind, by which everything is loaded. */
  readonly before: Readonly<Record<string, unknown>>
  readonly calls: readonly Readonly<Record<string, unknown>>[]
}

interface Figures {
  readonly first: number
  readonly again: number
  readonly memory: number
}

/** What it costs to read mail, beside another build: the tools alone, each side in processes of its own. */
export async function reading(bench: Bench): Promise<Section> {
  const { effort, root } = bench
  const [other] = bench.others
  if (!other) throw new Error('Say which build to compare with: --against <directory>')
  const gmail = await startSandbox({ users: [{ email: EMAIL, empty: true }] })
  try {
    const box = gmail.mailbox(EMAIL)
    const { accessToken } = gmail.issueGrant(EMAIL, [
      'https://www.googleapis.com/auth/gmail.readonly'
    ])
    const small = box.deliver(note())
    const thread = Array.from({ length: MESSAGES }, (_, at) => box.deliver(answer(at)))
    const letter = box.deliver(newsletter())
    const jobs: Job[] = [
      {
        what: `a conversation of ${MESSAGES} messages, in pages of ${PAGE}`,
        tool: 'get_thread',
        before: { threadId: small.threadId },
        calls: Array.from({ length: MESSAGES / PAGE }, (_, page) => ({
          threadId: thread[0]?.threadId,
          maxMessages: PAGE,
          offset: page * PAGE
        }))
      },
      {
        what: 'a newsletter of 1 MB',
        tool: 'read_email',
        before: { messageId: small.id },
        calls: [{ messageId: letter.id }]
      }
    ]
    const rows: Row[] = []
    for (const job of jobs) {
      const pairs: { ours: Figures; theirs: Figures }[] = []
      for (let n = 0; n < effort.comparisons; n += 1) {
        const read = (place: string) => figures(job, [place, gmail.url, EMAIL, accessToken])
        const isTurned = n % 2 === 1
        const early = await read(isTurned ? other.root : root)
        const late = await read(isTurned ? root : other.root)
        pairs.push(isTurned ? { ours: late, theirs: early } : { ours: early, theirs: late })
      }
      rows.push(
        rowOf(`${job.what}, first`, 'ms', pairs, ({ first }) => first),
        rowOf(`${job.what}, again`, 'ms', pairs, ({ again }) => again),
        rowOf(`${job.what}, memory at most`, 'MB', pairs, ({ memory }) => memory)
      )
    }
    return {
      title: 'Reading mail, beside the other build',
      rows,
      notes: [
        `Processor time of the tools in a process that has nothing else to do, under a worker's flags, without gateway and walls; "first" is after a small one of the kind, by which everything is loaded, "again" is the median of ${AGAIN}. ${effort.comparisons} processes of each side, in turns; a ratio is the median of theirs.`
      ]
    }
  } finally {
    await gmail.close()
  }
}

async function figures({ tool, before, calls }: Job, args: readonly string[]): Promise<Figures> {
  await using reader = new Child(source('reader'), { flags: V8_FLAGS, args })
  await reader.next(z.literal('ready'))
  await reader.ask({ tool, calls: [before] }, Read)
  const first = await reader.ask({ tool, calls }, Read)
  const again: number[] = []
  let { peakMegabytes } = first
  for (let n = 0; n < AGAIN; n += 1) {
    const read = await reader.ask({ tool, calls }, Read)
    again.push(read.ms)
    peakMegabytes = read.peakMegabytes
  }
  return { first: first.ms, again: median(again), memory: peakMegabytes }
}

function rowOf(
  what: string,
  unit: Row['unit'],
  pairs: readonly { ours: Figures; theirs: Figures }[],
  figure: (figures: Figures) => number
): Row {
  return {
    what,
    unit,
    ours: median(pairs.map(({ ours }) => figure(ours))),
    against: {
      name: 'the other build',
      figure: median(pairs.map(({ theirs }) => figure(theirs)))
    },
    ratio: median(pairs.map(({ ours, theirs }) => figure(ours) / figure(theirs))),
    budget: MOST
  }
}

/** Some sentences, other ones for each number. */
const prose = (seed: number): string =>
  Array.from({ length: 120 }, (_, at) => `word${(seed * 7 + at * 13) % 997}`).join(' ')

/** A few words in HTML alone. */
const note = (): string =>
  [
    'From: Ada <ada@out.test>',
    `To: ${EMAIL}`,
    'Subject: A note',
    'Date: Tue, 17 Nov 2026 10:00:00 +0000',
    'MIME-Version: 1.0',
    'Content-Type: text/html; charset=utf-8',
    '',
    '<style>p{color:#333}</style><p>See you <b>tomorrow</b>.</p>',
    ''
  ].join('\r\n')

/** One of a conversation as Gmail writes them: two forms, below both a quote of the message before. */
function answer(at: number): string {
  const own = `Message ${at}. ${prose(at)}`
  const before = `Message ${at - 1}. ${prose(at - 1)}`
  const head = 'On Mon, 16 Nov 2026 at 10:00, Ada <ada@out.test> wrote:'
  // Mail programs break lines between words.
  const line = before.lastIndexOf(' ', 200)
  const plain =
    at === 0 ? '' : `\r\n\r\n${head}\r\n> ${before.slice(0, line)}\r\n> ${before.slice(line + 1)}`
  const rich =
    at === 0
      ? ''
      : `<br><div class="gmail_quote">${head.replaceAll('<', '&lt;')}<blockquote>${before}</blockquote></div>`
  return [
    'From: Ada <ada@out.test>',
    `To: ${EMAIL}`,
    `Subject: ${at === 0 ? '' : 'Re: '}A long one`,
    `Message-ID: <m${at}@out.test>`,
    ...(at === 0
      ? []
      : [`In-Reply-To: <m${at - 1}@out.test>`, `References: <m0@out.test> <m${at - 1}@out.test>`]),
    'Date: Tue, 17 Nov 2026 10:00:00 +0000',
    'MIME-Version: 1.0',
    'Content-Type: multipart/alternative; boundary=B',
    '',
    '--B',
    'Content-Type: text/plain; charset=utf-8',
    '',
    `${own}${plain}`,
    '--B',
    'Content-Type: text/html; charset=utf-8',
    '',
    `<div>${own}</div>${rich}`,
    '--B--',
    ''
  ].join('\r\n')
}

/** A table of offers with styles of its own, in HTML alone. */
function newsletter(): string {
  const rules = Array.from(
    { length: 120 },
    (_, at) => `.c${at}{color:#${at % 9}3${at % 9};font-size:${12 + (at % 4)}px}`
  )
  const offers = Array.from(
    { length: OFFERS },
    (_, at) =>
      `<tr><td class="c${at % 40}" style="padding:10px;font-family:Arial;font-size:14px;color:#333333;background-color:#ffffff"><a href="https://click.example/x?u=${'a'.repeat(80)}${at}" style="color:#0066cc;text-decoration:none">Offer ${at} of the week</a><br><span style="font-size:12px;color:#666">Only until Friday, ${at} pieces left, free delivery.</span></td><td align="right" style="font-size:14px">${at}.99&nbsp;EUR</td></tr>`
  )
  return [
    'From: Offers <offers@out.test>',
    `To: ${EMAIL}`,
    'Subject: Offers of the week',
    'Date: Tue, 17 Nov 2026 10:00:00 +0000',
    'MIME-Version: 1.0',
    'Content-Type: text/html; charset=utf-8',
    '',
    `<html><head><style>${rules.join('')}@media (max-width:600px){.c1{display:none}}</style></head>`,
    '<body bgcolor="#f4f4f4"><div style="display:none">Preview</div><table width="600">',
    ...offers,
    '</table></body></html>',
    ''
  ].join('\r\n')
}
