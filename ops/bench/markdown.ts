import type { Machine } from './machine.ts'
import { type Budget, isMet, type Row, ratioOf } from './result-row.ts'

export interface Section {
  readonly title: string
  readonly rows: readonly Row[]
  readonly notes: readonly string[]
}

/** The whole result for people: the machine, then a table for each section. */
export function markdown(machine: Machine, sections: readonly Section[]): string {
  const { cpu, cores, memoryGiB, node, kernel } = machine
  const head = `Measured on ${cpu}, ${cores} cores, ${memoryGiB} GiB, Node ${node}, ${kernel}. Both sides of each ratio come from this one run.`
  return `${[head, ...sections.map(sectionText)].join('\n\n')}\n`
}

const HEADER = ['what', 'figure', 'compared with', 'figure there', 'ratio', 'budget', 'met']

function sectionText({ title, rows, notes }: Section): string {
  const lines = rows.length > 0 ? [table([HEADER, ...rows.map(cells)]).join('\n')] : []
  return [`### ${title}`, ...lines, ...notes].join('\n\n')
}

function cells(row: Row): string[] {
  const { what, unit, ours, against, budget } = row
  const ratio = ratioOf(row)
  const met = isMet(row)
  return [
    what,
    figure(ours, unit),
    against?.name ?? '',
    against ? figure(against.figure, unit) : '',
    ratio === undefined ? '' : `${ratio.toFixed(2)} ×`,
    budget ? budgetText(budget, unit) : '',
    met === undefined ? '' : met ? 'yes' : '**no**'
  ]
}

const figure = (value: number, unit: string): string => `${round(value)} ${unit}`

/** Three digits that mean something. */
const round = (value: number): string =>
  Math.abs(value) >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)))

function budgetText({ kind, limit }: Budget, unit: string): string {
  if (kind === 'at most') return `≤ ${limit} ${unit}`
  return kind === 'ratio at most' ? `≤ ${limit} ×` : `≥ ${limit} ×`
}

function table([header = [], ...rows]: readonly string[][]): string[] {
  const widths = header.map((_, at) =>
    Math.max(3, ...[header, ...rows].map((row) => row[at]?.length ?? 0))
  )
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`
  return [line(header), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)]
}
