import * as z from 'zod'
import type { LabClient } from './client.ts'
import { COLUMNS, type Column } from './columns.ts'
import type { Finding } from './judge.ts'

const Cell = z.object({
  is: z.enum(['yes', 'no', 'partly']),
  what: z.string(),
  said: z.string().optional()
})
const Shown = z.object({ text: z.string(), image: z.string(), link: z.string(), blob: z.string() })

/** What came of each client at its last run, by name: an outcome, or why it could not be tried. */
export const Results = z.record(
  z.string(),
  z.object({
    version: z.string(),
    day: z.string(),
    node: z.string(),
    outcome: z.union([
      z.string(),
      z.object({ findings: z.record(z.enum(COLUMNS), Cell), shown: Shown })
    ])
  })
)
export type Results = z.infer<typeof Results>

interface Row {
  readonly client: LabClient
  readonly version: string
  readonly outcome: Results[string]['outcome']
}

const rowsOf = (clients: readonly LabClient[], results: Results): Row[] =>
  clients.flatMap((client) => {
    const result = results[client.name]
    return result ? [{ client, version: result.version, outcome: result.outcome }] : []
  })

/** What is not a yes and has no reason that is the client's. */
export const unexplained = (clients: readonly LabClient[], results: Results): string[] =>
  rowsOf(clients, results).flatMap(({ client, outcome }) =>
    typeof outcome === 'string'
      ? [`${client.name}: ${outcome}`]
      : COLUMNS.filter(
          (column) => outcome.findings[column].is !== 'yes' && !reasonOf(client, column)
        ).map((column) => `${client.name}, ${column}: ${outcome.findings[column].said ?? ''}`)
  )

/** Why a column is not a yes, where that lies with the client. */
const reasonOf = (client: LabClient, column: Column): string | undefined =>
  client.because?.[column] ??
  ((column === 'sign-in' || column === 'step-up') && typeof client.signIn === 'string'
    ? client.signIn
    : undefined)

/** The tables as Markdown, with the reasons below them. */
export function report(clients: readonly LabClient[], results: Results): string {
  const rows = rowsOf(clients, results)
  const days = [...new Set(Object.values(results).map(({ day, node }) => `${day} (Node ${node})`))]
  const notes: string[] = []
  const cell = (client: LabClient, column: Column, { is, what, said }: Finding): string => {
    if (is === 'yes') return what
    const reason = reasonOf(client, column) ?? 'not explained'
    const words = said && said !== reason ? ` It said: \`${said.replaceAll('`', "'")}\`` : ''
    notes.push(`${client.name}, ${column}: ${reason}.${words}`)
    return `${what} [${notes.length}]`
  }
  const tried = rows.flatMap((row) =>
    typeof row.outcome === 'string' ? [] : [{ ...row, outcome: row.outcome }]
  )
  const failed = rows.flatMap((row) =>
    typeof row.outcome === 'string' ? [`- ${row.client.name} ${row.version}: ${row.outcome}`] : []
  )
  const first = table(
    ['client', ...COLUMNS],
    tried.map(({ client, version, outcome }) => [
      `${client.name} ${version}`,
      ...COLUMNS.map((column) => cell(client, column, outcome.findings[column]))
    ])
  )
  const second = table(
    ['client', 'seen in', 'text', 'image', 'link', 'embedded PDF'],
    tried.map(({ client, outcome: { shown } }) => [
      client.name,
      client.through,
      ...[shown.text, shown.image, shown.link, shown.blob]
    ])
  )
  return [
    `Run on Linux, on ${days.sort().join(' and ')}.`,
    first,
    notes.map((note, index) => `${index + 1}. ${note}`).join('\n'),
    ...(failed.length > 0 ? [`Not run:\n\n${failed.join('\n')}`] : []),
    '### Attachments',
    'The forms of `download_attachment`: text and image and link are what it chooses by itself for a table, a picture and a PDF; the last column is the PDF asked for with `delivery: inline`.',
    second
  ]
    .filter((part) => part !== '')
    .join('\n\n')
}

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => '---'), ...rows]
    .map((cells) => `| ${cells.map((text) => text.replaceAll('|', '\\|')).join(' | ')} |`)
    .join('\n')
