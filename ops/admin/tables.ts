import * as z from 'zod'
import { ago, count, size, time } from '../../gateway/admin/page/format.js'
import { saying } from './failed.ts'

type Row = Readonly<Record<string, unknown>>

/** Which columns a list has, in which order: a path into each entry, and its head. */
const COLUMNS: Readonly<Record<string, readonly [path: string, head: string][]>> = {
  listUsers: [
    ['email', 'PERSON'],
    ['state', 'STATE'],
    ['isAllowed', 'ALLOWED'],
    ['level', 'LEVEL'],
    ['sessions', 'SESSIONS'],
    ['clients', 'CLIENTS'],
    ['tokens', 'TOKENS'],
    ['usage.calls', 'CALLS'],
    ['lastSeenAt', 'LAST SEEN'],
    ['id', 'ID']
  ],
  topUsers: [
    ['email', 'PERSON'],
    ['usage.cpuSeconds', 'PROCESSOR'],
    ['usage.calls', 'CALLS'],
    ['usage.quotaUnits', 'QUOTA'],
    ['usage.bytesIn', 'IN'],
    ['usage.bytesOut', 'OUT']
  ],
  listSessions: [
    ['handle', 'SESSION'],
    ['email', 'PERSON'],
    ['client.name', 'CLIENT'],
    ['state', 'STATE'],
    ['inFlight', 'IN FLIGHT'],
    ['streams', 'STREAMS'],
    ['requests', 'REQUESTS'],
    ['lastSeenAt', 'LAST SEEN'],
    ['node', 'GATEWAY']
  ],
  listNodes: [
    ['node', 'GATEWAY'],
    ['isAsked', 'ASKED'],
    ['isReached', 'REACHED'],
    ['workers', 'WORKERS'],
    ['workerLimit', 'AT MOST']
  ],
  listCalls: callColumns(),
  killCalls: callColumns(),
  listWorkers: [
    ['id', 'WORKER'],
    ['pid', 'PROCESS'],
    ['phase', 'PHASE'],
    ['email', 'PERSON'],
    ['inFlight', 'IN FLIGHT'],
    ['sessions', 'SESSIONS'],
    ['requests', 'REQUESTS'],
    ['rssBytes', 'MEMORY'],
    ['cpuSeconds', 'PROCESSOR'],
    ['startedAt', 'STARTED'],
    ['node', 'GATEWAY']
  ],
  listAudit: [
    ['at', 'TIME'],
    ['actor', 'WHO'],
    ['action', 'DID'],
    ['target', 'TO'],
    ['reason', 'REASON']
  ]
}

function callColumns(): [string, string][] {
  return [
    ['tool', 'TOOL'],
    ['seconds', 'AGE'],
    ['email', 'PERSON'],
    ['clientName', 'CLIENT'],
    ['session', 'SESSION'],
    ['worker', 'WORKER'],
    ['call', 'CALL'],
    ['node', 'GATEWAY']
  ]
}

const Rows = z.array(z.record(z.string(), z.unknown()))
const Entries = z.record(z.string(), z.unknown())

/** An answer for people: lists as tables, everything else name by name. */
export function inWords(id: string, answer: unknown): string {
  if (id === 'event') return eventLine(answer)
  const { data: object } = Entries.safeParse(answer)
  if (!object) return saying(String(answer))
  const plain = flat(object)
  const lists = Object.entries(object).flatMap(([name, value]) =>
    Array.isArray(value) ? [listed(id, name, value, plain.length === 0)] : []
  )
  return [...(plain.length > 0 ? [pairs(plain)] : []), ...lists].join('\n\n')
}

/** A list, under its name unless it is all there is. */
function listed(id: string, name: string, list: readonly unknown[], isAlone: boolean): string {
  if (list.length === 0) return isAlone ? 'none' : `${name}: none`
  const { data: rows } = Rows.safeParse(list)
  const lines = rows ? table(rows, COLUMNS[id]) : list.map((one) => shown(name, one)).join('\n')
  return isAlone ? lines : `${name}\n${lines}`
}

function eventLine(answer: unknown): string {
  const { type, at, ...fields } = Entries.parse(answer)
  const told = flat(fields).map(([name, value]) => `${name}=${value}`)
  return [saying(String(at)), saying(String(type)), ...told].join('  ')
}

/** Names and values, those inside others with both names; lists are shown apart. */
function flat(object: Row, prefix = ''): [string, string][] {
  return Object.entries(object).flatMap(([name, value]): [string, string][] => {
    if (Array.isArray(value) && prefix === '') return []
    if (name === 'nextCursor') return []
    const { data: inner } = Entries.safeParse(value)
    if (inner && !Array.isArray(value)) return flat(inner, `${prefix}${name}.`)
    return [[`${prefix}${name}`, shown(name, value)]]
  })
}

function pairs(all: readonly [string, string][]): string {
  const width = Math.max(...all.map(([name]) => name.length))
  return all.map(([name, value]) => `${name.padEnd(width)}  ${value}`).join('\n')
}

function table(rows: readonly Row[], columns = columnsOf(rows)): string {
  const cells = rows.map((row) => columns.map(([path]) => shown(lastOf(path), at(row, path))))
  const isNumber = columns.map(([path]) => rows.some((row) => typeof at(row, path) === 'number'))
  const widths = columns.map(([, head], i) =>
    Math.max(head.length, ...cells.map((line) => line[i]?.length ?? 0))
  )
  const lines = [columns.map(([, head]) => head), ...cells]
  return lines
    .map((line) =>
      line
        .map((cell, i) =>
          isNumber[i] ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)
        )
        .join('  ')
        .trimEnd()
    )
    .join('\n')
}

const columnsOf = (rows: readonly Row[]): readonly [string, string][] =>
  [...new Set(rows.flatMap((row) => Object.keys(row)))].map((name) => [name, name.toUpperCase()])

const lastOf = (path: string): string => path.split('.').at(-1) ?? path

function at(row: Row, path: string): unknown {
  let value: unknown = row
  for (const name of path.split('.')) value = Entries.safeParse(value).data?.[name]
  return value
}

/** A value as people read it; its name says what it counts. */
function shown(name: string, value: unknown): string {
  if (value === null || value === undefined) return '-'
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (typeof value === 'number') {
    if (/bytes/i.test(name)) return size(value)
    return /seconds$/i.test(name) ? time(value) : count(value)
  }
  if (typeof value === 'object') return saying(JSON.stringify(value))
  const text = String(value)
  return /(seen|started|used)At$/i.test(name)
    ? ago(text, Date.now())
    : saying(text).replaceAll('\n', ' ')
}
