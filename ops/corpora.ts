/**
 * Has the tools read, answer, forward and download mail that others wrote, and compares with CPython's `email` package.
 * The mail comes from Debian packages into a temporary directory, or lies below a directory that is given.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { askCpython } from './corpora/cpython.ts'
import { fetchPackages } from './corpora/fetch-packages.ts'
import { findMail } from './corpora/find-mail.ts'
import { judge, type Verdict } from './corpora/judge.ts'
import { startDemo } from './corpora/people.ts'
import { type Seen, tryMail } from './corpora/try-mail.ts'

const PEOPLE = Number(process.env.CORPORA_PEOPLE ?? 8)

/** Tries all mail below a directory; false when anything is wrong. */
async function tryAll(directory: string): Promise<boolean> {
  const paths = findMail(directory)
  const expected = await askCpython(paths)
  if (!expected) console.log('There is no python3: nothing is compared but crashes.')
  console.log(`${paths.length} mails`)
  const demo = await startDemo(PEOPLE)
  const verdicts: { path: string; verdict: Verdict; seen: Seen }[] = []
  try {
    const queue = paths.entries()
    await Promise.all(
      demo.people.map(async (person) => {
        for (const [at, path] of queue) {
          const seen = await tryMail(person, path)
          const verdict = judge(seen, expected?.[at] ?? { failed: 'not asked' })
          verdicts.push({ path: relative(directory, path), verdict, seen })
          tell(relative(directory, path), verdict, seen)
        }
      })
    )
  } finally {
    await demo.close()
  }
  return summary(verdicts.map(({ verdict }) => verdict))
}

const FEW = 12
const few = (list: readonly string[]): string =>
  `${list.slice(0, FEW).join(' ')}${list.length > FEW ? ` … (${list.length})` : ''}`

function tell(path: string, verdict: Verdict, { refusal, threadCut }: Seen): void {
  const lines = [
    ...verdict.crashes.map((each) => `CRASH   ${each}`),
    ...(verdict.lost.length > 0 ? [`LOST    ${few(verdict.lost)}`] : []),
    ...(threadCut.length > 0 ? [`THREAD  ${few(threadCut)}`] : []),
    ...(verdict.wrong.length > 0 ? [`WRONG   ${few(verdict.wrong)}`] : []),
    ...(verdict.missing.length > 0 ? [`MISSING ${few(verdict.missing)}`] : []),
    ...(verdict.refused === 'wrong' ? [`REFUSED ${refusal.slice(0, 300)}`] : []),
    ...verdict.files.map((each) => `FILE    ${each}`),
    ...verdict.forwards.map((each) => `FORWARD ${each}`)
  ]
  if (lines.length > 0) console.log([path, ...lines.map((line) => `  ${line}`)].join('\n'))
}

function summary(verdicts: readonly Verdict[]): boolean {
  const count = (has: (verdict: Verdict) => boolean) => verdicts.filter(has).length
  const figures = {
    mails: verdicts.length,
    crashes: count(({ crashes }) => crashes.length > 0),
    lost: count(({ lost }) => lost.length > 0),
    wrongRecipients: count(({ wrong }) => wrong.length > 0),
    missingRecipients: count(({ missing }) => missing.length > 0),
    refusedRightly: count(({ refused }) => refused === 'right'),
    refusedWrongly: count(({ refused }) => refused === 'wrong'),
    files: count(({ files }) => files.length > 0),
    forwards: count(({ forwards }) => forwards.length > 0)
  }
  console.log(JSON.stringify(figures))
  const { mails: _, refusedRightly: __, ...faults } = figures
  return Object.values(faults).every((each) => each === 0)
}

if (import.meta.main) {
  const [, , given] = process.argv
  const temporary = given === undefined ? await mkdtemp(join(tmpdir(), 'corpora-')) : undefined
  try {
    if (temporary) await fetchPackages(temporary)
    process.exitCode = (await tryAll(given ?? join(temporary ?? '', 'mail'))) ? 0 : 1
  } finally {
    if (temporary) await rm(temporary, { recursive: true, force: true })
  }
}
