import type { Expected, TextTree } from './cpython.ts'
import { folded, type Seen } from './try-mail.ts'

/** What is wrong with what the tools made of a mail; empty lists when nothing is. */
export interface Verdict {
  /** Words of CPython's text that no tool gives. */
  readonly lost: readonly string[]
  /** Recipients that stand in none of the fields, and those that are left out. */
  readonly wrong: readonly string[]
  readonly missing: readonly string[]
  /** An answer was refused: `right` when the mail names nobody who could be answered. */
  readonly refused: 'no' | 'right' | 'wrong'
  /** Files whose bytes no download, or no forward, gave. */
  readonly files: readonly string[]
  readonly forwards: readonly string[]
  readonly crashes: readonly string[]
}

/** Compares with what CPython's `email` package says. */
export function judge(seen: Seen, expected: Expected): Verdict {
  const { crashes } = seen
  if ('failed' in expected) return { ...FINE, crashes, refused: seen.reply ? 'no' : 'right' }
  const target = expected.reply.sure.length > 0 ? expected.reply : expected.from
  const possible = new Set([...expected.reply.seen, ...expected.from.seen])
  const possibleForAll = new Set([...possible, ...expected.others.seen])
  const isAnswerable = possible.size > 0
  return {
    lost: lostIn(expected.text, folded(seen.text)),
    wrong: [
      ...(seen.reply ?? []).filter((each) => !possible.has(each)),
      ...(seen.replyAll ?? []).filter((each) => !possibleForAll.has(each))
    ],
    missing: [
      ...(seen.reply ? target.sure.filter((each) => !seen.reply?.includes(each)) : []),
      ...(seen.replyAll
        ? expected.others.sure.filter((each) => !seen.replyAll?.includes(each))
        : [])
    ],
    refused: seen.reply ? 'no' : isAnswerable ? 'wrong' : 'right',
    files: filesMissing(
      expected.files,
      seen.files.map(({ sha256 }) => sha256)
    ),
    forwards: filesMissing(expected.files, seen.forwarded),
    crashes
  }
}

const FINE = { lost: [], wrong: [], missing: [], files: [], forwards: [] } as const

type File = { name: string; size: number; sha256: string }

const filesMissing = (files: readonly File[], hashes: readonly string[]): string[] =>
  files
    .filter(({ sha256 }) => !hashes.includes(sha256))
    .map(({ name, size }) => `${name || '(no name)'} (${size} bytes)`)

/** Of alternatives the one counts of which the least is lost. */
function lostIn(tree: TextTree, text: string): string[] {
  if ('words' in tree) return tree.words.filter((word) => !text.includes(word))
  if ('all' in tree) return tree.all.flatMap((each) => lostIn(each, text))
  const losses = tree.any.map((each) => lostIn(each, text))
  return losses.toSorted((a, b) => a.length - b.length)[0] ?? []
}
