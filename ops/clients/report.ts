import type { LabClient } from './client.ts'
import { COLUMNS, type Column } from './columns.ts'
import type { Finding } from './judge.ts'
import type { Outcome } from './trial.ts'

/** What came of one client: an outcome, or why it could not be tried. */
export interface Row {
  readonly client: LabClient
  readonly version: string
  readonly outcome: Outcome | string
}

/** What is not a yes and has no reason that is the client's. */
export const unexplained = (rows: readonly Row[]): string[] =>
  rows.flatMap(({ client, outcome }) =>
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
export function report(rows: readonly Row[], { day, node }: { day: string; node: string }): string {
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
    `Run on ${day}, Linux, Node ${node}.`,
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
